#include "services/scanner/analyzers/newsletter/signs.h"

#include <algorithm>
#include <array>

#include "libs/mail/mime/encoded_word.h"
#include "libs/mail/mime/parameters.h"
#include "services/scanner/analyzers/newsletter/words.h"

namespace cleanmail::scanner {
namespace {

constexpr size_t kLongestValue = 1000;
constexpr size_t kTextLookedAt = 256 << 10;
constexpr size_t kLinksLookedAt = 1000;
constexpr size_t kPictures = 3;  // remote pictures and links a page of a mailing has at least
constexpr size_t kPageLinks = 5;

// ASCII letters in lower case; others as they are, which the lists of words allow for.
std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return lower;
}

std::string ValueOf(const ParsedMessage& message, std::string_view name) {
  const mail::mime::Field* field = message.header.Find(name);
  return field == nullptr ? std::string() : field->value().substr(0, kLongestValue);
}

bool Has(const ParsedMessage& message, std::string_view name) {
  return message.header.Find(name) != nullptr;
}

// The first of `fields` the message has; empty: none.
template <size_t N>
std::string FirstField(const ParsedMessage& message, const std::string_view (&fields)[N]) {
  for (const std::string_view name : fields) {
    if (Has(message, name)) return std::string(name);
  }
  return {};
}

// Words that are looked for in one pass over a text.
template <size_t N>
class WordList {
 public:
  explicit constexpr WordList(const std::string_view (&words)[N]) : words_(words) {
    for (const std::string_view word : words) begins_[BeginOf(word.data())] = true;
  }

  // The first of the list that `text`, which is in lower case, has somewhere; empty: none.
  std::string FirstIn(std::string_view text) const {
    size_t first = N;
    for (; text.size() >= kBegin; text.remove_prefix(1)) {
      if (!begins_[BeginOf(text.data())]) continue;
      for (size_t i = 0; i < first; ++i) {
        if (text.starts_with(words_[i])) first = i;
      }
    }
    return first < N ? std::string(words_[first]) : std::string();
  }

 private:
  static constexpr size_t kBegin = 3;  // no word is shorter

  // A number for how a text begins; some beginnings share one.
  static constexpr size_t BeginOf(const char* text) {
    size_t begin = 0;
    for (size_t i = 0; i < kBegin; ++i) begin = begin * 41 + static_cast<unsigned char>(text[i]);
    return begin % 4096;
  }

  const std::string_view (&words_)[N];
  std::array<bool, 4096> begins_{};
};
constexpr WordList kUnsubscribe(kUnsubscribeWords);
constexpr WordList kReport(kReportWords);

// The first of `words` in `text`, which is in lower case, as a word: "border" is no order.
template <size_t N>
std::string FirstWholeWord(const std::string& text, const std::string_view (&words)[N]) {
  const auto inner = [](char c) {
    return (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80;
  };
  for (const std::string_view word : words) {
    for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
      const size_t end = at + word.size();
      if ((at == 0 || !inner(text[at - 1])) && (end == text.size() || !inner(text[end])))
        return std::string(word);
    }
  }
  return {};
}

// The words a link to unsubscribe by shows, or has in its target.
std::string UnsubscribeLink(const ParsedMessage& message) {
  for (const ParsedPage& page : message.pages()) {
    size_t left = kLinksLookedAt;
    for (const mail::html::Link& link : page.page.links) {
      if (link.what != mail::html::Link::What::kAnchor || left-- == 0) continue;
      std::string word = kUnsubscribe.FirstIn(Lower(link.text.substr(0, kLongestValue)));
      if (!word.empty()) return word;
      if (Lower(link.target.substr(0, kLongestValue)).find("unsubscribe") != std::string::npos)
        return "unsubscribe";
    }
  }
  return {};
}

// Such words in a text that has links.
std::string UnsubscribeText(const ParsedMessage& message) {
  for (const ParsedPage& page : message.pages()) {
    if (page.page.links.empty()) continue;
    std::string word = kUnsubscribe.FirstIn(Lower(page.page.visible_text.substr(0, kTextLookedAt)));
    if (!word.empty()) return word;
  }
  for (const mail::mime::Content& one : message.contents.list) {
    if (one.type != "text/plain" || one.attachment) continue;
    const std::string text = Lower(std::string_view(one.bytes).substr(0, kTextLookedAt));
    if (text.find("http") == text.npos) continue;
    std::string word = kUnsubscribe.FirstIn(text);
    if (!word.empty()) return word;
  }
  return {};
}

bool IsNoAnswer(const std::string& from) {
  for (const std::string_view local :
       {"noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "do_not_reply",
        "nepasrepondre", "ne-pas-repondre", "nicht-antworten", "notification", "notifications",
        "alerts@", "root@"}) {
    const size_t at = from.find(local);
    if (at != from.npos && from.find('@', at) != from.npos) return true;
  }
  return false;
}

void ReadReport(const ParsedMessage& message, Signs& signs) {
  if (message.envelope != nullptr && message.envelope->has_envelope()) {
    signs.null_sender = message.envelope->envelope().sender().empty();
  } else {
    std::string path = ValueOf(message, "Return-Path");
    std::erase(path, ' ');
    signs.null_sender = path.empty() || path == "<>";
  }
  for (const mail::mime::Entity& entity : message.parts.list) {
    if (entity.type == "multipart/report" && entity.parent == mail::mime::Entity::kNone) {
      const auto type = mail::mime::ParseParameters(ValueOf(message, "Content-Type"));
      const std::string* report = type.Find("report-type");
      signs.report_type = report == nullptr ? "delivery-status" : Lower(*report);
    }
    if (signs.report_type.empty() && entity.type == "message/delivery-status")
      signs.report_type = "delivery-status";
  }
  const std::string from = Lower(ValueOf(message, "From"));
  const std::string subject = Lower(mail::mime::DecodeWords(ValueOf(message, "Subject")));
  const bool daemon = from.find("mailer-daemon") != from.npos;
  const bool system = daemon || from.find("postmaster") != from.npos ||
                      from.find("mail delivery") != from.npos || from.find("mailadm") != from.npos;
  signs.failed_recipients = Has(message, "X-Failed-Recipients") || daemon ||
                            (system && !kReport.FirstIn(subject).empty());
}

void ReadMachine(const ParsedMessage& message, Signs& signs) {
  const std::string submitted = Lower(ValueOf(message, "Auto-Submitted"));
  signs.auto_replied = submitted.starts_with("auto-replied") || Has(message, "X-Autoreply") ||
                       Has(message, "X-Autorespond");
  signs.auto_generated = !submitted.empty() && !submitted.starts_with("no") && !signs.auto_replied;
  signs.no_answer =
      IsNoAnswer(Lower(ValueOf(message, "From"))) || Has(message, "X-Auto-Response-Suppress");
  signs.business_word =
      FirstWholeWord(Lower(mail::mime::DecodeWords(ValueOf(message, "Subject"))), kBusinessWords);
}

}  // namespace

int Signs::newsletter_points() const {
  return (one_click          ? 3
          : list_unsubscribe ? 2
                             : 0) +
         (unsubscribe_link            ? 2
          : unsubscribe_words.empty() ? 0
                                      : 1) +
         (mailer.empty() ? 0 : 1) + (list_id ? 1 : 0) + (bulk ? 1 : 0) + (pictures ? 1 : 0);
}

Signs ReadSigns(const ParsedMessage& message) {
  Signs signs;
  signs.list_unsubscribe = !ValueOf(message, "List-Unsubscribe").empty();
  signs.one_click =
      signs.list_unsubscribe &&
      Lower(ValueOf(message, "List-Unsubscribe-Post")).find("list-unsubscribe=one-click") !=
          std::string::npos;
  signs.list_id = Has(message, "List-Id");
  const std::string precedence = Lower(ValueOf(message, "Precedence"));
  signs.bulk = precedence == "bulk" || precedence == "list" || precedence == "junk";
  signs.mailer = FirstField(message, kMailerFields);
  signs.unsubscribe_words = UnsubscribeLink(message);
  signs.unsubscribe_link = !signs.unsubscribe_words.empty();
  if (!signs.unsubscribe_link) signs.unsubscribe_words = UnsubscribeText(message);
  signs.list_post = ValueOf(message, "List-Post").find('@') != std::string::npos;
  signs.list_program = FirstField(message, kListFields);
  if (signs.list_program.empty() &&
      ValueOf(message, "Mailing-List").find("contact") != std::string::npos)
    signs.list_program = "Mailing-List";
  for (const ParsedPage& page : message.pages()) {
    signs.pictures |=
        page.page.remote_images >= kPictures && page.page.links.size() >= kPageLinks + kPictures;
  }
  ReadMachine(message, signs);
  ReadReport(message, signs);
  return signs;
}

}  // namespace cleanmail::scanner
