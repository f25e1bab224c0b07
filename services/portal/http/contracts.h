#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/dynamic_message.h"
#include "google/protobuf/message.h"
#include "google/protobuf/util/type_resolver.h"
#include "proto/cleanmail/api/v1/http.pb.h"
#include "services/portal/http/path_template.h"

namespace cleanmail::portal {

// A method that is served over REST.
struct Route {
  const google::protobuf::MethodDescriptor* method = nullptr;
  api::v1::Http http;
  PathTemplate path;
  // `/cleanmail.quarantine.v1.QuarantineService/GetHold`.
  std::string rpc;
  // Field of the request that is the body; nullptr for the whole request or none.
  const google::protobuf::FieldDescriptor* body = nullptr;

  bool has_body() const { return !http.body().empty(); }
};

// Every message and method of the rooms, with its comments, as the protos say: what the REST door
// is made of. Thread-safe after Create.
class Contracts {
 public:
  // From a descriptor set in bytes, with source info. Internal: not one, or a method whose path or
  // body does not fit its request.
  static absl::StatusOr<std::unique_ptr<Contracts>> Create(std::string_view descriptor_set);

  // Those with `cleanmail.api.v1.http`, by path and verb.
  const std::vector<Route>& routes() const { return routes_; }
  std::unique_ptr<google::protobuf::Message> New(const google::protobuf::Descriptor* type) const;
  // The message as JSON with names in camelCase; fields without a value are printed too.
  std::string ToJson(const google::protobuf::Message& message) const;

 private:
  Contracts() = default;
  absl::Status AddRoute(const google::protobuf::MethodDescriptor& method);

  google::protobuf::DescriptorPool pool_;
  mutable google::protobuf::DynamicMessageFactory factory_{&pool_};
  std::unique_ptr<google::protobuf::util::TypeResolver> types_;
  std::vector<Route> routes_;
};

// How a field behaves.
bool Is(const google::protobuf::FieldDescriptor& field, api::v1::Behavior behavior);

// `recipients[2].display_name` → `recipients[2].displayName`.
std::string CamelPath(std::string_view path);

}  // namespace cleanmail::portal
