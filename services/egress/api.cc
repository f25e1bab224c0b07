#include "services/egress/api.h"

#include "google/protobuf/util/time_util.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/mail/address/domain.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/resource/name.h"
#include "libs/rpc/resource/page.h"

namespace cleanmail::egress {
namespace {

using google::protobuf::util::TimeUtil;

v1::Delivery ToProto(const Delivery& row) {
  v1::Delivery delivery;
  delivery.set_name(base::Cat("tenants/", row.message.tenant(), "/deliveries/", row.id));
  delivery.set_message_id(row.message.id());
  delivery.set_sender(row.content.empty() ? row.message.envelope().sender() : "");
  for (const std::string& address : row.recipients) delivery.add_recipients(address);
  delivery.set_destination(row.destination);
  delivery.set_attempts(row.attempts);
  *delivery.mutable_create_time() = TimeUtil::MicrosecondsToTimestamp(row.created_at_us);
  *delivery.mutable_next_attempt_time() = TimeUtil::MicrosecondsToTimestamp(row.next_attempt_at_us);
  delivery.set_last_reply(row.last_reply);
  return delivery;
}

// Whether a caller sees a delivery: it belongs to the domain of the tenant's own end.
bool Sees(const authz::Visible& visible, const Delivery& row) {
  const std::string& tenant = row.message.tenant();
  const bool inbound = row.message.direction() == mail::v1::DIRECTION_INBOUND;
  if (visible.SeesWholeTenant(tenant)) return true;
  const std::string address =
      inbound && !row.recipients.empty() ? row.recipients.front() : row.message.envelope().sender();
  const absl::StatusOr<std::string> domain =
      mail::address::NormalizeDomain(address.substr(address.rfind('@') + 1));
  return domain.ok() && visible.SeesDomain(tenant, *domain);
}

// The tenant a request is about: empty for all.
absl::StatusOr<std::string> TenantOf(std::string_view parent) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                             rpc::resource::Match("tenants/*", parent));
  return parts[0] == authz::kWholeInstallation ? std::string() : parts[0];
}

// Something of no tenant that every role may see.
constexpr authz::Target kForEverybody = {
    .tenant = authz::kWholeInstallation, .resource = "sourceRanges", .filtered = true};

std::string_view Checked(const std::string& tenant) {
  return tenant.empty() ? authz::kWholeInstallation : std::string_view(tenant);
}

}  // namespace

grpc::Status Api::ListDeliveries(grpc::ServerContext* rpc, const v1::ListDeliveriesRequest* request,
                                 v1::ListDeliveriesResponse* reply) {
  return rpc::Answer(rpc, [&](const rpc::Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string tenant, TenantOf(request->parent()));
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, authz::Permission::kReadDeliveries,
                     {.tenant = Checked(tenant), .resource = request->parent(), .filtered = true}));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string after,
                               rpc::resource::FromPageToken(request->page_token()));
    CLEANMAIL_ASSIGN_OR_RETURN(const int32_t limit, rpc::resource::PageSize(request->page_size()));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<Delivery> rows, store_.List(tenant, after, limit));
    const authz::Visible visible = authz_.VisibleTo(caller);
    for (const Delivery& row : rows) {
      if (Sees(visible, row)) *reply->add_deliveries() = ToProto(row);
    }
    if (static_cast<int32_t>(rows.size()) == limit)
      reply->set_next_page_token(rpc::resource::ToPageToken(PageKey(rows.back())));
    return absl::OkStatus();
  });
}

grpc::Status Api::RetryDeliveries(grpc::ServerContext* rpc,
                                  const v1::RetryDeliveriesRequest* request,
                                  v1::RetryDeliveriesResponse* reply) {
  return rpc::Answer(rpc, [&](const rpc::Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string tenant, TenantOf(request->parent()));
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, authz::Permission::kRetryDeliveries,
                                           Checked(tenant), request->parent()));
    CLEANMAIL_ASSIGN_OR_RETURN(const int64_t retried, store_.MakeDue(tenant, request->message_id(),
                                                                     base::NowMicros(clock_)));
    reply->set_retried(static_cast<int32_t>(retried));
    authz_.Changed(caller, authz::Permission::kRetryDeliveries,
                   {.tenant = Checked(tenant), .resource = request->parent()}, nullptr, reply);
    queue_.Tick();
    return absl::OkStatus();
  });
}

grpc::Status Api::ListSourceRanges(grpc::ServerContext* rpc, const v1::ListSourceRangesRequest*,
                                   v1::ListSourceRangesResponse* reply) {
  return rpc::Answer(rpc, [&](const rpc::Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, authz::Permission::kReadSourceRanges, kForEverybody));
    reply->mutable_source_ranges()->Add(source_ranges_.begin(), source_ranges_.end());
    return absl::OkStatus();
  });
}

grpc::Status Api::ExportSourceRanges(grpc::ServerContext* rpc, const v1::ExportSourceRangesRequest*,
                                     api::v1::Download* reply) {
  return rpc::Answer(rpc, [&](const rpc::Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, authz::Permission::kReadSourceRanges, kForEverybody));
    reply->set_content_type("text/plain");
    reply->set_file_name("source-ranges.txt");
    for (const v1::SourceRange& range : source_ranges_)
      *reply->mutable_content() += base::Cat(range.network(), " ", range.purpose(), "\n");
    return absl::OkStatus();
  });
}

grpc::Status Api::DescribeDestinations(grpc::ServerContext* rpc,
                                       const v1::DescribeDestinationsRequest* request,
                                       v1::DescribeDestinationsResponse* reply) {
  return rpc::Answer(rpc, [&](const rpc::Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, authz::Permission::kAskDestinations, authz::kWholeInstallation));
    for (const v1::Destination& asked : request->destinations()) {
      v1::DestinationAbilities& abilities = *reply->add_abilities();
      const absl::StatusOr<std::string> domain = mail::address::NormalizeDomain(asked.domain());
      const auto known = lore_.Of(asked.tenant(), domain.ok() ? *domain : asked.domain());
      if (!known.has_value()) continue;
      abilities.set_known(true);
      abilities.set_smtp_utf8(known->smtp_utf8);
      abilities.set_eight_bit(known->eight_bit);
      abilities.set_max_size(known->max_size);
    }
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::egress
