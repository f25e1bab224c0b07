#pragma once

#include "absl/status/statusor.h"
#include "libs/app/environment.h"
#include "libs/app/service.h"
#include "proto/cleanmail/scanner/v1/config.pb.h"
#include "services/scanner/learning/lessons.h"

namespace cleanmail::scanner::learning {

// Lessons as `settings` wants them, owned by `service`, over the room's own database, which is
// brought to its newest schema; with the timers that train and forget, and the bus door by which
// releases teach. nullptr where they are switched off, and, with a warning, in a cluster whose
// configuration names no PostgreSQL.
absl::StatusOr<Lessons*> AddLessons(app::Environment& env, const v1::LearningSettings& settings,
                                    Metrics& metrics, app::Service& service);

}  // namespace cleanmail::scanner::learning
