#include "absl/time/time.h"
#include "google/protobuf/util/time_util.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/resource/name.h"
#include "services/scanner/api.h"

namespace cleanmail::scanner {
namespace {

constexpr int kMostMessages = 1000;
constexpr size_t kMostBytes = 8 << 20;

// The tenant of `tenants/{tenant}/learning`; "-" is what all share.
absl::StatusOr<std::string> TenantOf(const std::string& name) {
  absl::StatusOr<std::vector<std::string>> parts = rpc::resource::Match("tenants/*/learning", name);
  if (!parts.ok()) return base::Annotate(parts.status(), "name");
  if ((*parts)[0] != learning::kShared && !rpc::resource::IsTenantId((*parts)[0]))
    return absl::InvalidArgumentError("name: no such tenant can be");
  return std::move((*parts)[0]);
}

absl::StatusOr<learning::Kind> KindOf(v1::Lesson lesson) {
  switch (lesson) {
    case v1::LESSON_SPAM:
      return learning::Kind::kSpam;
    case v1::LESSON_HAM:
      return learning::Kind::kHam;
    case v1::LESSON_FORGET:
      return learning::Kind::kForget;
    default:
      return absl::InvalidArgumentError("lesson: LESSON_SPAM, LESSON_HAM or LESSON_FORGET");
  }
}

absl::Status CheckSize(const v1::TeachMessagesRequest& request) {
  if (request.messages().empty()) return absl::InvalidArgumentError("messages: needed");
  if (request.messages_size() > kMostMessages)
    return absl::InvalidArgumentError("messages: at most 1000 at once");
  size_t bytes = 0;
  for (const std::string& mail : request.messages()) bytes += mail.size();
  if (bytes > kMostBytes) return absl::InvalidArgumentError("messages: at most 8 MiB at once");
  return absl::OkStatus();
}

absl::Status NoLearning() {
  return rpc::WithReason(
      absl::FailedPreconditionError("learning is switched off: scanner.learning"), "LEARNING_OFF");
}

}  // namespace

absl::StatusOr<std::string> Api::Admit(const rpc::Caller& caller, authz::Permission permission,
                                       const std::string& name) {
  CLEANMAIL_ASSIGN_OR_RETURN(std::string tenant, TenantOf(name));
  CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, permission, tenant, name));
  if (lessons_ == nullptr) return NoLearning();
  if (tenant != learning::kShared && !directory_.AwaitTenant(tenant))
    return authz::NoSuchResource();
  return tenant;
}

absl::StatusOr<v1::Learning> Api::LearningOf(const std::string& tenant) {
  CLEANMAIL_ASSIGN_OR_RETURN(const learning::LearningStatus status, lessons_->StatusOf(tenant));
  v1::Learning learning;
  learning.set_name(base::Cat("tenants/", tenant, "/learning"));
  learning.set_spam_count(status.state.spam);
  learning.set_ham_count(status.state.ham);
  learning.set_version(status.state.version);
  if (status.state.changed_at_us != 0)
    *learning.mutable_change_time() =
        google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(status.state.changed_at_us);
  learning.set_ready(status.ready);
  learning.set_least_count(lessons_->least());
  learning.set_missed_share(status.quality.missed_spam);
  learning.set_false_share(status.quality.false_spam);
  return learning;
}

grpc::Status Api::GetLearning(grpc::ServerContext* rpc, const v1::GetLearningRequest* request,
                              v1::Learning* reply) {
  return rpc::Answer(rpc, [&](const rpc::Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string tenant,
                               Admit(caller, authz::Permission::kReadLearning, request->name()));
    CLEANMAIL_ASSIGN_OR_RETURN(*reply, LearningOf(tenant));
    return absl::OkStatus();
  });
}

grpc::Status Api::TeachMessages(grpc::ServerContext* rpc, const v1::TeachMessagesRequest* request,
                                v1::TeachMessagesResponse* reply) {
  return rpc::Answer(rpc, [&](const rpc::Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string tenant,
                               Admit(caller, authz::Permission::kTeach, request->name()));
    CLEANMAIL_ASSIGN_OR_RETURN(const learning::Kind kind, KindOf(request->lesson()));
    CLEANMAIL_RETURN_IF_ERROR(CheckSize(*request));
    const std::vector<std::string_view> mails(request->messages().begin(),
                                              request->messages().end());
    CLEANMAIL_ASSIGN_OR_RETURN(const learning::Taught taught, lessons_->Teach(tenant, kind, mails));
    reply->set_learnt_count(taught.learnt);
    reply->set_changed_count(taught.changed);
    reply->set_known_count(taught.known);
    reply->set_forgotten_count(taught.forgotten);
    CLEANMAIL_ASSIGN_OR_RETURN(*reply->mutable_learning(), LearningOf(tenant));
    if (taught.learnt + taught.changed + taught.forgotten > 0) {
      authz_.Changed(caller, authz::Permission::kTeach,
                     {.tenant = tenant, .resource = request->name()}, nullptr, reply);
    }
    return absl::OkStatus();
  });
}

grpc::Status Api::DeleteLearning(grpc::ServerContext* rpc, const v1::DeleteLearningRequest* request,
                                 v1::Learning* reply) {
  return rpc::Answer(rpc, [&](const rpc::Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string tenant,
                               Admit(caller, authz::Permission::kTeach, request->name()));
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::Learning before, LearningOf(tenant));
    CLEANMAIL_RETURN_IF_ERROR(lessons_->ForgetAll(tenant));
    CLEANMAIL_ASSIGN_OR_RETURN(*reply, LearningOf(tenant));
    authz_.Changed(caller, authz::Permission::kTeach,
                   {.tenant = tenant, .resource = request->name()}, &before, reply);
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::scanner
