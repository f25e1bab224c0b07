#include "services/scanner/analyzers/spam/reading/domains.h"

#include <algorithm>
#include <set>
#include <vector>

#include "services/scanner/analyzers/spam/reading/ascii.h"

namespace cleanmail::scanner::spam {
namespace {

const std::set<std::string_view>& UsStates() {
  static const std::set<std::string_view> states = {
      "ak", "al", "ar", "az", "ca", "co", "ct", "dc", "de", "fl", "ga", "gu", "hi", "ia",
      "id", "il", "in", "ks", "ky", "la", "ma", "md", "me", "mi", "mn", "mo", "ms", "mt",
      "nc", "nd", "ne", "nh", "nj", "nm", "nv", "ny", "oh", "ok", "or", "pa", "pr", "ri",
      "sc", "sd", "tn", "tx", "ut", "va", "vi", "vt", "wa", "wi", "wv", "wy"};
  return states;
}

// Whether a percent escape of a printable character is left in the text.
bool HasPrintableEscape(std::string_view text) {
  for (size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
    if (at + 2 >= text.size()) return false;
    const char first = text[at + 1];
    const char second = text[at + 2];
    const bool hex = IsDigit(second) || (second >= 'a' && second <= 'f');
    if (!hex) continue;
    if ((first == '2' && second != '0') || (first >= '3' && first <= '6') ||
        (first == '7' && second != 'f'))
      return true;
  }
  return false;
}

std::string_view HostPartOf(std::string_view uri, bool& usable) {
  usable = true;
  if (uri.starts_with("mailto:")) {
    uri.remove_prefix(7);
    uri = uri.substr(0, uri.find('?'));
    const size_t at = uri.find('@');
    usable = at != std::string_view::npos && uri.find('@', at + 1) == std::string_view::npos;
    return usable ? uri.substr(at + 1) : uri;
  }
  size_t scheme = 0;
  while (scheme < uri.size() && uri[scheme] >= 'a' && uri[scheme] <= 'z') ++scheme;
  if (scheme > 0 && scheme < uri.size() && uri[scheme] == ':') {
    uri.remove_prefix(scheme + 1);
    for (int i = 0; i < 2 && uri.starts_with('/'); ++i) uri.remove_prefix(1);
  }
  uri = uri.substr(0, uri.find_first_of("/?#"));
  if (const size_t at = uri.rfind('@'); at != std::string_view::npos) uri.remove_prefix(at + 1);
  if (const size_t colon = uri.rfind(':');
      colon != std::string_view::npos &&
      std::all_of(uri.begin() + static_cast<ptrdiff_t>(colon) + 1, uri.end(), IsDigit))
    uri = uri.substr(0, colon);
  return uri;
}

}  // namespace

void Domains::Clear() {
  top_.clear();
  two_.clear();
  three_.clear();
}

bool Domains::IsValid(std::string_view domain) const {
  const std::string lower = Lower(domain);
  const size_t dot = lower.rfind('.');
  if (dot == std::string::npos || std::any_of(lower.begin(), lower.end(), IsBlank)) return false;
  return IsTopLevel(std::string_view(lower).substr(dot + 1));
}

std::pair<std::string, std::string> Domains::Split(std::string_view given) const {
  std::string domain;  // without empty labels
  domain.reserve(given.size());
  std::vector<size_t> begins;  // of the labels in it
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i] == '.') continue;
    const bool begin = i == 0 || given[i - 1] == '.';
    if (begin && !domain.empty()) domain += '.';
    if (begin) begins.push_back(domain.size());
    domain += LowerOf(given[i]);
  }
  const size_t count = begins.size();
  const auto from = [&](size_t label) { return std::string_view(domain).substr(begins[label]); };
  const auto only = [&](size_t label) {
    const std::string_view rest = from(label);
    return rest.substr(0, rest.find('.'));
  };
  size_t registry = count == 0 ? 0 : count - 1;  // where the public part begins
  for (size_t first = count > 4 ? count - 4 : 0; first + 1 < count; ++first) {
    const size_t length = count - first;
    const bool us = only(count - 1) == "us";
    bool found = false;
    if (length == 2) {
      found = two_.contains(from(first));
    } else if (length == 3) {
      found = us ? UsStates().contains(only(first + 1)) : three_.contains(from(first));
    } else if (us) {
      const bool school = only(first) == "pvt" && only(first + 1) == "k12";
      const bool town = only(first) == "ci" || only(first) == "co";
      found = (school || town) && UsStates().contains(only(first + 2));
    }
    if (found) {
      registry = first;
      break;
    }
  }
  if (registry < 2) return {"", domain};
  const size_t cut = begins[registry - 1];
  return {domain.substr(0, cut - 1), domain.substr(cut)};
}

std::optional<Domains::Host> Domains::OfUri(std::string_view given) const {
  const std::string uri = Lower(given);
  if (uri.starts_with("javascript:") || uri.starts_with("cid:") || uri.starts_with("file:"))
    return std::nullopt;
  bool usable = false;
  const std::string host(HostPartOf(uri, usable));
  if (!usable || HasPrintableEscape(host)) return std::nullopt;
  if (IsIpAddress(host)) return Host{host, host};
  if (!IsFullName(host) || !IsValid(host)) return std::nullopt;
  return Host{Trimmed(host), host};
}

bool IsFullName(std::string_view given) {
  while (given.ends_with('.')) given.remove_suffix(1);
  if (given.size() > 253) return false;
  const size_t last_dot = given.rfind('.');
  if (last_dot == std::string_view::npos || last_dot == 0) return false;
  const size_t dot_before = given.rfind('.', last_dot - 1);
  const size_t last_two = dot_before == std::string_view::npos ? 0 : dot_before + 1;
  for (size_t begin = 0; begin <= given.size();) {
    const size_t end = std::min(given.find('.', begin), given.size());
    const std::string_view label = given.substr(begin, end - begin);
    if (label.empty() || label.size() > 63) return false;
    if (label.front() == '-' || label.back() == '-') return false;
    for (const char c : label) {
      if (!IsWord(c) && c != '-') return false;
      if (c == '_' && begin >= last_two) return false;
    }
    begin = end + 1;
  }
  return true;
}

bool IsIpv4(std::string_view text) {
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (!text.starts_with('.')) return false;
      text.remove_prefix(1);
    }
    size_t digits = 0;
    int value = 0;
    while (digits < text.size() && digits < 4 && IsDigit(text[digits]))
      value = value * 10 + (text[digits++] - '0');
    if (digits == 0 || digits > 3 || value > 255 || (digits > 1 && text[0] == '0')) return false;
    text.remove_prefix(digits);
  }
  return text.empty();
}

bool IsIpAddress(std::string_view text) {
  if (IsIpv4(text)) return true;
  if (BeginsWith(text, "ipv6:")) text.remove_prefix(5);
  const size_t colons = static_cast<size_t>(std::count(text.begin(), text.end(), ':'));
  if (colons < 2 || colons > 8) return false;
  const size_t twice = text.find("::");
  if (twice == std::string_view::npos && colons != 7 && text.find('.') == std::string_view::npos)
    return false;
  if (twice != std::string_view::npos && text.find("::", twice + 1) != std::string_view::npos)
    return false;
  const std::vector<std::string_view> groups = Pieces(text, ':');
  for (size_t i = 0; i < groups.size(); ++i) {
    const std::string_view group = groups[i];
    if (i + 1 == groups.size() && IsIpv4(group)) continue;
    const bool hex = std::all_of(group.begin(), group.end(), [](char c) {
      return IsDigit(c) || (LowerOf(c) >= 'a' && LowerOf(c) <= 'f');
    });
    if (!hex || group.size() > 4) return false;
  }
  return true;
}

bool IsPrivateIp(std::string_view text) {
  if (BeginsWith(text, "ipv6:")) text.remove_prefix(5);
  std::string_view v4 = text;
  if (const size_t mapped = FindLetters(text, "ffff:");
      mapped != std::string_view::npos && text.find('.') != std::string_view::npos)
    v4 = text.substr(mapped + 5);
  if (IsIpv4(v4)) {
    const std::vector<std::string_view> parts = Pieces(v4, '.');
    const double second = NumberOf(parts[1]).value_or(0);
    if (parts[0] == "10" || parts[0] == "127") return true;
    if (parts[0] == "169") return second == 254;
    if (parts[0] == "172") return second >= 16 && second <= 31;
    if (parts[0] == "192") return second == 168;
    return parts[0] == "100" && second >= 64 && second <= 127;
  }
  if (text.size() > 5 && BeginsWith(text, "fe") && text[4] == ':' &&
      std::string_view("89ab").find(LowerOf(text[2])) != std::string_view::npos)
    return true;
  const bool zeros = text.find_first_not_of("0:") == text.size() - 1;
  return IsIpAddress(text) && zeros && text.ends_with('1');
}

}  // namespace cleanmail::scanner::spam
