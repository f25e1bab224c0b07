#include "services/scanner/analyzers/spam/reading/mail_view.h"

#include <algorithm>
#include <set>

#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/reading/unicode.h"

namespace cleanmail::scanner::spam {
namespace {

constexpr size_t kLine = 2048;
constexpr size_t kSlack = 1024;

std::vector<std::string> ReceivedLines(const Fields& header) {
  std::vector<std::string> lines;
  for (const Fields::Field* field : header.All("Received")) lines.push_back(field->value);
  return lines;
}

std::vector<std::string> OriginatingIps(const Fields& header,
                                        const std::vector<std::string>& names) {
  std::vector<std::string> found;
  for (const std::string& name : names) {
    std::string value(header.Last(name));
    std::replace_if(
        value.begin(), value.end(),
        [](char c) { return !IsDigit(c) && !IsLetter(c) && c != '.' && c != ':'; }, ' ');
    for (const std::string_view word : Words(value)) {
      if (!IsIpAddress(word)) continue;
      found.emplace_back(word);
      break;
    }
  }
  return found;
}

// The first `bytes` of a long text, cut at one of `marks` where one is near.
std::string_view CutNear(std::string_view text, size_t bytes, std::string_view marks) {
  if (bytes == 0 || text.size() <= bytes) return text;
  for (const char mark : marks) {
    const size_t at = text.find(mark, bytes);
    if (at != std::string_view::npos && at - bytes <= kSlack) return text.substr(0, at + 1);
  }
  return text.substr(0, bytes);
}

// Paragraphs: empty lines end them, other white space is one blank.
std::string Paragraphs(std::string_view text, bool unicode) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    size_t length = SpaceLength(text.substr(at), unicode);
    if (length == 0) {
      const size_t begin = at++;
      while (at < text.size() && SpaceLength(text.substr(at), unicode) == 0) ++at;
      out += text.substr(begin, at - begin);
      continue;
    }
    // A run of white space that holds two line feeds with only white space between them parts
    // paragraphs; blanks before the first and behind the last stay as one blank each.
    const size_t begin = at;
    size_t first = std::string_view::npos;
    size_t last = 0;
    size_t feeds = 0;
    while (at < text.size() && (length = SpaceLength(text.substr(at), unicode)) > 0) {
      if (text[at] == '\n') {
        if (first == std::string_view::npos) first = at;
        last = at;
        ++feeds;
      }
      at += length;
    }
    if (feeds < 2) {
      out += ' ';
      continue;
    }
    if (first > begin) out += ' ';
    out += '\n';
    if (last + 1 < at) out += ' ';
  }
  return out;
}

std::vector<std::string> ShortLines(std::string_view text) {
  std::vector<std::string> result;
  for (std::string_view line : Lines(text)) {
    while (line.size() > kLine) {
      const size_t blank = line.rfind(' ', kLine);
      const size_t length = blank == std::string_view::npos || blank == 0 ? kLine : blank + 1;
      result.emplace_back(line.substr(0, length));
      line.remove_prefix(length);
    }
    result.emplace_back(line);
  }
  return result;
}

void AppendPieces(std::string_view text, std::vector<std::string>& pieces) {
  if (text.size() <= kLine) {
    pieces.emplace_back(text);
    return;
  }
  size_t from = 0;
  while (text.size() - from > 2 * kLine) {
    size_t end = from + kLine;
    for (const char mark : {'\n', '>', ' '}) {
      const size_t at = text.find(mark, from + kLine);
      if (at == std::string_view::npos || at - from + 1 > 2 * kLine) continue;
      end = at;
      break;
    }
    pieces.emplace_back(text.substr(from, end - from + 1));
    from = end + 1;
  }
  if (from < text.size()) pieces.emplace_back(text.substr(from));
}

}  // namespace

MailView::MailView(std::string_view message, const ReadingSettings& settings,
                   std::string_view client)
    : settings_(settings), tree_(message) {
  Fields& header = tree_.root().header;
  relays_ =
      ReadRelays(ReceivedLines(header), OriginatingIps(header, settings.originating_ip_fields),
                 settings.trust, client);
  for (const std::string_view name : {"X-Spam-Relays-Trusted", "X-Spam-Relays-Untrusted",
                                      "X-Spam-Relays-Internal", "X-Spam-Relays-External"})
    header.Remove(name);
}

const std::string& MailView::TextOf(const Part& part) const {
  const auto [entry, added] = texts_.try_emplace(&part);
  if (added) entry->second = part.Decoded();
  return entry->second;
}

void MailView::Render() const {
  std::vector<RenderedPart>& parts = rendered_.emplace();
  for (const Part* part : tree_.Leaves()) {
    const std::string_view type = part->effective_type();
    if (type != "text/plain" && type != "text/html") continue;
    const std::string& bytes = TextOf(*part);
    RenderedPart rendered{.part = part, .html = type == "text/html" && !bytes.empty(), .text = {}};
    rendered.text = NormalizeCharset(
        bytes, part->charset.empty() ? std::string_view("us-ascii") : part->charset, false);
    if (rendered.html) {
      pages_.push_back(ReadHtmlPage(rendered.text, bytes.size()));
      rendered.text = pages_.back().text;
    }
    parts.push_back(std::move(rendered));
  }
}

const std::vector<RenderedPart>& MailView::rendered() const {
  if (!rendered_) Render();
  return *rendered_;
}

const std::vector<HtmlPage>& MailView::pages() const {
  rendered();
  return pages_;
}

const RenderedPart* MailView::Rendered(const Part& part) const {
  for (const RenderedPart& rendered : rendered()) {
    if (rendered.part == &part) return &rendered;
  }
  return nullptr;
}

const std::vector<std::string>& MailView::body() const {
  if (body_) return *body_;
  std::string text;
  bool wide = false;
  for (const RenderedPart& part : rendered()) wide = wide || part.text.wide;
  for (const Part* leaf : tree_.Leaves()) {
    if (!text.empty()) text += '\n';
    const RenderedPart* part = Rendered(*leaf);
    if (part == nullptr) continue;
    text += CutNear(part->text.utf8, settings_.body_part_bytes, "\n ");
  }
  text = Paragraphs(text, wide);
  if (!wide && !IsAscii(text)) text = ToLatin1(text);
  const std::vector<const Fields::Field*> subjects = tree_.root().header.All("Subject");
  const std::string subject = subjects.empty() ? "\n" : subjects.back()->value + "\n";
  body_ = ShortLines(subject + text);
  return *body_;
}

const std::vector<std::string>& MailView::rawbody() const {
  if (rawbody_) return *rawbody_;
  std::vector<std::string>& pieces = rawbody_.emplace();
  for (const Part* part : tree_.Leaves()) {
    const std::string_view type = part->effective_type();
    const bool text = (type.starts_with("text") && (type.size() == 4 || !IsWord(type[4]))) ||
                      (type.starts_with("message") && (type.size() == 7 || !IsWord(type[7])));
    if (!text || part->type == "text/calendar") continue;
    AppendPieces(CutNear(TextOf(*part), settings_.rawbody_part_bytes, "\n> "), pieces);
  }
  return *rawbody_;
}

const UriDetails& MailView::uri_details() const {
  if (uri_details_) return *uri_details_;
  UriCollector collector(settings_.domains, settings_.redirectors);
  for (const std::string& line : body()) collector.AddFromText(line);
  for (const HtmlPage& page : pages()) {
    uris_cut_ = uris_cut_ || page.links_cut;
    for (const auto& [uri, link] : page.links) {
      if (!collector.Add(uri, link.types, false) || !link.has_anchor) continue;
      UriDetail& detail = collector.details()[uri];
      detail.has_anchor = true;
      std::set<std::string> seen;
      for (const std::string& text : link.anchor_texts) {
        if (seen.insert(text).second) detail.anchor_texts.push_back(text);
      }
    }
  }
  for (const std::string_view name : {"DomainKey-Signature", "DKIM-Signature"}) {
    for (const Fields::Field* field : tree_.root().header.All(name)) {
      for (const std::string_view tag : Pieces(field->value, ';')) {
        const std::string_view trimmed = Trim(tag);
        const size_t equals = trimmed.find('=');
        if (equals == std::string_view::npos || Trim(trimmed.substr(0, equals)) != "d") continue;
        std::string domain(trimmed.substr(equals + 1));
        std::erase_if(domain, IsBlank);
        collector.AddSigner(domain);
      }
    }
  }
  uris_cut_ = uris_cut_ || collector.cut();
  uri_details_ = std::move(collector.details());
  return *uri_details_;
}

const std::vector<std::string>& MailView::uris() const {
  if (uris_) return *uris_;
  std::set<std::string> all;
  for (const auto& [uri, detail] : uri_details())
    all.insert(detail.cleaned.begin(), detail.cleaned.end());
  uris_.emplace(all.begin(), all.end());
  return *uris_;
}

bool MailView::uris_cut() const {
  uri_details();
  return uris_cut_;
}

const std::vector<std::string>& MailView::AllFromAddresses() const {
  if (from_addresses_) return *from_addresses_;
  std::set<std::string> found;
  const std::vector<std::string>& resent = Get("Resent-From:first:addr");
  found.insert(resent.begin(), resent.end());
  if (resent.empty()) {
    for (const char* request : {"From:addr", "Envelope-Sender:addr", "Resent-Sender:addr",
                                "X-Envelope-From:addr", "EnvelopeFrom:addr"}) {
      for (std::string address : Get(request)) {
        const auto dots = std::unique(address.begin(), address.end(),
                                      [](char a, char b) { return a == '.' && b == '.'; });
        address.erase(dots, address.end());
        if (!address.empty()) found.insert(address);
      }
    }
  }
  from_addresses_.emplace(found.begin(), found.end());
  return *from_addresses_;
}

namespace {

// The recipient in " for <address>;" of a Received line.
std::string RecipientOf(std::string_view line) {
  const size_t at = line.find(" for ");
  if (at == std::string_view::npos) return "";
  std::string_view word = line.substr(at + 5);
  word = word.substr(0, word.find(';'));
  if (word.starts_with('<')) word.remove_prefix(1);
  if (word.ends_with('>')) word.remove_suffix(1);
  const size_t sign = word.find('@');
  if (sign == std::string_view::npos || sign == 0 || std::any_of(word.begin(), word.end(), IsBlank))
    return "";
  return IsFullName(word.substr(sign + 1)) ? std::string(word) : "";
}

}  // namespace

const std::vector<std::string>& MailView::AllToAddresses() const {
  if (to_addresses_) return *to_addresses_;
  std::vector<std::string>& all = to_addresses_.emplace();
  std::set<std::string> seen;
  const auto add = [&](const std::string& address) {
    if (seen.insert(address).second) all.push_back(address);
  };
  for (const char* request : {"Resent-To:first:addr", "Resent-Cc:first:addr"}) {
    for (const std::string& address : Get(request)) add(address);
  }
  if (!all.empty()) return all;
  const std::vector<std::string>& received = Get("Received");
  for (size_t i = 0; i < received.size() && i < 3; ++i) {
    if (const std::string address = RecipientOf(received[i]); !address.empty()) add(address);
  }
  for (const char* request :
       {"To:addr", "Apparently-To:addr", "Delivered-To:addr", "Envelope-Recipients:addr",
        "Apparently-Resent-To:addr", "X-Envelope-To:addr", "Envelope-To:addr",
        "X-Delivered-To:addr", "X-Original-To:addr", "X-Rcpt-To:addr", "X-Real-To:addr",
        "Cc:addr"}) {
    for (const std::string& address : Get(request)) add(address);
  }
  return all;
}

}  // namespace cleanmail::scanner::spam
