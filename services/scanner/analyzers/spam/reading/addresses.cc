#include "services/scanner/analyzers/spam/reading/addresses.h"

#include <algorithm>

#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/reading/domains.h"

namespace cleanmail::scanner::spam {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kMostAddresses = 2000;

bool IsOneOf(char c, std::string_view set) { return set.find(c) != kNone; }

// End of the quoted string that begins at `at`; kNone when it is not closed.
size_t QuotedEnd(std::string_view text, size_t at) {
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return kNone;
}

// End of the address at `at`: local part (plain or quoted), at sign, domain. kNone without one.
size_t MailboxEnd(std::string_view text, size_t at) {
  size_t end = at;
  if (end < text.size() && text[end] == '"') {
    end = QuotedEnd(text, end);
    if (end == kNone) return kNone;
  } else {
    while (end < text.size() && !IsBlank(text[end]) && !IsOneOf(text[end], "@<>()[],:;")) ++end;
    if (end == at) return kNone;
  }
  if (end >= text.size() || text[end] != '@') return kNone;
  const size_t domain = ++end;
  if (end < text.size() && text[end] == '[') {
    const size_t close = text.find(']', end);
    if (close == kNone) return kNone;
    const std::string_view inside = text.substr(end + 1, close - end - 1);
    return inside.find_first_not_of("0123456789.:") == kNone && !inside.empty() ? close + 1 : kNone;
  }
  while (end < text.size() && !IsBlank(text[end]) && !IsOneOf(text[end], "\"<>()[],:;")) ++end;
  return end > domain ? end : kNone;
}

size_t SkipBlanks(std::string_view text, size_t at) {
  while (at < text.size() && IsBlank(text[at])) ++at;
  return at;
}

// End of what may be a name: quoted strings, and all but quotes, commas, semicolons and `<`.
size_t PhraseEnd(std::string_view text, size_t at) {
  while (at < text.size()) {
    if (text[at] == '"') {
      const size_t end = QuotedEnd(text, at);
      if (end == kNone) return at;
      at = end;
    } else if (IsOneOf(text[at], ",;<")) {
      return at;
    } else {
      ++at;
    }
  }
  return at;
}

// What may stand behind an address: a comment, then a separator or the end.
struct Tail {
  size_t end = kNone;
  std::optional<std::string_view> comment;
};
Tail ReadTail(std::string_view text, size_t at) {
  Tail tail;
  size_t next = SkipBlanks(text, at);
  if (next < text.size() && text[next] == '(') {
    size_t close = next + 1;
    while (close < text.size() && !IsOneOf(text[close], "()")) close += text[close] == '\\' ? 2 : 1;
    if (close < text.size() && text[close] == ')') {
      tail.comment = text.substr(next + 1, close - next - 1);
      next = SkipBlanks(text, close + 1);
    }
  }
  if (next == text.size()) {
    tail.end = next;
  } else if (text[next] == ',' || text[next] == ';') {
    tail.end = next + 1;
  }
  return tail;
}

std::string WithoutComments(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(') {
      size_t close = i + 1;
      while (close < text.size() && !IsOneOf(text[close], "()"))
        close += text[close] == '\\' ? 2 : 1;
      if (close < text.size() && text[close] == ')') {
        i = close;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

std::string ShownPhrase(std::string_view phrase) {
  std::string out;
  for (size_t at = 0; at < phrase.size();) {
    if (phrase[at] == '"') {
      const size_t end = QuotedEnd(phrase, at);
      if (end == kNone) {
        ++at;
        continue;
      }
      for (size_t i = at + 1; i + 1 < end; ++i) {
        if (phrase[i] == '\\' && i + 2 < end) ++i;
        out += phrase[i];
      }
      at = end;
    } else {
      const size_t quote = std::min(phrase.find('"', at), phrase.size());
      out += WithoutComments(phrase.substr(at, quote - at));
      at = quote;
    }
  }
  return out;
}

bool IsPlausible(std::string_view address) {
  return !address.starts_with("\"\"@") && std::count(address.begin(), address.end(), '"') != 1;
}

// `local@domain`, a second at sign and what follows cut off.
std::string Trimmed(std::string_view address) {
  const size_t at = address.find('@');
  const size_t second = at == kNone ? kNone : address.find('@', at + 1);
  return std::string(address.substr(0, second));
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::vector<HeaderAddress> Run() {
    while (at_ < text_.size() && found_.size() < kMostAddresses) {
      if (!ReadOne()) break;
    }
    CollectRest();
    return std::move(found_);
  }

 private:
  bool ReadOne() {
    const size_t begin = SkipBlanks(text_, at_);
    if (begin >= text_.size()) return false;
    const size_t phrase_end = PhraseEnd(text_, begin);
    if (phrase_end < text_.size() && text_[phrase_end] == '<' && ReadAngle(begin, phrase_end))
      return true;
    if (const size_t end = MailboxEnd(text_, begin); end != kNone) {
      if (const Tail tail = ReadTail(text_, end); tail.end != kNone) {
        Add({}, text_.substr(begin, end - begin), tail);
        return true;
      }
    }
    if (phrase_end == begin) return false;
    // A comment at the end belongs to the phrase only where no separator lets it stand alone.
    const Tail tail = ReadTail(text_, phrase_end);
    if (tail.end == kNone) return false;
    Add(text_.substr(begin, phrase_end - begin), {}, tail);
    return true;
  }

  // `phrase <address>` with `<` at `open`. The address reaches to the last `>` of its run that
  // something readable follows.
  bool ReadAngle(size_t begin, size_t open) {
    const size_t inside = SkipBlanks(text_, open + 1);
    size_t run = inside;
    while (run < text_.size() && text_[run] != '>' && text_[run] != '@') ++run;
    while (run < text_.size() && !IsBlank(text_[run])) ++run;
    run = SkipBlanks(text_, run);
    if (run < text_.size() && text_[run] == '>') ++run;
    const size_t first_close = text_.find('>', open);
    for (size_t close = std::min(run, text_.size()); close > open && close != kNone;) {
      close = text_.rfind('>', close - 1);
      if (close == kNone || close < first_close) break;
      const Tail tail = ReadTail(text_, SkipRepeated(close + 1));
      if (tail.end == kNone) continue;
      std::optional<std::string_view> phrase;
      if (open > begin) phrase = text_.substr(begin, open - begin);
      Add(phrase, TrimRight(text_.substr(inside, close > inside ? close - inside : 0)), tail);
      return true;
    }
    return false;
  }

  // Some programs write the enclosed address twice.
  size_t SkipRepeated(size_t at) const {
    while (true) {
      const size_t next = SkipBlanks(text_, at);
      if (next >= text_.size() || text_[next] != '<') return at;
      const size_t close = text_.find('>', next);
      if (close == kNone) return at;
      at = close + 1;
    }
  }

  void Add(std::optional<std::string_view> phrase, std::optional<std::string_view> address,
           const Tail& tail) {
    HeaderAddress entry;
    if (address) {
      const std::string plain = WithoutComments(*address);
      if (MailboxEnd(plain, 0) == plain.size() && IsPlausible(plain)) entry.address = plain;
    }
    if (phrase) {
      const std::string shown = ShownPhrase(*phrase);
      const size_t at = shown.find('@');
      if (!entry.address && MailboxEnd(shown, 0) == shown.size() && IsPlausible(shown) &&
          at != std::string::npos && IsFullName(std::string_view(shown).substr(at + 1))) {
        entry.address = shown;
      } else if (!shown.empty() && shown != entry.address) {
        entry.phrase = shown;
      }
    }
    if (!entry.phrase && tail.comment) entry.phrase = std::string(*tail.comment);
    if (entry.address) entry.address = Trimmed(*entry.address);
    found_.push_back(std::move(entry));
    at_ = tail.end;
  }

  // Addresses in angle brackets within what could not be read.
  void CollectRest() {
    for (size_t open = text_.find('<', at_); open != kNone && found_.size() < kMostAddresses;
         open = text_.find('<', open + 1)) {
      const size_t end = MailboxEnd(text_, open + 1);
      if (end == kNone || end >= text_.size() || text_[end] != '>') continue;
      const std::string_view address = text_.substr(open + 1, end - open - 1);
      if (IsPlausible(address)) found_.push_back({std::nullopt, Trimmed(address)});
    }
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<HeaderAddress> found_;
};

// `Group name: members;` loses its name.
std::string_view WithoutGroupName(std::string_view text) {
  const size_t odd = text.find_first_of("\"()<>");
  const size_t colon = text.substr(0, odd).rfind(':');
  if (colon == kNone || colon == 0) return text;
  text = TrimLeft(text.substr(colon + 1));
  return text.starts_with(';') ? text.substr(std::min(text.find('\n'), text.size())) : text;
}

}  // namespace

std::vector<HeaderAddress> ReadAddresses(std::string_view value) {
  const std::string text = Replaced(std::string(TrimRight(value)), "\\\\", "");
  const std::string_view rest = WithoutGroupName(text);
  if (Trim(rest).empty()) return {};
  return Reader(rest).Run();
}

}  // namespace cleanmail::scanner::spam
