#include "libs/directory/follower.h"

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/bus/events.h"
#include "proto/cleanmail/provisioning/v1/provisioning.grpc.pb.h"

namespace cleanmail::directory {
namespace {

using provisioning::v1::DirectoryChanged;
using provisioning::v1::ProvisioningService;

// One kind of a page, as changes that `put` writes the resource into.
template <class T, class Put>
void ApplyAll(const google::protobuf::RepeatedPtrField<T>& resources, Directory& directory,
              Put put) {
  for (const T& resource : resources) {
    DirectoryChanged change;
    change.set_name(resource.name());
    *put(change) = resource;
    directory.Apply(change);
  }
}

void ApplyPage(const provisioning::v1::SnapshotResponse& page, Directory& directory) {
  ApplyAll(page.tenants(), directory, [](auto& change) { return change.mutable_tenant(); });
  ApplyAll(page.domains(), directory, [](auto& change) { return change.mutable_domain(); });
  ApplyAll(page.users(), directory, [](auto& change) { return change.mutable_user(); });
  ApplyAll(page.routes(), directory, [](auto& change) { return change.mutable_route(); });
  ApplyAll(page.groups(), directory, [](auto& change) { return change.mutable_group(); });
  ApplyAll(page.observed_addresses(), directory,
           [](auto& change) { return change.mutable_observed_address(); });
}

}  // namespace

Follower::Follower(bus::Bus& bus, rpc::Peers& peers, Directory& directory)
    : bus_(bus), peers_(peers), directory_(directory) {
  directory.SetOrigin([&peers](const std::string& tenant) {
    rpc::Peer<ProvisioningService> provisioning = peers.To<ProvisioningService>();
    provisioning::v1::GetTenantRequest request;
    request.set_name(base::Cat("tenants/", tenant));
    return provisioning
        .Call(&ProvisioningService::Stub::GetTenant, request,
              {.deadline = absl::Now() + absl::Seconds(2), .trace = {}})
        .ok();
  });
}
Follower::~Follower() = default;

absl::Status Follower::TakeSnapshot(absl::Time deadline, int64_t& position) {
  rpc::Peer<ProvisioningService> provisioning = peers_.To<ProvisioningService>();
  provisioning::v1::SnapshotRequest request;
  for (bool first = true; first || !request.page_token().empty(); first = false) {
    CLEANMAIL_ASSIGN_OR_RETURN(const auto page,
                               provisioning.Call(&ProvisioningService::Stub::Snapshot, request,
                                                 {.deadline = deadline, .trace = {}}));
    ApplyPage(page, directory_);
    if (first) position = page.position();
    request.set_page_token(page.next_page_token());
  }
  return absl::OkStatus();
}

absl::Status Follower::Fill(absl::Time deadline) {
  if (subscription_ != nullptr) return absl::OkStatus();
  directory_.Clear();  // what an attempt that failed has left might have ended since
  int64_t position = -1;
  CLEANMAIL_RETURN_IF_ERROR(
      base::Annotate(TakeSnapshot(deadline, position), "the directory's snapshot"));
  const std::string topic = bus::TopicOf(*DirectoryChanged::descriptor()).name;
  CLEANMAIL_ASSIGN_OR_RETURN(const int64_t newest, bus_.NewestPosition(topic));
  if (newest <= position) directory_.Complete();
  CLEANMAIL_ASSIGN_OR_RETURN(
      subscription_,
      bus_.Follow(topic, position, [&directory = directory_, newest](bus::Change change) {
        DirectoryChanged event;
        if (event.ParseFromString(change.payload)) {
          directory.Apply(event);
        } else if (change.tombstone) {
          event.set_name(change.key);
          event.set_deleted(true);
          directory.Apply(event);
        }
        if (change.position >= newest) directory.Complete();
      }));
  return absl::OkStatus();
}

}  // namespace cleanmail::directory
