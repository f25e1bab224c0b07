#include "libs/mail/mime/parameters.h"

#include <algorithm>
#include <map>
#include <optional>

#include "libs/mail/mime/charset.h"
#include "libs/mail/mime/encoded_word.h"

namespace cleanmail::mail::mime {
namespace {

constexpr size_t kMostParameters = 100;
constexpr size_t kMostReadings = 12;

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// Reads tokens, quoted strings and what is between them.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }

  // White space and comments (RFC 5322 §3.2.2).
  void SkipBlank() {
    int depth = 0;
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (depth > 0 && c == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      if (c == '(') ++depth;
      if (depth == 0 && !IsBlank(c)) return;
      if (c == ')' && depth > 0) --depth;
      rest_.remove_prefix(1);
    }
  }

  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // Up to one of `ends`, trailing white space removed.
  std::string_view TakeUntil(std::string_view ends) {
    std::string_view token = rest_.substr(0, rest_.find_first_of(ends));
    rest_.remove_prefix(token.size());
    while (!token.empty() && IsBlank(token.back())) token.remove_suffix(1);
    return token;
  }

  // A quoted string after its opening quote, up to the closing one or the end.
  std::string TakeQuoted() {
    std::string text;
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      if (rest_.front() != '\r' && rest_.front() != '\n') text += rest_.front();
      rest_.remove_prefix(1);
    }
    Take('"');
    return text;
  }

 private:
  std::string_view rest_;
};

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = Lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string Unpercent(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
                        HexDigit(text[i + 2]) >= 0;
    bytes +=
        escape ? static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2])) : text[i];
    if (escape) i += 2;
  }
  return bytes;
}

// `name*2*` of RFC 2231: which parameter, which section of it, whether it is percent-encoded.
struct Section {
  std::string name;
  int number = 0;
  bool encoded = false;
  bool sectioned = false;
};

Section ToSection(std::string_view written) {
  Section section;
  if (written.ends_with('*')) {
    section.encoded = true;
    written.remove_suffix(1);
  }
  const size_t star = written.rfind('*');
  if (star != std::string_view::npos && star + 1 < written.size() && written.size() - star <= 3 &&
      std::ranges::all_of(written.substr(star + 1), [](char c) { return c >= '0' && c <= '9'; })) {
    for (const char c : written.substr(star + 1)) section.number = section.number * 10 + (c - '0');
    section.sectioned = true;
    written = written.substr(0, star);
  }
  section.name = written;
  std::ranges::transform(section.name, section.name.begin(), Lower);
  return section;
}

// A parameter of several sections, in order; the first may say the character set.
class Sections {
 public:
  void Add(const Section& section, std::string value) {
    parts_.try_emplace(section.number, section.encoded, std::move(value));
  }

  std::string Joined() const {
    std::string bytes;
    std::string charset;
    for (const auto& [number, part] : parts_) {
      std::string_view text = part.second;
      if (part.first && number == 0) {
        // charset'language'text
        const size_t first = text.find('\'');
        const size_t second = first == std::string_view::npos ? first : text.find('\'', first + 1);
        if (second != std::string_view::npos) {
          charset = text.substr(0, first);
          text.remove_prefix(second + 1);
        }
      }
      bytes += part.first ? Unpercent(text) : std::string(text);
    }
    const std::optional<std::string> decoded =
        charset.empty() ? std::nullopt : ToUtf8(charset, bytes);
    return decoded.has_value() ? *decoded : RepairUtf8(bytes);
  }

 private:
  std::map<int, std::pair<bool, std::string>> parts_;
};

// A parameter as it stands there.
struct Written {
  Section section;
  std::string value;
  std::string behind;  // what stands between the closing quote and the next semicolon
  bool quoted = false;
};

// Cuts `text` ("text/html charset=x", blanks around the slash allowed) behind its first word.
size_t LengthOfValue(std::string_view text) {
  const size_t slash = text.find('/');
  size_t at = slash == std::string_view::npos ? 0 : slash + 1;
  while (at < text.size() && IsBlank(text[at])) ++at;
  while (at < text.size() && !IsBlank(text[at])) ++at;
  return at;
}

// Every parameter of `text`; what stands before the first goes to `value`. A missing semicolon
// behind the value is overlooked, as programs do.
std::vector<Written> ReadAll(std::string_view text, std::string& value) {
  std::vector<Written> all;
  Reader head(text);
  head.SkipBlank();
  const std::string_view first = head.TakeUntil(";(");
  const std::string_view word = first.substr(0, LengthOfValue(first));
  for (const char c : word) {
    if (!IsBlank(c)) value += Lower(c);
  }
  const std::string_view behind_word = first.substr(word.size());
  std::string joined;
  if (behind_word.find('=') != std::string_view::npos) {
    joined = ";";
    joined += text.substr(static_cast<size_t>(behind_word.data() - text.data()));
  }
  Reader reader = joined.empty() ? head : Reader(joined);
  value = RepairUtf8(value);
  for (size_t seen = 0; seen < kMostParameters && !reader.done(); ++seen) {
    reader.SkipBlank();
    const std::string behind(reader.TakeUntil(";"));
    if (!behind.empty() && !all.empty() && all.back().quoted) all.back().behind = behind;
    reader.Take(';');
    reader.SkipBlank();
    Written one{.section = ToSection(reader.TakeUntil("=;")), .value = {}, .behind = {}};
    if (one.section.name.empty() || !reader.Take('=')) continue;
    reader.SkipBlank();
    one.quoted = reader.Take('"');
    one.value = one.quoted ? reader.TakeQuoted() : std::string(reader.TakeUntil(";"));
    all.push_back(std::move(one));
  }
  return all;
}

// Bytes beyond ASCII that stand in a header as they are: UTF-8, else windows-1252.
std::string ReadRaw(std::string_view text) {
  std::string utf8 = RepairUtf8(text);
  return utf8 == text ? utf8 : ToUtf8("windows-1252", text).value_or(utf8);
}

}  // namespace

const std::string* Parameters::Find(std::string_view name) const {
  const auto found = std::ranges::find(list, name, &std::pair<std::string, std::string>::first);
  return found == list.end() ? nullptr : &found->second;
}

Parameters ParseParameters(std::string_view text) {
  Parameters result;
  std::vector<std::pair<std::string, Sections>> sectioned;  // in the order they came
  for (Written& one : ReadAll(text, result.value)) {
    const Section& section = one.section;
    if (!section.sectioned && !section.encoded) {
      result.list.emplace_back(RepairUtf8(section.name), DecodeWords(ReadRaw(one.value)));
      continue;
    }
    auto open =
        std::ranges::find(sectioned, section.name, &std::pair<std::string, Sections>::first);
    if (open == sectioned.end()) open = sectioned.insert(open, {section.name, Sections()});
    open->second.Add(section, std::move(one.value));
  }
  // The extended form is preferred to the plain one (RFC 6266 §4.3 says so for HTTP; programs do it
  // for mail).
  for (auto it = sectioned.rbegin(); it != sectioned.rend(); ++it) {
    result.list.insert(result.list.begin(), {RepairUtf8(it->first), it->second.Joined()});
  }
  return result;
}

std::vector<std::string> ReadParameter(std::string_view text, std::string_view name) {
  std::vector<std::string> values;
  const auto add = [&](std::string value) {
    if (values.size() < kMostReadings && std::ranges::find(values, value) == values.end())
      values.push_back(std::move(value));
  };
  std::string ignored;
  std::vector<Written> all = ReadAll(text, ignored);
  std::erase_if(all, [&](const Written& one) { return one.section.name != name; });
  Sections by_number;
  std::string as_they_came;
  bool sectioned = false;
  for (const Written& one : all) {
    if (!one.section.sectioned && !one.section.encoded) continue;
    sectioned = true;
    by_number.Add(one.section, one.value);
    as_they_came += one.section.encoded ? Unpercent(one.value) : one.value;
  }
  if (sectioned) add(by_number.Joined());
  for (const Written& one : all) {
    if (one.section.sectioned || one.section.encoded) continue;
    add(DecodeWords(ReadRaw(one.value)));
    add(ReadRaw(one.value));
    if (!one.behind.empty()) add(ReadRaw(one.value + one.behind));
    // Without quotes a blank ends the value (RFC 2045 §5.1); most programs read on.
    if (!one.quoted) add(RepairUtf8(one.value.substr(0, one.value.find_first_of(" \t\r\n"))));
  }
  if (sectioned) {
    add(RepairUtf8(as_they_came));
    for (const Written& one : all) {
      if (one.section.sectioned || one.section.encoded) add(RepairUtf8(one.value));
    }
  }
  return values;
}

}  // namespace cleanmail::mail::mime
