#include "libs/authz/audited.h"

#include <memory>
#include <vector>

#include "google/protobuf/util/json_util.h"
#include "proto/cleanmail/api/v1/http.pb.h"

namespace cleanmail::authz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr size_t kLongest = 64 * 1024;

bool IsSecret(const FieldDescriptor& field) {
  // One by one: gcc 12 warns of protobuf's copy of the whole list when it optimises.
  for (int i = 0; i < field.options().ExtensionSize(api::v1::behavior); ++i) {
    if (field.options().GetExtension(api::v1::behavior, i) == api::v1::BEHAVIOR_INPUT_ONLY)
      return true;
  }
  return false;
}

void Mask(Message& message) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (IsSecret(*field)) {
      reflection.ClearField(&message, field);
      if (!field->is_repeated() && field->cpp_type() == FieldDescriptor::CPPTYPE_STRING)
        reflection.SetString(&message, field, "(secret)");
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (!field->is_repeated()) {
        Mask(*reflection.MutableMessage(&message, field));
      } else {
        for (int i = 0; i < reflection.FieldSize(message, field); ++i)
          Mask(*reflection.MutableRepeatedMessage(&message, field, i));
      }
    }
  }
}

}  // namespace

std::string AuditedJson(const Message* resource) {
  if (resource == nullptr) return "";
  const std::unique_ptr<Message> masked(resource->New());
  masked->CopyFrom(*resource);
  Mask(*masked);
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(*masked, &json).ok() || json.size() > kLongest)
    return R"({"tooLarge":true})";
  return json;
}

}  // namespace cleanmail::authz
