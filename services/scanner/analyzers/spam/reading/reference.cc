#include <optional>

#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/reading/html_page.h"

namespace cleanmail::scanner::spam {
namespace {

// An address in its parts (RFC 3986 appendix B).
struct Address {
  std::optional<std::string_view> scheme;
  std::optional<std::string_view> authority;
  std::string_view path;
  std::optional<std::string_view> query;
  std::optional<std::string_view> fragment;
};

Address Split(std::string_view text) {
  Address address;
  const size_t mark = text.find_first_of(":/?#");
  if (mark != std::string_view::npos && mark > 0 && text[mark] == ':') {
    address.scheme = text.substr(0, mark);
    text.remove_prefix(mark + 1);
  }
  if (const size_t at = text.find('#'); at != std::string_view::npos) {
    address.fragment = text.substr(at + 1);
    text = text.substr(0, at);
  }
  if (const size_t at = text.find('?'); at != std::string_view::npos) {
    address.query = text.substr(at + 1);
    text = text.substr(0, at);
  }
  if (text.starts_with("//")) {
    text.remove_prefix(2);
    const size_t end = text.find('/');
    address.authority = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end);
  }
  address.path = text;
  return address;
}

// `.` and `..` in a path (RFC 3986 §5.2.4).
std::string WithoutDots(std::string_view path) {
  std::string out;
  if (path.starts_with("../")) {
    path.remove_prefix(2);
  } else if (path.starts_with("./")) {
    path.remove_prefix(1);
  }
  std::string rest;
  while (!path.empty()) {
    if (path == "/." || path == "/..") {
      if (path == "/..") out.resize(out.rfind('/') == std::string::npos ? 0 : out.rfind('/'));
      out += '/';
      break;
    }
    if (path.starts_with("/./")) {
      path.remove_prefix(2);
      continue;
    }
    if (path.starts_with("/../")) {
      path.remove_prefix(3);
      out.resize(out.rfind('/') == std::string::npos ? 0 : out.rfind('/'));
      continue;
    }
    const size_t end = path.find('/', 1);
    out += path.substr(0, end);
    path = end == std::string_view::npos ? std::string_view() : path.substr(end);
  }
  return out;
}

std::string Merged(const Address& base, std::string_view path) {
  if (base.authority && base.path.empty()) return "/" + std::string(path);
  const size_t slash = base.path.rfind('/');
  return std::string(slash == std::string_view::npos ? std::string_view()
                                                     : base.path.substr(0, slash + 1)) +
         std::string(path);
}

}  // namespace

std::string ResolveReference(std::string_view base_text, std::string_view reference_text) {
  Address reference = Split(reference_text);
  const Address base = Split(base_text);
  if (reference.scheme && base.scheme && *reference.scheme == *base.scheme)
    reference.scheme.reset();
  std::optional<std::string_view> scheme = reference.scheme;
  std::optional<std::string_view> authority = reference.authority;
  std::optional<std::string_view> query = reference.query;
  std::string path;
  if (reference.scheme || reference.authority) {
    path = WithoutDots(reference.path);
    if (!reference.scheme) scheme = base.scheme;
  } else {
    if (reference.path.empty()) {
      path = base.path;
      if (!query) query = base.query;
    } else {
      path = WithoutDots(reference.path.starts_with('/') ? std::string(reference.path)
                                                         : Merged(base, reference.path));
    }
    authority = base.authority;
    scheme = base.scheme;
  }
  std::string result;
  if (scheme && !scheme->empty()) {
    result = std::string(*scheme) + ":";
  } else if (authority) {
    if (BeginsWith(*authority, "www")) result = "http:";
    if (BeginsWith(*authority, "ftp")) result = "ftp:";
  }
  if (authority) result += "//" + std::string(*authority);
  result += path;
  if (query) result += "?" + std::string(*query);
  if (reference.fragment) result += "#" + std::string(*reference.fragment);
  return result;
}

}  // namespace cleanmail::scanner::spam
