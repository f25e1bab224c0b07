#include <algorithm>
#include <array>

#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/reading/mail_view.h"

namespace cleanmail::scanner::spam {

// A request taken apart: the field, or what stands for one, and what of it is wanted.
struct MailView::Request {
  enum class Source {
    kField,
    kToCc,
    kMessageId,
    kEnvelopeFrom,
    kTrusted,
    kUntrusted,
    kInternal,
    kExternal,
    kAll,
    kAllTrusted,
    kAllUntrusted,
    kAllInternal,
    kAllExternal,
  };

  explicit Request(std::string_view text);

  std::string_view name;
  Source source = Source::kField;
  bool raw = false;
  bool address = false;
  bool shown_name = false;
  bool host = false;
  bool domain = false;
  bool ip = false;
  bool reversed_ip = false;
  bool first = false;
  bool last = false;

 private:
  static Source SourceOf(std::string_view name);
  void Take(std::string_view option);
};

namespace {

constexpr size_t kLongestHeader = 65536;

// Fields of a raw header, each with its folds.
std::vector<std::string> RawFields(std::string_view header) {
  std::vector<std::string> fields;
  for (const std::string_view line : Lines(header)) {
    const bool folded = line.starts_with(' ') || line.starts_with('\t');
    if (folded && !fields.empty()) {
      fields.back() += line;
    } else if (line != "\n" && !folded) {
      fields.emplace_back(line);
    }
  }
  return fields;
}

std::string Decoded(std::string_view phrase) {
  std::string decoded = DecodeHeaderValue(phrase, "");
  if (Trim(decoded).empty()) return decoded;
  std::string text(Trim(Squeezed(decoded)));
  if (text.size() >= 2 && text.front() == '\'' && text.back() == '\'')
    text = text.substr(1, text.size() - 2);
  return text;
}

std::string Reversed(std::string_view ip) {
  const std::vector<std::string_view> parts = Pieces(ip, '.');
  if (parts.size() != 4) return "";
  std::string out(parts[3]);
  for (int i = 2; i >= 0; --i) out += "." + std::string(parts[static_cast<size_t>(i)]);
  return out;
}

// The first IP address in a text.
std::string IpIn(std::string_view text) {
  std::string spaced(text);
  std::replace_if(
      spaced.begin(), spaced.end(),
      [](char c) {
        return !IsDigit(c) && c != '.' && c != ':' && !(LowerOf(c) >= 'a' && LowerOf(c) <= 'f');
      },
      ' ');
  for (const std::string_view word : Words(spaced)) {
    if (IsIpAddress(word)) return std::string(word);
  }
  return "";
}

}  // namespace

MailView::Request::Request(std::string_view text) {
  size_t colon = text.find(':');
  name = text.substr(0, colon);
  source = SourceOf(name);
  while (colon != std::string_view::npos) {
    text.remove_prefix(colon + 1);
    colon = text.find(':');
    Take(text.substr(0, colon));
  }
}

MailView::Request::Source MailView::Request::SourceOf(std::string_view name) {
  if (name.starts_with("ALL")) {
    if (name == "ALL") return Source::kAll;
    if (name == "ALL-TRUSTED") return Source::kAllTrusted;
    if (name == "ALL-INTERNAL") return Source::kAllInternal;
    if (name == "ALL-UNTRUSTED") return Source::kAllUntrusted;
    if (name == "ALL-EXTERNAL") return Source::kAllExternal;
  }
  if (name == "MESSAGEID") return Source::kMessageId;
  if (SameLetters(name, "EnvelopeFrom")) return Source::kEnvelopeFrom;
  if (SameLetters(name, "ToCc")) return Source::kToCc;
  if (!BeginsWith(name, "X-Spam-Relays-")) return Source::kField;
  if (SameLetters(name, "X-Spam-Relays-Untrusted")) return Source::kUntrusted;
  if (SameLetters(name, "X-Spam-Relays-Trusted")) return Source::kTrusted;
  if (SameLetters(name, "X-Spam-Relays-External")) return Source::kExternal;
  return SameLetters(name, "X-Spam-Relays-Internal") ? Source::kInternal : Source::kField;
}

void MailView::Request::Take(std::string_view option) {
  raw = raw || option == "raw";
  address = address || option == "addr";
  shown_name = shown_name || option == "name";
  host = host || option == "host" || option == "domain";
  domain = domain || option == "domain";
  ip = ip || option == "ip" || option == "revip";
  reversed_ip = reversed_ip || option == "revip";
  first = first || option == "first";
  last = last || option == "last";
}

std::vector<std::string> MailView::AllHeaders(bool raw) const {
  if (raw) return RawFields(tree_.pristine_header());
  std::vector<std::string> fields;
  size_t bytes = 0;
  for (const Fields::Field& field : tree_.root().header.list()) {
    bytes += field.name.size() + field.value.size() + 3;
    if (bytes > kLongestHeader) break;
    fields.push_back(field.name + ": " + field.value + "\n");
  }
  return fields;
}

std::vector<std::string> MailView::HeadersBetween(int first, int last, bool raw) const {
  std::vector<std::string> found;
  int index = -1;
  for (std::string& field : AllHeaders(raw)) {
    if (BeginsWith(field, "Received:")) ++index;
    if (first >= 0 && index < first) continue;
    const bool end = last >= 0 && index >= last;
    found.push_back(std::move(field));
    if (end) break;
  }
  return found;
}

std::vector<std::string> MailView::ValuesOf(std::span<const std::string_view> names,
                                            bool raw) const {
  std::vector<std::string> values;
  for (const std::string_view name : names) {
    for (const Fields::Field* field : tree_.root().header.All(name))
      values.push_back(raw ? field->raw : field->value + "\n");
  }
  return values;
}

std::vector<std::string> MailView::FindFields(const Request& request) const {
  static constexpr std::array<std::string_view, 2> kRecipients = {"To", "Cc"};
  static constexpr std::array<std::string_view, 4> kIds = {"X-Message-Id", "Resent-Message-Id",
                                                           "X-Original-Message-ID", "Message-Id"};
  const bool raw = request.raw;
  using Source = Request::Source;
  switch (request.source) {
    case Source::kField:
      return ValuesOf({&request.name, 1}, raw || request.address || request.shown_name);
    case Source::kToCc:
      return ValuesOf(kRecipients, raw);
    case Source::kMessageId:
      return ValuesOf(kIds, raw);
    case Source::kEnvelopeFrom:
      if (envelope_from()) return {*envelope_from()};
      return {};
    case Source::kTrusted:
      return {Relays::ToString(relays_.trusted)};
    case Source::kUntrusted:
      return {Relays::ToString(relays_.untrusted)};
    case Source::kInternal:
      return {Relays::ToString(relays_.internal)};
    case Source::kExternal:
      return {Relays::ToString(relays_.external)};
    case Source::kAllTrusted:
      return HeadersBetween(-1, relays_.last_trusted + 1, raw);
    case Source::kAllInternal:
      return HeadersBetween(-1, relays_.last_internal + 1, raw);
    case Source::kAllUntrusted:
      return HeadersBetween(relays_.last_trusted + 1, -1, raw);
    case Source::kAllExternal:
      return HeadersBetween(relays_.last_internal + 1, -1, raw);
    default:
      return AllHeaders(raw);
  }
}

std::string MailView::HostIn(const std::string& value, bool is_address) const {
  if (is_address) {
    const size_t at = value.rfind('@');
    if (at == std::string::npos) return "";
    const std::vector<std::string_view> words = Words(std::string_view(value).substr(at + 1));
    return words.empty() ? "" : std::string(words[0]);
  }
  std::string spaced = value;
  std::replace_if(
      spaced.begin(), spaced.end(),
      [](char c) { return !IsWord(c) && c != '.' && c != '-' && c != '@'; }, ' ');
  std::string plain;
  for (const std::string_view word : Words(spaced)) {
    const size_t at = word.rfind('@');
    std::string_view host = at == std::string_view::npos ? word : word.substr(at + 1);
    while (host.ends_with('.') || host.ends_with('-')) host.remove_suffix(1);
    if (!IsFullName(host) || !domains().IsValid(host)) continue;
    if (at != std::string_view::npos) return std::string(host);
    if (plain.empty()) plain = host;
  }
  return plain;
}

std::vector<std::string> MailView::Find(const Request& request) const {
  std::vector<std::string> values = FindFields(request);
  if (values.size() > 1 && request.first) values.resize(1);
  if (values.size() > 1 && request.last) values = {values.back()};
  if (request.address || request.shown_name) {
    std::vector<std::string> found;
    for (const std::string& value : values) {
      for (const HeaderAddress& address : ReadAddresses(value)) {
        if (request.address && address.address) found.push_back(*address.address);
        if (!request.address && address.phrase)
          found.push_back(request.raw ? *address.phrase : Decoded(*address.phrase));
      }
    }
    values = std::move(found);
  }
  if (!request.host && !request.ip) return values;
  std::vector<std::string> found;
  for (const std::string& value : values) {
    std::string one = request.host ? HostIn(value, request.address) : IpIn(value);
    if (one.empty()) continue;
    if (request.domain) one = domains().Trimmed(one);
    found.push_back(request.reversed_ip ? Reversed(one) : one);
  }
  return found;
}

const std::vector<std::string>& MailView::Get(const std::string& text) const {
  static const std::vector<std::string> kNothing;
  const Request request(text);
  // Most of what rules ask for is not there.
  if (request.source == Request::Source::kField && !tree_.root().header.Has(request.name))
    return kNothing;
  const auto known = gotten_.find(text);
  if (known != gotten_.end()) return known->second;
  std::vector<std::string> found = Find(request);
  return gotten_.emplace(text, std::move(found)).first->second;
}

std::string MailView::GetText(const std::string& request) const {
  const std::vector<std::string>& values = Get(request);
  if (values.empty()) return "";
  static constexpr std::array<std::string_view, 6> kExtracts = {":addr",   ":name", ":host",
                                                                ":domain", ":ip",   ":revip"};
  const bool extract =
      request == "EnvelopeFrom" ||
      std::any_of(kExtracts.begin(), kExtracts.end(), [&](std::string_view option) {
        return request.find(option) != std::string::npos;
      });
  if (extract) {
    std::string first = values[0];
    if (first.ends_with('\n')) first.pop_back();
    return first;
  }
  std::string joined;
  for (const std::string& value : values) joined += value;
  return joined;
}

const std::optional<std::string>& MailView::envelope_from() const {
  if (!envelope_from_) envelope_from_ = FindEnvelopeFrom();
  return *envelope_from_;
}

std::optional<std::string> MailView::FindEnvelopeFrom() const {
  const auto first_address = [this](const std::string& field) -> std::optional<std::string> {
    const std::vector<std::string>& found = Get(field + ":first:addr");
    if (found.empty()) return std::nullopt;
    return found[0];
  };
  const auto usable = [](const std::optional<std::string>& address) {
    return address && (address->empty() || address->find('@') != std::string::npos) &&
           !address->starts_with('@');
  };
  if (!settings_.envelope_sender_field.empty()) {
    const std::optional<std::string> named = first_address(settings_.envelope_sender_field);
    return usable(named) ? named : std::nullopt;
  }
  const Relay* hop = !relays_.untrusted.empty() ? &relays_.untrusted.front()
                     : !relays_.trusted.empty() ? &relays_.trusted.back()
                                                : nullptr;
  if (hop != nullptr && usable(hop->envelope_from)) return hop->envelope_from;
  if (const auto sender = first_address("X-Sender");
      sender && sender->find('@') != std::string::npos) {
    for (const std::string& line : Get("Received")) {
      if (line.find("(fetchmail") != std::string::npos) return std::nullopt;
    }
  }
  // A field that stands below a Received line was not written by the last server.
  for (const char* name : {"X-Envelope-From", "Envelope-Sender", "Return-Path"}) {
    std::optional<std::string> address = first_address(name);
    if (!address) continue;
    bool below = false;
    bool received = false;
    for (const Fields::Field& field : tree_.root().header.list()) {
      received = received || SameLetters(field.name, "Received");
      below = below || (received && SameLetters(field.name, name));
    }
    if (!below) return address;
    if (std::string_view(name) == "X-Envelope-From") return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace cleanmail::scanner::spam
