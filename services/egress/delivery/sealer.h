#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/crypto/signature.h"
#include "proto/cleanmail/egress/v1/config.pb.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"

namespace cleanmail::egress {

// Seals messages under one domain (RFC 8617). Thread-safe.
class Sealer {
 public:
  // InvalidArgument names the setting that is wrong, and what would be right. `clock` must outlive
  // it.
  static absl::StatusOr<std::unique_ptr<Sealer>> Create(const v1::Arc& settings,
                                                        const base::Clock& clock);

  // The message with one more set on top. `results` is our Authentication-Results value, of the
  // message as it came; that of the chain in it becomes cv=. FailedPrecondition: the message is not
  // to be sealed: its chain has ended (cv=fail), is at its longest, or is not known.
  absl::StatusOr<std::string> Seal(std::string_view message, std::string_view results) const;

 private:
  Sealer(v1::Arc settings, std::shared_ptr<const crypto::SigningKey> key, const base::Clock& clock)
      : settings_(std::move(settings)), key_(std::move(key)), clock_(clock) {}

  const v1::Arc settings_;
  const std::shared_ptr<const crypto::SigningKey> key_;
  const base::Clock& clock_;
};

// Our Authentication-Results value among the changes; empty: none was wanted.
std::string_view ResultsIn(const std::vector<mail::v1::Action>& actions);

}  // namespace cleanmail::egress
