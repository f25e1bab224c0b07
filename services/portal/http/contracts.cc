#include "services/portal/http/contracts.h"

#include <algorithm>

#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/type_resolver_util.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::portal {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

constexpr char kTypePrefix[] = "type.googleapis.com";

// The field a dotted path names, from `type` on; nullptr: there is none, or it is no string.
const FieldDescriptor* StringField(const google::protobuf::Descriptor* type,
                                   std::string_view path) {
  while (true) {
    const size_t dot = path.find('.');
    const FieldDescriptor* const field = type->FindFieldByName(std::string(path.substr(0, dot)));
    if (field == nullptr || field->is_repeated()) return nullptr;
    if (dot == std::string_view::npos)
      return field->type() == FieldDescriptor::TYPE_STRING ? field : nullptr;
    if (field->message_type() == nullptr) return nullptr;
    type = field->message_type();
    path.remove_prefix(dot + 1);
  }
}

}  // namespace

bool Is(const FieldDescriptor& field, api::v1::Behavior behavior) {
  // One by one: gcc 12 warns of protobuf's copy of the whole list when it optimises.
  for (int i = 0; i < field.options().ExtensionSize(api::v1::behavior); ++i) {
    if (field.options().GetExtension(api::v1::behavior, i) == behavior) return true;
  }
  return false;
}

std::string CamelPath(std::string_view path) {
  std::string camel;
  bool up = false;
  for (const char c : path) {
    if (c == '_') {
      up = true;
    } else {
      camel += up && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      up = false;
    }
  }
  return camel;
}

absl::StatusOr<std::unique_ptr<Contracts>> Contracts::Create(std::string_view descriptor_set) {
  google::protobuf::FileDescriptorSet files;
  if (!files.ParseFromArray(descriptor_set.data(), static_cast<int>(descriptor_set.size())))
    return absl::InternalError("the descriptor set cannot be read");
  std::unique_ptr<Contracts> contracts(new Contracts());
  std::vector<const FileDescriptor*> built;
  for (const google::protobuf::FileDescriptorProto& file : files.file()) {
    built.push_back(contracts->pool_.BuildFile(file));
    if (built.back() == nullptr)
      return absl::InternalError(base::Cat("the descriptors of ", file.name(), " do not fit"));
  }
  contracts->types_.reset(
      google::protobuf::util::NewTypeResolverForDescriptorPool(kTypePrefix, &contracts->pool_));
  for (const FileDescriptor* file : built) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m)
        CLEANMAIL_RETURN_IF_ERROR(contracts->AddRoute(*file->service(s)->method(m)));
    }
  }
  // A path with a verb is looked at before the one whose last segment could hold it.
  std::ranges::sort(contracts->routes_, [](const Route& a, const Route& b) {
    const auto key = [](const Route& route) {
      return std::tuple(route.path.verb().empty(), route.path.Printed(), route.http.verb());
    };
    return key(a) < key(b);
  });
  return contracts;
}

absl::Status Contracts::AddRoute(const MethodDescriptor& method) {
  if (!method.options().HasExtension(api::v1::http)) return absl::OkStatus();
  Route route{.method = &method,
              .http = method.options().GetExtension(api::v1::http),
              .path = {},
              .rpc = base::Cat("/", method.service()->full_name(), "/", method.name())};
  CLEANMAIL_ASSIGN_OR_RETURN(route.path, PathTemplate::Parse(route.http.path()));
  for (const std::string& variable : route.path.variables()) {
    if (StringField(method.input_type(), variable) == nullptr)
      return absl::InternalError(base::Cat(method.full_name(), ": its path names ", variable,
                                           ", no string of its request"));
  }
  if (route.has_body() && route.http.body() != "*") {
    route.body = method.input_type()->FindFieldByName(route.http.body());
    if (route.body == nullptr || route.body->message_type() == nullptr || route.body->is_repeated())
      return absl::InternalError(base::Cat(method.full_name(), ": its body is no message"));
  }
  routes_.push_back(std::move(route));
  return absl::OkStatus();
}

std::unique_ptr<google::protobuf::Message> Contracts::New(
    const google::protobuf::Descriptor* type) const {
  return std::unique_ptr<google::protobuf::Message>(factory_.GetPrototype(type)->New());
}

std::string Contracts::ToJson(const google::protobuf::Message& message) const {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::BinaryToJsonString(
      types_.get(), base::Cat(kTypePrefix, "/", message.GetDescriptor()->full_name()),
      message.SerializeAsString(), &json, options);
  return status.ok() ? json : "{}";
}

}  // namespace cleanmail::portal
