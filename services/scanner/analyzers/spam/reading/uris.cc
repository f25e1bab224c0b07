#include "services/scanner/analyzers/spam/reading/uris.h"

#include <algorithm>
#include <array>

#include "libs/base/cat.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"

namespace cleanmail::scanner::spam {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kLongestUri = 8192;
constexpr size_t kLongestRun = 2048;
constexpr size_t kLongestName = 251;
constexpr size_t kMostLinks = 10'000;

// Which part a byte plays around links.
enum Role : unsigned char {
  kBegins = 1,      // a link may begin behind it
  kEnds = 2,        // it ends a link
  kEndsMail = 4,    // it ends a mail address
  kBeginsBare = 8,  // a host without scheme may begin behind it
  kMarks = 16,      // every link has one of these, with something behind it
};

constexpr std::array<unsigned char, 256> MakeRoles() {
  std::array<unsigned char, 256> roles{};
  const auto set = [&roles](std::string_view bytes, unsigned char role) {
    for (const char c : bytes) roles[static_cast<unsigned char>(c)] |= role;
  };
  constexpr std::string_view kBlanks = " \t\n\r\f\v\x1b\xa0";
  set("><\"'`,{[(|", kBegins);
  set("><\"`}]{[|", kEnds | kEndsMail);
  set(",('", kEndsMail);
  set("!\"#$&'()*+,/:;<=>?@[\\]^`{|}~", kBeginsBare);
  set(kBlanks, kBegins | kEnds | kEndsMail | kBeginsBare);
  set(".:@", kMarks);
  for (size_t byte = 0x80; byte < 256; ++byte) roles[byte] |= kEndsMail;
  return roles;
}

constexpr std::array<unsigned char, 256> kRoles = MakeRoles();

bool Is(char c, Role role) { return (kRoles[static_cast<unsigned char>(c)] & role) != 0; }

// End of the run at `from` that nothing of `role` ends; kNone if it is empty or longer than `most`.
size_t RunEnd(std::string_view text, size_t from, Role role, size_t most) {
  size_t end = from;
  while (end < text.size() && !Is(text[end], role)) {
    if (end - from == most) return kNone;
    ++end;
  }
  return end > from ? end : kNone;
}

// The next full stop, colon or at sign that may be in a link; kNone without one.
size_t NextMark(std::string_view text, size_t from) {
  for (size_t at = from; at + 1 < text.size(); ++at) {
    if (Is(text[at], kMarks) && !Is(text[at + 1], kEnds)) return at;
  }
  return kNone;
}

size_t KnownSchemeLength(std::string_view text) {
  const char first = text.empty() ? '\0' : LowerOf(text[0]);
  if (first == 'h') return BeginsWith(text, "http://") ? 7 : BeginsWith(text, "https://") ? 8 : 0;
  if (first == 'f') return BeginsWith(text, "ftp://") ? 6 : BeginsWith(text, "ftp.") ? 4 : 0;
  if (first != 'w' || !BeginsWith(text, "www")) return 0;
  size_t end = 3;
  while (end < text.size() && end < 5 && IsDigit(text[end])) ++end;
  return end < text.size() && text[end] == '.' ? end + 1 : 0;
}

// Words mail programs do not take for a part of a link that ends with them.
std::string_view WithoutTrailer(std::string_view uri) {
  const size_t close = uri.find(')');
  if (close != kNone && uri.find('(') > close) uri = uri.substr(0, close);
  while (!uri.empty() && std::string_view("-~!@#^&*()_+=:;'?,.").find(uri.back()) != kNone)
    uri.remove_suffix(1);
  return uri;
}

std::string WithoutMisreadScheme(std::string uri) {
  for (const std::string_view word : {"skype", "e-mail", "email", "mail", ""}) {
    if (!BeginsWith(uri, word) || uri.size() <= word.size() || uri[word.size()] != ':') continue;
    size_t end = word.size();
    while (end < uri.size() && uri[end] == ':') ++end;
    return uri.substr(end);
  }
  return uri;
}

}  // namespace

struct UriCollector::Found {
  enum class Kind { kNone, kScheme, kMail, kBare };
  Kind kind = Kind::kNone;
  std::string_view text;
  std::string_view host;  // of kBare
  size_t end = 0;
};

namespace {

// End of "host.tld", port and path at `from`, for a host whose last label is known.
size_t BareEnd(std::string_view text, size_t from, const Domains& domains, std::string_view& host) {
  size_t end = from;
  if (!IsLetter(text[from]) && !IsDigit(text[from])) return kNone;
  while (end < text.size() && end - from < 253 &&
         (IsWord(text[end]) || text[end] == '.' || text[end] == '-'))
    ++end;
  host = text.substr(from, end - from);
  const bool dot = host.ends_with('.');
  if (dot) host.remove_suffix(1);
  const size_t last = host.rfind('.');
  if (last == kNone || last == 0 || !domains.IsTopLevel(Lower(host.substr(last + 1)))) return kNone;
  if (end < text.size() && text[end] == ':') {
    size_t digits = end + 1;
    while (digits < text.size() && digits - end <= 5 && IsDigit(text[digits])) ++digits;
    if (digits > end + 1) end = digits;
  }
  if (end < text.size() && text[end] == '/') {
    const size_t path = RunEnd(text, end + 1, kEnds, kLongestRun);
    if (path == kNone) return kNone;
    end = path;
  }
  return end == text.size() || Is(text[end], kEnds) ? end : kNone;
}

}  // namespace

UriCollector::Found UriCollector::FindNext(std::string_view text, size_t from) const {
  size_t at_sign = text.find('@', from);
  // Nothing that ends a mail address stands between a link's beginning and its first mark: only
  // runs that lead to a mark are looked at.
  for (size_t mark = NextMark(text, from); mark != kNone; mark = NextMark(text, from)) {
    size_t begin = mark;
    while (begin > from && !Is(text[begin - 1], kEndsMail)) --begin;
    for (; begin <= mark; ++begin) {
      if (at_sign < begin) at_sign = text.find('@', begin);
      const Found found = At(text, begin, at_sign);
      if (found.kind != Found::Kind::kNone) return found;
    }
    from = begin;
  }
  return {};
}

UriCollector::Found UriCollector::At(std::string_view text, size_t i, size_t at_sign) const {
  const bool word_edge = IsWord(text[i]) != (i > 0 && IsWord(text[i - 1]));
  const bool shifted = i >= 3 && text[i - 3] == '\x1b' && text[i - 2] == '(';
  if (!word_edge && !shifted && !(i > 0 && Is(text[i - 1], kBegins))) return {};
  const std::string_view rest = text.substr(i);
  if (const size_t scheme = KnownSchemeLength(rest); scheme > 0) {
    const size_t end = RunEnd(text, i + scheme, kEnds, kLongestRun);
    if (end != kNone) return {Found::Kind::kScheme, text.substr(i, end - i), {}, end};
  }
  if (BeginsWith(rest, "mailto:")) {
    const size_t end = RunEnd(text, i + 7, kEndsMail, kLongestRun);
    if (end != kNone) return {Found::Kind::kMail, text.substr(i, end - i), {}, end};
  }
  if (at_sign != kNone && at_sign > i && at_sign - i <= kLongestName &&
      RunEnd(text.substr(0, at_sign), i, kEndsMail, kLongestName) == at_sign) {
    const size_t end = RunEnd(text, at_sign + 1, kEndsMail, kLongestName);
    if (end != kNone) return {Found::Kind::kMail, text.substr(i, end - i), {}, end};
  }
  if (i == 0 || Is(text[i - 1], kBeginsBare)) {
    std::string_view host;
    const size_t end = BareEnd(text, i, domains_, host);
    if (end != kNone) return {Found::Kind::kBare, text.substr(i, end - i), host, end};
  }
  return {};
}

void UriCollector::AddFromText(std::string_view text) {
  size_t from = 0;
  while (seen_.size() < kMostLinks) {
    const Found found = FindNext(text, from);
    if (found.kind == Found::Kind::kNone) return;
    from = std::max(found.end, from + 1);
    AddFound(found);
  }
}

void UriCollector::AddFound(const Found& found) {
  const std::string raw(WithoutTrailer(found.text));
  if (!seen_.insert(raw).second) return;
  if (found.kind == Found::Kind::kMail && raw.find('@') == std::string::npos) return;
  if (found.kind == Found::Kind::kBare && !IsFullName(found.host)) return;
  if (BeginsWith(raw, "cid:") || BeginsWith(raw, "mid:")) return;
  if (const size_t colon = raw.find(':'); colon != std::string::npos && colon > 0) {
    const size_t slashes = raw.size() - colon - 1;
    if (slashes <= 2 && raw.find_first_not_of('/', colon + 1) == std::string::npos &&
        std::all_of(raw.begin(), raw.begin() + static_cast<ptrdiff_t>(colon), IsWord))
      return;
  }
  std::set<std::string> types = {"parsed"};
  std::string uri = raw;
  const bool schemed = BeginsWith(uri, "http:") || BeginsWith(uri, "https:") ||
                       BeginsWith(uri, "ftp:") || BeginsWith(uri, "mailto:");
  if (!schemed) {
    const size_t at = uri.find('@');
    const size_t slash = uri.find('/');
    if (BeginsWith(uri, "ftp.")) {
      uri = "ftp://" + uri;
    } else if (BeginsWith(uri, "www") && KnownSchemeLength(uri) > 0) {
      uri = "http://" + uri;
    } else if (slash != std::string::npos && uri.find('@', slash + 2) != std::string::npos) {
      uri = "http://" + uri;
    } else if (at != std::string::npos) {
      if (uri.find('.', at + 2) == std::string::npos || uri.find("&nbsp;") != std::string::npos)
        return;
      uri = "mailto:" + WithoutMisreadScheme(uri);
    } else {
      if (uri.find('.') == std::string::npos) return;
      uri = "http://" + uri;
      types.insert("unlinked");
    }
    types.insert("schemeless");
  }
  if (BeginsWith(uri, "mailto:")) {
    if (uri.find('%') != std::string::npos) uri = NormalizeEscapes(uri);
    const size_t at = uri.find('@');
    if (at == std::string::npos) return;
    std::string host = uri.substr(at + 1, uri.find_first_of("?&>", at) - at - 1);
    while (host.ends_with("%20")) host.resize(host.size() - 3);
    if (!domains_.IsValid(host)) return;
  }
  Add(uri, types, true);
}

bool UriCollector::Add(const std::string& uri, const std::set<std::string>& types,
                       bool needs_domain) {
  if (details_.size() >= kMostLinks) return false;
  std::set<std::string> cleaned;
  std::set<std::string> found_domains;
  std::map<std::string, std::string> hosts;
  for (std::string form : CanonicalForms(uri, domains_, redirectors_)) {
    if (form.size() > kLongestUri) {
      cut_ = true;
      form.resize(kLongestUri);
    }
    if (const auto host = domains_.OfUri(form)) {
      found_domains.insert(host->domain);
      hosts[host->host] = host->domain;
    }
    cleaned.insert(std::move(form));
  }
  if (cleaned.empty() || (needs_domain && found_domains.empty())) return false;
  UriDetail& detail = details_[uri];
  detail.types.insert(types.begin(), types.end());
  detail.cleaned.merge(cleaned);
  detail.domains.merge(found_domains);
  detail.hosts.merge(hosts);
  return true;
}

void UriCollector::AddSigner(std::string_view domain) {
  const std::string uri = base::Cat("domainkeys:", domain);
  const auto host = domains_.OfUri(uri);
  if (!host) return;
  UriDetail& detail = details_[uri];
  detail.types.insert("domainkeys");
  detail.domains.insert(host->domain);
  detail.hosts[host->host] = host->domain;
}

}  // namespace cleanmail::scanner::spam
