#include "libs/dns/records.h"

#include <algorithm>
#include <optional>

#include <arpa/inet.h>

namespace cleanmail::dns {
namespace {

bool IsHostCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// A name in wire form that fills `bytes` exactly; "" is the root. nullopt: malformed, or no host's
// name.
std::optional<std::string> ReadName(std::string_view bytes) {
  std::string name;
  while (!bytes.empty()) {
    const size_t length = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (length == 0)
      return bytes.empty() && name.size() <= 253 ? std::optional(name) : std::nullopt;
    if (length > 63 || bytes.size() < length) return std::nullopt;
    if (!name.empty()) name += '.';
    for (const char c : bytes.substr(0, length)) {
      if (!IsHostCharacter(c)) return std::nullopt;
      name += Lower(c);
    }
    bytes.remove_prefix(length);
  }
  return std::nullopt;
}

std::optional<std::string> ReadText(std::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  std::string text;
  while (!bytes.empty()) {
    const size_t length = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (bytes.size() < length) return std::nullopt;
    text += bytes.substr(0, length);
    bytes.remove_prefix(length);
  }
  return text;
}

std::optional<std::string> ReadTlsa(std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  if (bytes.size() < 4) return std::nullopt;
  std::string text;
  for (size_t i = 0; i < 3; ++i) text += std::to_string(static_cast<unsigned char>(bytes[i])) + " ";
  for (const char c : bytes.substr(3)) {
    text += kHex[static_cast<unsigned char>(c) >> 4];
    text += kHex[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

void AddAddress(std::string_view rdata, int family, size_t size, Answer& answer) {
  char text[INET6_ADDRSTRLEN];
  if (rdata.size() != size || answer.addresses.size() >= kMostRecords) return;
  if (inet_ntop(family, rdata.data(), text, sizeof text) != nullptr)
    answer.addresses.emplace_back(text);
}

void AddText(std::optional<std::string> text, Answer& answer) {
  size_t total = 0;
  for (const std::string& kept : answer.texts) total += kept.size();
  if (text.has_value() && answer.texts.size() < kMostRecords &&
      total + text->size() <= kMostTextBytes) {
    answer.texts.push_back(*std::move(text));
  }
}

}  // namespace

void AddRecord(Type type, std::string_view rdata, Answer& answer) {
  switch (type) {
    case Type::kA:
      return AddAddress(rdata, AF_INET, 4, answer);
    case Type::kAaaa:
      return AddAddress(rdata, AF_INET6, 16, answer);
    case Type::kMx: {
      if (rdata.size() < 3 || answer.mx.size() >= kMostRecords) return;
      const std::optional<std::string> exchange = ReadName(rdata.substr(2));
      if (!exchange.has_value()) return;
      const int preference =
          (static_cast<unsigned char>(rdata[0]) << 8) | static_cast<unsigned char>(rdata[1]);
      answer.mx.push_back({.preference = static_cast<uint16_t>(preference), .exchange = *exchange});
      return;
    }
    case Type::kTxt:
      return AddText(ReadText(rdata), answer);
    case Type::kTlsa:
      return AddText(ReadTlsa(rdata), answer);
    case Type::kNs:
    case Type::kPtr:
    case Type::kCname: {
      const std::optional<std::string> name = ReadName(rdata);
      if (name.has_value() && !name->empty() && answer.names.size() < kMostRecords)
        answer.names.push_back(*name);
      return;
    }
  }
}

void SortAnswer(Answer& answer) {
  std::stable_sort(answer.mx.begin(), answer.mx.end(), [](const MxRecord& a, const MxRecord& b) {
    return a.preference < b.preference;
  });
}

bool IsAskable(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  size_t label = 0;
  for (const char c : name) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
    } else if (!IsHostCharacter(c) || ++label > 63) {
      return false;
    }
  }
  return label > 0;
}

std::string_view TypeName(Type type) {
  switch (type) {
    case Type::kA:
      return "A";
    case Type::kNs:
      return "NS";
    case Type::kCname:
      return "CNAME";
    case Type::kPtr:
      return "PTR";
    case Type::kMx:
      return "MX";
    case Type::kTxt:
      return "TXT";
    case Type::kAaaa:
      return "AAAA";
    case Type::kTlsa:
      return "TLSA";
  }
  return "?";
}

}  // namespace cleanmail::dns
