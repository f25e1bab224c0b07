#include <cstdio>

#include "google/protobuf/duration.pb.h"
#include "libs/base/cat.h"
#include "libs/config/config.h"
#include "libs/config/fill.h"
#include "libs/config/values.h"

namespace cleanmail::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// A YAML double-quoted scalar.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(c));
      quoted += escape;
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string ScalarText(const Message& message, const FieldDescriptor& field, int index) {
  const auto& reflection = *message.GetReflection();
  const bool repeated = index >= 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return Quoted(repeated ? reflection.GetRepeatedString(message, &field, index)
                             : reflection.GetString(message, &field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return (repeated ? reflection.GetRepeatedBool(message, &field, index)
                       : reflection.GetBool(message, &field))
                 ? "true"
                 : "false";
    case FieldDescriptor::CPPTYPE_INT32:
      return std::to_string(repeated ? reflection.GetRepeatedInt32(message, &field, index)
                                     : reflection.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_INT64:
      return std::to_string(repeated ? reflection.GetRepeatedInt64(message, &field, index)
                                     : reflection.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return std::to_string(repeated ? reflection.GetRepeatedDouble(message, &field, index)
                                     : reflection.GetDouble(message, &field));
    case FieldDescriptor::CPPTYPE_ENUM:
      return ShortName(*(repeated ? reflection.GetRepeatedEnum(message, &field, index)
                                  : reflection.GetEnum(message, &field)));
    default:
      return "?";
  }
}

void PrintFields(const Message& message, int indent, std::string& out);

// What follows `key:` or `-`, line end included.
void PrintValue(const Message& message, const FieldDescriptor& field, int index, int indent,
                std::string& out) {
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
    out += base::Cat(" ", ScalarText(message, field, index), "\n");
    return;
  }
  const auto& reflection = *message.GetReflection();
  const Message& sub = index >= 0 ? reflection.GetRepeatedMessage(message, &field, index)
                                  : reflection.GetMessage(message, &field);
  if (sub.GetDescriptor() == app::v1::Secret::descriptor()) {
    out += " \"(secret)\"\n";
  } else if (sub.GetDescriptor() == google::protobuf::Duration::descriptor()) {
    const auto& duration = static_cast<const google::protobuf::Duration&>(sub);
    out += base::Cat(
        " ", DurationText(absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos())),
        "\n");
  } else {
    out += "\n";
    PrintFields(sub, indent, out);
  }
}

void PrintFields(const Message& message, int indent, std::string& out) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  const std::string space(static_cast<size_t>(indent), ' ');
  for (const FieldDescriptor* field : fields) {
    out += base::Cat(space, field->name(), ":");
    if (!field->is_repeated()) {
      PrintValue(message, *field, -1, indent + 2, out);
      continue;
    }
    out += "\n";
    for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) {
      out += base::Cat(space, "  -");
      PrintValue(message, *field, i, indent + 4, out);
    }
  }
}

}  // namespace

std::string Print(const google::protobuf::Message& section, std::string_view name) {
  std::string out = base::Cat(name, ":\n");
  PrintFields(section, 2, out);
  return out;
}

}  // namespace cleanmail::config
