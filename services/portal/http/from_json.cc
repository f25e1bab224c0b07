#include "services/portal/http/from_json.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/rpc/answer.h"
#include "services/portal/http/contracts.h"

namespace cleanmail::portal {
namespace {

using base::Json;
using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

absl::Status Wrong(std::string_view field, std::string_view what) {
  return rpc::WithReason(
      rpc::WithField(absl::InvalidArgumentError(base::Cat(field, ": ", what)), field),
      "INVALID_FIELD");
}

std::string Joined(std::string_view prefix, std::string_view name) {
  return prefix.empty() ? std::string(name) : base::Cat(prefix, ".", name);
}

// Names of fields, for "did you mean".
absl::Status Unknown(std::string_view path, std::string_view name, const Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->json_name());
  const std::string_view nearest = base::Nearest(name, names);
  const std::string shown = base::Printable(path, 200);
  return Wrong(shown, nearest.empty()
                          ? std::string("there is no such field")
                          : base::Cat("there is no such field; did you mean ", nearest, "?"));
}

const FieldDescriptor* FieldNamed(const Descriptor& type, std::string_view name) {
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->json_name() == name) return type.field(i);
  }
  return nullptr;
}

template <class T>
std::optional<T> ToInteger(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Sets a field of a message, or adds to a repeated one.
class Setter {
 public:
  Setter(const FieldDescriptor& field, std::string_view path, Message& message)
      : field_(field), path_(path), message_(message), reflection_(*message.GetReflection()) {}

  absl::Status From(const Json& json) {
    switch (field_.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        return Text(json);
      case FieldDescriptor::CPPTYPE_BOOL:
        if (json.type != Json::Type::kBool) return Wrong(path_, "true or false is expected");
        return Put(&Reflection::SetBool, &Reflection::AddBool, json.boolean);
      case FieldDescriptor::CPPTYPE_INT32:
        return Integer(json, &Reflection::SetInt32, &Reflection::AddInt32, false);
      case FieldDescriptor::CPPTYPE_UINT32:
        return Integer(json, &Reflection::SetUInt32, &Reflection::AddUInt32, false);
      case FieldDescriptor::CPPTYPE_INT64:
        return Integer(json, &Reflection::SetInt64, &Reflection::AddInt64, true);
      case FieldDescriptor::CPPTYPE_UINT64:
        return Integer(json, &Reflection::SetUInt64, &Reflection::AddUInt64, true);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return Real(json, &Reflection::SetDouble, &Reflection::AddDouble);
      case FieldDescriptor::CPPTYPE_FLOAT:
        return Real(json, &Reflection::SetFloat, &Reflection::AddFloat);
      case FieldDescriptor::CPPTYPE_ENUM:
        return Enum(json);
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Inner(json);
    }
    return absl::InternalError("a field of no known type");
  }

 private:
  template <class Set, class Add, class T>
  absl::Status Put(Set set, Add add, T value) {
    if (field_.is_repeated()) {
      (reflection_.*add)(&message_, &field_, std::move(value));
    } else {
      (reflection_.*set)(&message_, &field_, std::move(value));
    }
    return absl::OkStatus();
  }

  absl::Status Text(const Json& json) {
    if (json.type != Json::Type::kString) return Wrong(path_, "a string is expected");
    std::string text = json.text;
    if (field_.type() == FieldDescriptor::TYPE_BYTES && !absl::Base64Unescape(json.text, &text) &&
        !absl::WebSafeBase64Unescape(json.text, &text))
      return Wrong(path_, "bytes in base64 are expected");
    return Put(&Reflection::SetString, &Reflection::AddString, std::move(text));
  }

  template <class T>
  absl::Status Integer(const Json& json,
                       void (Reflection::*set)(Message*, const FieldDescriptor*, T) const,
                       void (Reflection::*add)(Message*, const FieldDescriptor*, T) const,
                       bool may_be_string) {
    std::optional<T> value;
    if (json.type == Json::Type::kNumber || (may_be_string && json.type == Json::Type::kString))
      value = ToInteger<T>(json.text);
    if (!value.has_value())
      return Wrong(path_, base::Cat("an integer between ", std::numeric_limits<T>::min(), " and ",
                                    std::numeric_limits<T>::max(), " is expected"));
    return Put(set, add, *value);
  }

  template <class T>
  absl::Status Real(const Json& json,
                    void (Reflection::*set)(Message*, const FieldDescriptor*, T) const,
                    void (Reflection::*add)(Message*, const FieldDescriptor*, T) const) {
    double value = 0;
    if (json.type != Json::Type::kNumber) return Wrong(path_, "a number is expected");
    std::from_chars(json.text.data(), json.text.data() + json.text.size(), value);
    const T cast = static_cast<T>(value);
    if (!std::isfinite(cast)) return Wrong(path_, "a number that is not too large is expected");
    return Put(set, add, cast);
  }

  absl::Status Enum(const Json& json) {
    const EnumValueDescriptor* value = nullptr;
    if (json.type == Json::Type::kString) value = field_.enum_type()->FindValueByName(json.text);
    if (value == nullptr) {
      std::string names;
      for (int i = 0; i < field_.enum_type()->value_count(); ++i)
        names += base::Cat(i == 0 ? "" : ", ", field_.enum_type()->value(i)->name());
      return Wrong(path_, base::Cat("one of ", names, " is expected"));
    }
    return Put(&Reflection::SetEnum, &Reflection::AddEnum, value);
  }

  absl::Status Inner(const Json& json) {
    Message& inner = field_.is_repeated() ? *reflection_.AddMessage(&message_, &field_)
                                          : *reflection_.MutableMessage(&message_, &field_);
    const std::string& type = field_.message_type()->full_name();
    if (type == "google.protobuf.Timestamp") return Timestamp(json, inner);
    if (type == "google.protobuf.Duration") return Duration(json, inner);
    if (type == "google.protobuf.FieldMask") return Mask(json, inner);
    return FromJson(json, path_, inner);
  }

  static void SetSeconds(int64_t seconds, int32_t nanos, Message& to) {
    const Reflection& reflection = *to.GetReflection();
    const Descriptor& type = *to.GetDescriptor();
    reflection.SetInt64(&to, type.FindFieldByName("seconds"), seconds);
    reflection.SetInt32(&to, type.FindFieldByName("nanos"), nanos);
  }

  absl::Status Timestamp(const Json& json, Message& to) {
    absl::Time time;
    std::string error;
    // RFC 3339; the letters may be small there too, and Abseil's %Z takes more than it allows.
    const bool is_one = json.type == Json::Type::kString && json.text.size() >= 20 &&
                        json.text.size() <= 40 && json.text[10] == 'T' &&
                        absl::ParseTime(absl::RFC3339_full, json.text, &time, &error);
    if (!is_one || time < absl::FromUnixSeconds(-62135596800) ||
        time > absl::FromUnixSeconds(253402300799))
      return Wrong(path_, "a time like 2026-01-31T23:59:59Z is expected");
    const int64_t seconds = absl::ToUnixSeconds(time);
    SetSeconds(
        seconds,
        static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))), to);
    return absl::OkStatus();
  }

  // `3600s`, `1.5s`.
  absl::Status Duration(const Json& json, Message& to) {
    const absl::Status wrong = Wrong(path_, "seconds like \"3600s\" or \"1.5s\" are expected");
    if (json.type != Json::Type::kString || !json.text.ends_with('s')) return wrong;
    std::string_view text(json.text);
    text.remove_suffix(1);
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const size_t dot = text.find('.');
    const std::optional<uint64_t> seconds = ToInteger<uint64_t>(text.substr(0, dot));
    if (!seconds.has_value() || *seconds > 315'576'000'000) return wrong;
    int32_t nanos = 0;
    if (dot != std::string_view::npos) {
      std::string fraction(text.substr(dot + 1));
      if (fraction.empty() || fraction.size() > 9) return wrong;
      fraction.append(9 - fraction.size(), '0');
      const std::optional<uint32_t> value = ToInteger<uint32_t>(fraction);
      if (!value.has_value()) return wrong;
      nanos = static_cast<int32_t>(*value);
    }
    SetSeconds(negative ? -static_cast<int64_t>(*seconds) : static_cast<int64_t>(*seconds),
               negative ? -nanos : nanos, to);
    return absl::OkStatus();
  }

  // `displayName,timeZone`.
  absl::Status Mask(const Json& json, Message& to) {
    if (json.type != Json::Type::kString)
      return Wrong(path_, "names of fields, separated by commas, are expected");
    std::string_view rest(json.text);
    const FieldDescriptor* const paths = to.GetDescriptor()->FindFieldByName("paths");
    while (!rest.empty()) {
      const size_t comma = rest.find(',');
      std::string snake;
      for (const char c : rest.substr(0, comma)) {
        if (c >= 'A' && c <= 'Z') {
          snake += '_';
          snake += static_cast<char>(c - 'A' + 'a');
        } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '*') {
          snake += c;
        } else {
          return Wrong(path_, "names of fields, separated by commas, are expected");
        }
      }
      if (snake.empty()) return Wrong(path_, "names of fields, separated by commas, are expected");
      to.GetReflection()->AddString(&to, paths, snake);
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
    return absl::OkStatus();
  }

  const FieldDescriptor& field_;
  const std::string path_;
  Message& message_;
  const Reflection& reflection_;
};

absl::Status SetField(const FieldDescriptor& field, const std::string& path, const Json& json,
                      Message& message) {
  if (json.type == Json::Type::kNull) return absl::OkStatus();  // as if it were not there
  if (field.is_map()) return Wrong(path, "maps are not taken");
  if (const auto* oneof = field.real_containing_oneof();
      oneof != nullptr && message.GetReflection()->HasOneof(message, oneof))
    return Wrong(path, "only one of its alternatives may be there");
  if (!field.is_repeated()) return Setter(field, path, message).From(json);
  if (json.type != Json::Type::kArray) return Wrong(path, "a list is expected");
  for (size_t i = 0; i < json.items.size(); ++i) {
    const std::string item = base::Cat(path, "[", i, "]");
    if (json.items[i].type == Json::Type::kNull) return Wrong(item, "null is not taken in a list");
    CLEANMAIL_RETURN_IF_ERROR(Setter(field, item, message).From(json.items[i]));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status FromJson(const Json& json, std::string_view prefix, Message& message) {
  if (json.type != Json::Type::kObject)
    return Wrong(prefix.empty() ? "body" : prefix, "an object is expected");
  for (const auto& [name, value] : json.members) {
    const std::string path = Joined(prefix, name);
    const FieldDescriptor* const field = FieldNamed(*message.GetDescriptor(), name);
    if (field == nullptr) return Unknown(path, name, *message.GetDescriptor());
    if (Is(*field, api::v1::BEHAVIOR_OUTPUT_ONLY) && field->name() != "etag") continue;
    CLEANMAIL_RETURN_IF_ERROR(SetField(*field, path, value, message));
  }
  return absl::OkStatus();
}

absl::Status FromText(const FieldDescriptor& field, std::string_view text, Message& message) {
  Json json = Json::String(text);
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      if (text == "true" || text == "false") json = Json::Bool(text == "true");
      break;
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT: {
      const absl::StatusOr<Json> number = base::ParseJson(text);
      if (number.ok() && number->type == Json::Type::kNumber) json = *number;
      break;
    }
    default:
      break;
  }
  return Setter(field, field.json_name(), message).From(json);
}

absl::Status CheckRequired(const Message& message, std::string_view prefix) {
  const Descriptor& type = *message.GetDescriptor();
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const std::string path = Joined(prefix, field.json_name());
    const bool is_set = field.is_repeated() ? reflection.FieldSize(message, &field) > 0
                                            : reflection.HasField(message, &field);
    const bool can_be_empty = field.cpp_type() == FieldDescriptor::CPPTYPE_STRING ||
                              field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE ||
                              field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM ||
                              field.is_repeated();
    if (!is_set && can_be_empty && Is(field, api::v1::BEHAVIOR_REQUIRED))
      return Wrong(path, "is required");
    if (!is_set || field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field.is_map()) continue;
    if (!field.is_repeated()) {
      CLEANMAIL_RETURN_IF_ERROR(CheckRequired(reflection.GetMessage(message, &field), path));
      continue;
    }
    for (int n = 0; n < reflection.FieldSize(message, &field); ++n)
      CLEANMAIL_RETURN_IF_ERROR(CheckRequired(reflection.GetRepeatedMessage(message, &field, n),
                                              base::Cat(path, "[", n, "]")));
  }
  return absl::OkStatus();
}

std::vector<std::string> PathsOf(const Json& json, const Descriptor& type) {
  std::vector<std::string> paths;
  for (const auto& [name, value] : json.members) {
    const FieldDescriptor* const field = FieldNamed(type, name);
    if (field == nullptr || field->name() == "name" || field->name() == "etag" ||
        Is(*field, api::v1::BEHAVIOR_OUTPUT_ONLY))
      continue;
    paths.push_back(field->name());
  }
  return paths;
}

absl::Status SetByPath(std::string_view path, const std::string& value, Message& message) {
  Message* at = &message;
  std::string_view rest = path;
  while (true) {
    const size_t dot = rest.find('.');
    const FieldDescriptor* const field =
        at->GetDescriptor()->FindFieldByName(std::string(rest.substr(0, dot)));
    if (field == nullptr) return absl::InternalError("a path that names nothing");
    if (dot != std::string_view::npos) {
      at = at->GetReflection()->MutableMessage(at, field);
      rest.remove_prefix(dot + 1);
      continue;
    }
    const std::string before = at->GetReflection()->GetString(*at, field);
    if (!before.empty() && before != value)
      return Wrong(CamelPath(path), "another one stands in the path");
    at->GetReflection()->SetString(at, field, value);
    return absl::OkStatus();
  }
}

}  // namespace cleanmail::portal
