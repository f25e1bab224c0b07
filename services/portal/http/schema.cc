#include "services/portal/http/schema.h"

#include <limits>

#include "libs/base/cat.h"
#include "services/portal/http/contracts.h"

namespace cleanmail::portal {
namespace {

using base::Json;
using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

// ` One\n two.\n` → `One two.`; an empty line begins a paragraph.
std::string Unwrapped(const std::string& comment) {
  std::string text;
  std::string_view rest(comment);
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    while (line.starts_with(' ')) line.remove_prefix(1);
    while (line.ends_with(' ')) line.remove_suffix(1);
    if (line.empty()) {
      if (!text.empty()) text += "\n\n";
    } else {
      if (!text.empty() && !text.ends_with('\n')) text += ' ';
      text += line;
    }
  }
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Json Typed(std::string_view type, std::string_view format = {}) {
  Json schema = Json::Object();
  schema["type"] = Json::String(type);
  if (!format.empty()) schema["format"] = Json::String(format);
  return schema;
}

Json WithPattern(std::string_view pattern) {
  Json schema = Typed("string");
  schema["pattern"] = Json::String(pattern);
  return schema;
}

Json Bounded(int64_t lowest, int64_t highest) {
  Json schema = Typed("integer", "int32");
  schema["minimum"] = Json::Number(lowest);
  schema["maximum"] = Json::Number(highest);
  return schema;
}

Json EnumSchema(const EnumDescriptor& type) {
  Json schema = Typed("string");
  Json& values = schema["enum"];
  values = Json::Array();
  std::string about;
  for (int i = 0; i < type.value_count(); ++i) {
    values.Add(Json::String(type.value(i)->name()));
    const std::string comment = CommentOf(*type.value(i));
    if (!comment.empty()) about += base::Cat("\n\n- `", type.value(i)->name(), "`: ", comment);
  }
  const std::string comment = base::Cat(CommentOf(type), about);
  if (!comment.empty()) schema["description"] = Json::String(comment);
  return schema;
}

// The schema of a well-known type; null for any other.
Json WellKnown(const std::string& name) {
  if (name == "google.protobuf.Timestamp") return Typed("string", "date-time");
  if (name == "google.protobuf.Duration") return WithPattern("^-?[0-9]{1,12}(\\.[0-9]{1,9})?s$");
  if (name == "google.protobuf.FieldMask") return WithPattern("^[a-zA-Z0-9.*]*(,[a-zA-Z0-9.*]+)*$");
  if (name == "google.protobuf.Struct") return Typed("object");
  return {};
}

// `cleanmail.quarantine.v1.Hold` → `quarantine.Hold`.
std::string NameOf(const Descriptor& type) {
  std::string name = type.full_name();
  constexpr std::string_view kHouse = "cleanmail.";
  if (name.starts_with(kHouse)) name = name.substr(kHouse.size());
  const size_t version = name.find(".v1.");
  if (version != std::string::npos) name.erase(version, 3);
  return name;
}

void Describe(const std::string& comment, Json& schema) {
  if (comment.empty()) return;
  const std::string more(schema.TextOf("description"));
  schema["description"] = Json::String(more.empty() ? comment : base::Cat(comment, "\n\n", more));
}

}  // namespace

template <class T>
std::string CommentOf(const T& descriptor) {
  google::protobuf::SourceLocation location;
  if (!descriptor.GetSourceLocation(&location)) return "";
  return Unwrapped(location.leading_comments.empty() ? location.trailing_comments
                                                     : location.leading_comments);
}
template std::string CommentOf(const Descriptor&);
template std::string CommentOf(const FieldDescriptor&);
template std::string CommentOf(const google::protobuf::MethodDescriptor&);
template std::string CommentOf(const google::protobuf::ServiceDescriptor&);
template std::string CommentOf(const EnumDescriptor&);
template std::string CommentOf(const google::protobuf::EnumValueDescriptor&);

Json Schemas::Value(const FieldDescriptor& field) {
  switch (field.type()) {
    case FieldDescriptor::TYPE_BOOL:
      return Typed("boolean");
    case FieldDescriptor::TYPE_BYTES:
      return Typed("string", "byte");
    case FieldDescriptor::TYPE_ENUM:
      return EnumSchema(*field.enum_type());
    case FieldDescriptor::TYPE_MESSAGE:
      return Of(*field.message_type());
    default:
      break;
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return Bounded(std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max());
    case FieldDescriptor::CPPTYPE_UINT32:
      return Bounded(0, std::numeric_limits<uint32_t>::max());
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT64: {
      Json schema = WithPattern("^-?[0-9]{1,18}$");  // as text: JSON readers lose digits
      schema["format"] = Json::String("int64");
      return schema;
    }
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return Typed("number", "double");
    default:
      return Typed("string");
  }
}

Json Schemas::Of(const FieldDescriptor& field) {
  Json schema = Value(field);
  if (field.is_map()) {
    Json map = Typed("object");
    map["additionalProperties"] = Value(*field.message_type()->FindFieldByNumber(2));
    schema = std::move(map);
  } else if (field.is_repeated()) {
    Json list = Typed("array");
    list["items"] = std::move(schema);
    schema = std::move(list);
  }
  Describe(CommentOf(field), schema);
  if (Is(field, api::v1::BEHAVIOR_OUTPUT_ONLY) && field.name() != "etag")
    schema["readOnly"] = Json::Bool(true);
  if (Is(field, api::v1::BEHAVIOR_INPUT_ONLY)) schema["writeOnly"] = Json::Bool(true);
  return schema;
}

Json Schemas::Object(const Descriptor& type, const std::map<std::string, bool>& left_out,
                     bool with_required) {
  Json schema = Typed("object");
  Describe(CommentOf(type), schema);
  Json properties = Json::Object();
  Json required = Json::Array();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (left_out.contains(field.name())) continue;
    properties[field.json_name()] = Of(field);
    if (with_required && Is(field, api::v1::BEHAVIOR_REQUIRED))
      required.Add(Json::String(field.json_name()));
  }
  schema["properties"] = std::move(properties);
  if (!required.items.empty()) schema["required"] = std::move(required);
  schema["additionalProperties"] = Json::Bool(false);
  return schema;
}

Json Schemas::Reference(const Descriptor& type, std::string_view suffix, bool with_required) {
  const std::string name = base::Cat(NameOf(type), suffix);
  if (components_.Find(name) == nullptr) {
    components_[name] = Json();  // it may name itself
    Json schema = Object(type, {}, with_required);
    components_[name] = std::move(schema);
  }
  Json reference = Json::Object();
  reference["$ref"] = Json::String(base::Cat("#/components/schemas/", name));
  return reference;
}

Json Schemas::Of(const Descriptor& type) {
  Json known = WellKnown(type.full_name());
  return known.type == Json::Type::kNull ? Reference(type, "", true) : known;
}

Json Schemas::ForUpdate(const Descriptor& type) { return Reference(type, "Update", false); }

}  // namespace cleanmail::portal
