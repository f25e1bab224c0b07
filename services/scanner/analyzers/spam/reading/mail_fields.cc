#include <algorithm>
#include <array>

#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/reading/mail_view.h"

namespace cleanmail::scanner::spam {

// A request taken apart: the field and what of it is wanted.
struct MailView::Request {
  std::string name;
  bool raw = false;
  bool address = false;
  bool shown_name = false;
  bool host = false;
  bool domain = false;
  bool ip = false;
  bool reversed_ip = false;
  bool first = false;
  bool last = false;
};

namespace {

constexpr size_t kLongestHeader = 65536;

bool SetOption(std::string_view option, bool& raw, bool& address, bool& name) {
  if (option == "raw") raw = true;
  if (option == "addr") address = true;
  if (option == "name") name = true;
  return option == "raw" || option == "addr" || option == "name";
}

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

std::vector<std::string> MailView::FindFields(const Request& request) const {
  const std::string& name = request.name;
  const bool raw = request.raw;
  if (name == "ALL") return AllHeaders(raw);
  if (name == "ALL-TRUSTED") return HeadersBetween(-1, relays_.last_trusted + 1, raw);
  if (name == "ALL-INTERNAL") return HeadersBetween(-1, relays_.last_internal + 1, raw);
  if (name == "ALL-UNTRUSTED") return HeadersBetween(relays_.last_trusted + 1, -1, raw);
  if (name == "ALL-EXTERNAL") return HeadersBetween(relays_.last_internal + 1, -1, raw);
  const std::string lower = Lower(name);
  if (lower == "envelopefrom") {
    if (envelope_from()) return {*envelope_from()};
    return {};
  }
  if (lower == "x-spam-relays-untrusted") return {Relays::ToString(relays_.untrusted)};
  if (lower == "x-spam-relays-trusted") return {Relays::ToString(relays_.trusted)};
  if (lower == "x-spam-relays-external") return {Relays::ToString(relays_.external)};
  if (lower == "x-spam-relays-internal") return {Relays::ToString(relays_.internal)};
  std::vector<std::string> names = {name};
  if (lower == "tocc") names = {"To", "Cc"};
  const bool ids = name == "MESSAGEID";
  if (ids) names = {"X-Message-Id", "Resent-Message-Id", "X-Original-Message-ID", "Message-Id"};
  std::vector<std::string> values;
  for (const std::string& one : names) {
    for (const Fields::Field* field : tree_.root().header.All(one)) {
      if (raw || ((request.address || request.shown_name) && names.size() == 1)) {
        values.push_back(field->raw);
      } else {
        values.push_back(field->value + "\n");
      }
    }
  }
  return values;
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

std::vector<std::string> MailView::Find(const std::string& text) const {
  Request request;
  const std::vector<std::string_view> pieces = Pieces(text, ':');
  request.name = pieces[0];
  for (size_t i = 1; i < pieces.size(); ++i) {
    const std::string_view option = pieces[i];
    if (SetOption(option, request.raw, request.address, request.shown_name)) continue;
    request.host = request.host || option == "host" || option == "domain";
    request.domain = request.domain || option == "domain";
    request.ip = request.ip || option == "ip" || option == "revip";
    request.reversed_ip = request.reversed_ip || option == "revip";
    request.first = request.first || option == "first";
    request.last = request.last || option == "last";
  }
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

const std::vector<std::string>& MailView::Get(const std::string& request) const {
  const auto known = gotten_.find(request);
  if (known != gotten_.end()) return known->second;
  std::vector<std::string> found = Find(request);
  return gotten_.emplace(request, std::move(found)).first->second;
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
