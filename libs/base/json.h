#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace cleanmail::base {

// A JSON value (RFC 8259). A value type; members keep their order.
struct Json {
  enum class Type { kNull, kBool, kNumber, kString, kArray, kObject };
  Type type = Type::kNull;
  bool boolean = false;
  std::string text = {};  // of a string, decoded; of a number, as written
  std::vector<Json> items = {};
  std::vector<std::pair<std::string, Json>> members = {};

  static Json Bool(bool value);
  static Json Number(int64_t value);
  static Json String(std::string_view value);
  static Json Array(std::vector<Json> items = {});
  static Json Object(std::vector<std::pair<std::string, Json>> members = {});

  // Of an object; nullptr without.
  const Json* Find(std::string_view name) const;
  // Text of a string member, or "".
  std::string_view TextOf(std::string_view name) const;
  // The member, made (as null) if it is not there; makes an object of null.
  Json& operator[](std::string_view name);
  void Add(Json item) { items.push_back(std::move(item)); }

  // Without white space, or indented by two. Strings must be UTF-8.
  std::string Print(bool pretty = false) const;
};

// Strict: one value, UTF-8, no member twice, at most `depth` levels. InvalidArgument says where.
absl::StatusOr<Json> ParseJson(std::string_view text, int depth = 64);

// Whether every byte belongs to well-formed UTF-8.
bool IsUtf8(std::string_view text);

}  // namespace cleanmail::base
