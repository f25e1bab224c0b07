#include "libs/config/fill.h"

#include <cstdlib>
#include <limits>

#include "google/protobuf/duration.pb.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/config/values.h"
#include "proto/cleanmail/app/v1/config.pb.h"

namespace cleanmail::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// Where a value stands, for errors.
struct Place {
  std::string_view path;
  std::string where;
  int line;

  absl::Status Wrong(std::string_view why) const {
    return absl::InvalidArgumentError(base::Cat(path, ":", line, ": ", where, ": ", why));
  }
  // `why` continues a sentence that begins with the value.
  absl::Status WrongValue(std::string_view value, std::string_view why) const {
    return Wrong(base::Cat("\"", base::Printable(value, 100), "\" ", why));
  }
};

std::string DidYouMean(std::string_view word, std::span<const std::string> candidates) {
  const std::string_view nearest = base::Nearest(word, candidates);
  return nearest.empty() ? std::string() : base::Cat("; did you mean \"", nearest, "\"?");
}

std::string Joined(std::span<const std::string> words) {
  std::string joined;
  for (const std::string& word : words) joined += base::Cat(joined.empty() ? "" : ", ", word);
  return joined;
}

// Puts one value into a field, appending if it is repeated.
class Setter {
 public:
  Setter(Message& message, const FieldDescriptor& field)
      : message_(message), reflection_(*message.GetReflection()), field_(field) {}

  absl::Status Set(const YamlNode& node, const Place& place) {
    if (field_.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) return SetMessage(node, place);
    if (node.kind == YamlNode::Kind::kNothing) return place.Wrong("has no value");
    if (node.kind != YamlNode::Kind::kScalar)
      return place.Wrong("must be one value, not a list or a section");
    return SetScalar(node.scalar, place);
  }

 private:
  Message& Sub() {
    return field_.is_repeated() ? *reflection_.AddMessage(&message_, &field_)
                                : *reflection_.MutableMessage(&message_, &field_);
  }

  absl::Status SetMessage(const YamlNode& node, const Place& place) {
    const Descriptor& type = *field_.message_type();
    const bool scalar = node.kind == YamlNode::Kind::kScalar;
    if (type.full_name() == google::protobuf::Duration::descriptor()->full_name()) {
      if (!scalar) return place.Wrong("must be a duration, like 5s, 1m30s or 192h");
      const absl::StatusOr<absl::Duration> duration = ParseDuration(node.scalar);
      if (!duration.ok())
        return place.WrongValue(node.scalar, base::View(duration.status().message()));
      auto& proto = static_cast<google::protobuf::Duration&>(Sub());
      proto.set_seconds(absl::ToInt64Seconds(*duration));
      proto.set_nanos(static_cast<int32_t>(
          absl::ToInt64Nanoseconds(*duration - absl::Seconds(proto.seconds()))));
      return absl::OkStatus();
    }
    if (type.full_name() == app::v1::Secret::descriptor()->full_name()) {
      // The value is not repeated: it may be the secret itself, written here by mistake.
      if (!scalar || !(node.scalar.starts_with("file:") || node.scalar.starts_with("env:"))) {
        return place.Wrong(
            "must name where the secret is, as file:/path or env:NAME; secrets are not written "
            "here");
      }
      static_cast<app::v1::Secret&>(Sub()).set_reference(node.scalar);
      return absl::OkStatus();
    }
    if (node.kind != YamlNode::Kind::kMap && node.kind != YamlNode::Kind::kNothing)
      return place.Wrong("must be a section of keys and values");
    return FillMessage(node, place.path, place.where, Sub());
  }

  absl::Status SetScalar(const std::string& text, const Place& place) {
    switch (field_.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        field_.is_repeated() ? reflection_.AddString(&message_, &field_, text)
                             : reflection_.SetString(&message_, &field_, text);
        return absl::OkStatus();
      case FieldDescriptor::CPPTYPE_BOOL:
        if (text != "true" && text != "false")
          return place.WrongValue(text, "is neither true nor false");
        field_.is_repeated() ? reflection_.AddBool(&message_, &field_, text == "true")
                             : reflection_.SetBool(&message_, &field_, text == "true");
        return absl::OkStatus();
      case FieldDescriptor::CPPTYPE_INT32:
      case FieldDescriptor::CPPTYPE_INT64:
        return SetInteger(text, place);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return SetDouble(text, place);
      case FieldDescriptor::CPPTYPE_ENUM:
        return SetEnum(text, place);
      default:
        return absl::InternalError(
            base::Cat(field_.full_name(), " has a type settings do not have"));
    }
  }

  absl::Status SetInteger(const std::string& text, const Place& place) {
    const bool size = field_.name().ends_with("_bytes");
    absl::StatusOr<int64_t> number = size ? ParseSize(text) : ParseInteger(text);
    if (!number.ok()) return place.WrongValue(text, base::View(number.status().message()));
    if (*number < 0) return place.WrongValue(text, "is negative");
    if (field_.cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
      field_.is_repeated() ? reflection_.AddInt64(&message_, &field_, *number)
                           : reflection_.SetInt64(&message_, &field_, *number);
      return absl::OkStatus();
    }
    if (*number > std::numeric_limits<int32_t>::max())
      return place.WrongValue(text, "is too large");
    const auto narrow = static_cast<int32_t>(*number);
    field_.is_repeated() ? reflection_.AddInt32(&message_, &field_, narrow)
                         : reflection_.SetInt32(&message_, &field_, narrow);
    return absl::OkStatus();
  }

  absl::Status SetDouble(const std::string& text, const Place& place) {
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    if (text.empty() || end != text.c_str() + text.size() || !(number >= 0 && number < 1e300)) {
      return place.WrongValue(text, "is not a number of 0 or more");
    }
    field_.is_repeated() ? reflection_.AddDouble(&message_, &field_, number)
                         : reflection_.SetDouble(&message_, &field_, number);
    return absl::OkStatus();
  }

  absl::Status SetEnum(const std::string& text, const Place& place) {
    const EnumDescriptor& type = *field_.enum_type();
    const std::string wanted = Lower(text);
    std::vector<std::string> names;
    for (int i = 0; i < type.value_count(); ++i) {
      const auto& value = *type.value(i);
      if (value.number() == 0) continue;  // UNSPECIFIED is no choice
      if (wanted == Lower(value.name()) || wanted == ShortName(value)) {
        field_.is_repeated() ? reflection_.AddEnum(&message_, &field_, &value)
                             : reflection_.SetEnum(&message_, &field_, &value);
        return absl::OkStatus();
      }
      names.push_back(ShortName(value));
    }
    return place.WrongValue(text,
                            base::Cat("is not one of ", Joined(names), DidYouMean(wanted, names)));
  }

  Message& message_;
  const google::protobuf::Reflection& reflection_;
  const FieldDescriptor& field_;
};

}  // namespace

std::string ShortName(const google::protobuf::EnumValueDescriptor& value) {
  // Role → ROLE_, RecipientMode → RECIPIENT_MODE_.
  std::string prefix;
  for (const char c : value.type()->name()) {
    if (c >= 'A' && c <= 'Z' && !prefix.empty()) prefix += '_';
    prefix += c;
  }
  prefix = Lower(prefix) + '_';
  const std::string name = Lower(value.name());
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

absl::Status FillMessage(const YamlNode& node, std::string_view path, const std::string& where,
                         Message& message) {
  const Descriptor& type = *message.GetDescriptor();
  for (const YamlNode::Entry& entry : node.map) {
    const FieldDescriptor* field = type.FindFieldByName(entry.key);
    Place place{.path = path,
                .where = base::Cat(where, ".", base::Printable(entry.key, 100)),
                .line = entry.line};
    if (field == nullptr) {
      std::vector<std::string> names;
      for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
      const std::string value =
          entry.value.kind == YamlNode::Kind::kScalar
              ? base::Cat(" (value \"", base::Printable(entry.value.scalar, 50), "\")")
              : "";
      return place.Wrong(base::Cat("unknown key", value, DidYouMean(entry.key, names),
                                   names.empty()
                                       ? base::Cat("; ", where, " has no keys")
                                       : base::Cat("; ", where, " knows ", Joined(names))));
    }
    if (!field->is_repeated()) {
      CLEANMAIL_RETURN_IF_ERROR(Setter(message, *field).Set(entry.value, place));
      continue;
    }
    if (entry.value.kind == YamlNode::Kind::kNothing) continue;  // an empty list
    if (entry.value.kind != YamlNode::Kind::kList)
      return place.Wrong("must be a list, each entry on a line of its own after \"- \"");
    for (size_t i = 0; i < entry.value.list.size(); ++i) {
      const YamlNode& element = entry.value.list[i];
      const Place here{
          .path = path, .where = base::Cat(place.where, "[", i, "]"), .line = element.line};
      CLEANMAIL_RETURN_IF_ERROR(Setter(message, *field).Set(element, here));
    }
  }
  return absl::OkStatus();
}

}  // namespace cleanmail::config
