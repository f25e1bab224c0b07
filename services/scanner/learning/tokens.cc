#include "services/scanner/learning/tokens.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "libs/base/cat.h"
#include "libs/mail/address/public_suffix.h"
#include "libs/mail/auth/dmarc/author.h"
#include "libs/mail/mime/encoded_word.h"
#include "services/scanner/analyzers/links/target.h"
#include "services/scanner/learning/words.h"

namespace cleanmail::scanner::learning {
namespace {

using mail::html::Link;

constexpr size_t kLongestValue = 1000;
constexpr size_t kHeaderWords = 40;
constexpr size_t kLongestWord = 64;
constexpr size_t kMostFiles = 50;
constexpr size_t kMostTexts = 6;

// Fields the sender's program writes; relays and receivers do not.
constexpr std::string_view kFields[] = {
    "User-Agent", "X-Mailer",   "In-Reply-To", "References",       "Reply-To",  "Cc",
    "Sender",     "Importance", "X-Priority",  "List-Unsubscribe", "Precedence"};

std::string LowerAscii(std::string_view text) {
  std::string lower(text.substr(0, kLongestValue));
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return lower;
}

// "few", "many": a number as a token.
std::string Rough(size_t number) {
  size_t least = 0;
  for (const size_t step : {1, 2, 4, 8, 16, 64}) {
    if (number >= step) least = step;
  }
  return base::Cat(least, "+");
}

// The last ending of a file's name; empty without one.
std::string EndingOf(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == name.npos || name.size() - dot > 9) return {};
  return LowerAscii(name.substr(dot));
}

class Collector {
 public:
  Collector(const ParsedMessage& message, const TokenKey& key, const TokenLimits& limits)
      : message_(message), key_(key), limits_(limits) {}

  Tokens Collect() && {
    TakeSender();
    TakeWords(Place::kSubject, mail::mime::DecodeWords(ValueOf("Subject")), kHeaderWords);
    TakeFields();
    TakeFiles();
    TakeShape();
    for (const ParsedPage& page : message_.pages()) {
      if (message_.contents.list[page.content].attachment) continue;
      TakeLinks(page.page);
      TakeText(page.page.visible_text);
    }
    for (const mail::mime::Content& one : message_.contents.list) {
      if (one.type == "text/plain" && !one.attachment) TakeText(one.bytes);
    }
    return Finish();
  }

 private:
  std::string ValueOf(std::string_view name) const {
    const mail::mime::Field* const field = message_.header.Find(name);
    return field == nullptr ? std::string() : field->value().substr(0, kLongestValue);
  }

  // `shown` must begin and end in found_.words: it is there already.
  void Add(Place place, uint64_t hash, size_t begin, size_t size) {
    found_.list.push_back({.hash = hash,
                           .begin = static_cast<uint32_t>(begin),
                           .size = static_cast<uint16_t>(std::min<size_t>(size, kLongestWord)),
                           .place = place});
  }

  uint64_t HashAt(Place place, std::string_view text) {
    keyed_.assign(1, static_cast<char>('A' + static_cast<char>(place)));
    keyed_ += text;
    return HashOf(key_, keyed_);
  }

  void Add(Place place, std::string_view text) {
    if (text.empty()) return;
    const size_t begin = found_.words.size();
    found_.words += text;
    found_.words += ' ';
    Add(place, HashAt(place, text), begin, text.size());
  }

  void TakeWords(Place place, std::string_view text, size_t most) {
    const Words words = WordsOf(text, most);
    const bool pairs = place == Place::kText;
    const size_t base = found_.words.size();
    found_.words += words.text;
    for (const std::string& host : words.hosts) TakeHost(host);
    uint64_t before = 0;
    const Words::Word* last = nullptr;
    for (const Words::Word& word : words.list) {
      const uint64_t hash = HashAt(place, words.At(word));
      Add(place, hash, base + word.begin, word.size);
      if (pairs && last != nullptr && word.follows)
        Add(Place::kPair, HashOfPair(before, hash), base + last->begin,
            word.begin + word.size - last->begin);
      before = hash;
      last = &word;
    }
  }

  // Of a long text its end first, so that padding in front does not keep it out.
  void TakeText(std::string_view text) {
    if (texts_++ >= kMostTexts) return;
    if (text.size() > limits_.text + limits_.text / 8) {
      TakeWords(Place::kText, text.substr(text.size() - limits_.text / 8), limits_.tokens);
      text = text.substr(0, limits_.text);
    }
    TakeWords(Place::kText, text, limits_.tokens);
  }

  void TakeSender() {
    const std::string from = ValueOf("From");
    const size_t bracket = from.rfind('<');
    if (bracket != from.npos)
      TakeWords(Place::kFromName, mail::mime::DecodeWords(from.substr(0, bracket)), kHeaderWords);
    for (const std::string& domain : mail::auth::dmarc::ReadAuthor(message_.header).domains)
      TakeDomain(Place::kFromDomain, domain);
    const std::string reply = LowerAscii(ValueOf("Reply-To"));
    const size_t at = reply.rfind('@');
    if (at == reply.npos) return;
    const size_t end = reply.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-", at + 1);
    TakeDomain(Place::kReplyDomain, reply.substr(at + 1, end == reply.npos ? end : end - at - 1));
  }

  // The domain somebody registered, and under what.
  void TakeDomain(Place place, const std::string& domain) {
    const std::string registered =
        mail::address::PublicSuffixes::Builtin().RegistrableDomain(domain);
    Add(place, registered.empty() ? domain : registered);
    if (const size_t dot = registered.find('.'); dot != registered.npos)
      Add(place, std::string_view(registered).substr(dot));
  }

  void TakeFields() {
    for (const std::string_view name : kFields) {
      if (message_.header.Find(name) != nullptr) Add(Place::kHeader, name);
    }
    for (const std::string_view name : {"User-Agent", "X-Mailer"}) {
      const Words words = WordsOf(ValueOf(name), 4);
      for (const Words::Word& word : words.list) Add(Place::kHeader, words.At(word));
    }
  }

  void TakeFiles() {
    size_t files = 0;
    for (const mail::mime::Content& one : message_.contents.list) {
      if (!one.attachment || ++files > kMostFiles) continue;
      Add(Place::kFile, LowerAscii(one.type));
      for (const std::string& name : one.names) Add(Place::kFile, EndingOf(name));
    }
    if (files > 0) Add(Place::kShape, base::Cat("files ", Rough(files)));
  }

  void TakeShape() {
    Add(Place::kShape, base::Cat("type ", message_.parts.list[0].type));
    bool plain = false;
    size_t text = 0;
    for (const mail::mime::Content& one : message_.contents.list) {
      if (one.attachment || !one.text) continue;
      plain |= one.type == "text/plain";
      text += one.bytes.size();
      if (!one.charset.empty()) Add(Place::kShape, base::Cat("charset ", one.charset));
    }
    Add(Place::kShape, base::Cat("text ", Rough(text / 256)));
    if (!plain) Add(Place::kShape, "no plain text");
    for (const ParsedPage& page : message_.pages()) {
      if (message_.contents.list[page.content].attachment) continue;
      const mail::html::Page& html = page.page;
      Add(Place::kShape, base::Cat("links ", Rough(html.links.size())));
      if (html.remote_images > 0)
        Add(Place::kShape, base::Cat("remote images ", Rough(html.remote_images)));
      if (html.visible_text.size() < 100) Add(Place::kShape, "hardly any text shown");
      if (!html.hidden_text.empty()) Add(Place::kShape, "hidden text");
      if (!html.forms.empty()) Add(Place::kShape, "a form");
      if (html.scripts > 0) Add(Place::kShape, "scripts");
    }
  }

  void TakeLinks(const mail::html::Page& page) {
    for (const Link& link : page.links) {
      if (link.what != Link::What::kAnchor && link.what != Link::What::kArea &&
          link.what != Link::What::kForm && link.what != Link::What::kImage)
        continue;
      if (hosts_ >= limits_.hosts) return;
      const std::optional<LinkTarget> target =
          ReadTarget(std::string_view(link.target).substr(0, kLongestValue));
      if (!target.has_value()) continue;
      if (target->host.empty()) {
        Add(Place::kLinkHost, base::Cat(target->scheme, ":"));
      } else if (target->host != last_host_) {
        last_host_ = target->host;
        TakeHost(target->host);
      }
    }
  }

  void TakeHost(const std::string& written) {
    if (hosts_ >= limits_.hosts) return;
    ++hosts_;
    const std::string host = LowerAscii(written);
    const std::string registered = mail::address::PublicSuffixes::Builtin().RegistrableDomain(host);
    Add(Place::kLinkHost, host);
    if (registered.empty() || registered == host) return;
    TakeDomain(Place::kLinkHost, host);
  }

  Tokens Finish() {
    std::vector<Token>& list = found_.list;
    std::vector<uint32_t> order(list.size());
    for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, [&](uint32_t a, uint32_t b) {
      return list[a].hash != list[b].hash ? list[a].hash < list[b].hash : a < b;
    });
    const auto equal = [&](uint32_t a, uint32_t b) { return list[a].hash == list[b].hash; };
    order.erase(std::unique(order.begin(), order.end(), equal), order.end());
    if (order.size() > limits_.tokens) {  // those that came first stay
      std::ranges::sort(order);
      order.resize(limits_.tokens);
      std::ranges::sort(order, {}, [&](uint32_t i) { return list[i].hash; });
    }
    std::vector<Token> kept;
    kept.reserve(order.size());
    for (const uint32_t i : order) kept.push_back(list[i]);
    list = std::move(kept);
    return std::move(found_);
  }

  const ParsedMessage& message_;
  const TokenKey& key_;
  const TokenLimits& limits_;
  Tokens found_;
  std::string keyed_;
  size_t hosts_ = 0;
  size_t texts_ = 0;
  std::string last_host_;
};

}  // namespace

std::string Tokens::Describe(const Token& token) const {
  const std::string_view text = std::string_view(words).substr(token.begin, token.size);
  switch (token.place) {
    case Place::kText:
    case Place::kPair:
      return base::Cat("\"", text, "\"");
    case Place::kSubject:
      return base::Cat("\"", text, "\" in the subject");
    case Place::kFromName:
      return base::Cat("\"", text, "\" in the sender's name");
    case Place::kFromDomain:
      return base::Cat("from ", text);
    case Place::kReplyDomain:
      return base::Cat("answers to ", text);
    case Place::kLinkHost:
      return base::Cat("link to ", text);
    case Place::kFile:
      return base::Cat("file ", text);
    case Place::kHeader:
      return base::Cat("header ", text);
    case Place::kShape:
      return std::string(text);
  }
  return {};
}

Tokens TokensOf(const ParsedMessage& message, const TokenKey& key, const TokenLimits& limits) {
  return Collector(message, key, limits).Collect();
}

}  // namespace cleanmail::scanner::learning
