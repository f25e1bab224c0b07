#include <algorithm>
#include <optional>
#include <set>

#include "services/scanner/analyzers/spam/plugins/eval.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"

namespace cleanmail::scanner::spam {
namespace {

using regex::CompiledIn;
using regex::Regex;

constexpr size_t kNone = std::string_view::npos;

// What the parts of a message show, counted once.
struct MimeFacts {
  std::map<std::string, double> numbers;  // by SpamAssassin's names
  double html_parts = 0;
  double text_parts = 0;
  double ascii_illegal = 0;
  double unicode_ratio = 0;
  double multipart_ratio = 1;
  std::vector<std::string> charsets;
};

// Bytes in QP text, and how many escapes in it were not needed.
struct QpCount {
  double bytes = 0;
  double needless = 0;
  bool long_line = false;
};

bool IsNeedlessEscape(std::string_view text) {
  // =09, =30-3B, =3E, =3F except digits' neighbours, =40-6F, =70-7E
  const char high = text[1];
  const char low = text[2];
  const bool hex = IsDigit(low) || (low >= 'A' && low <= 'F');
  if (high == '0') return low == '9';
  if (high == '3')
    return IsDigit(low) || low == 'A' || low == 'B' || low == 'C' || low == 'E' || low == 'F';
  if (high == '2' || (high >= '4' && high <= '6')) return hex;
  return high == '7' && (IsDigit(low) || (low >= 'A' && low <= 'E'));
}

void CountQp(std::string_view line, QpCount& count) {
  if (line.starts_with("SPAM: ")) return;
  if (line.size() > 79) count.long_line = true;
  count.bytes += static_cast<double>(line.size());
  double needless = 0;
  for (size_t at = line.find('='); at != kNone && at + 2 < line.size();
       at = line.find('=', at + 1)) {
    if (IsNeedlessEscape(line.substr(at, 3))) ++needless;
  }
  if (needless == 0) return;
  // At a line's end blanks have to be escaped.
  std::string_view rest = TrimRight(line);
  while (rest.ends_with("=20") || rest.ends_with("=09")) {
    rest.remove_suffix(3);
    --needless;
  }
  count.needless += needless;
}

class Collector {
 public:
  explicit Collector(const MailView& mail) : mail_(mail) {}

  MimeFacts Run() {
    for (const char* name :
         {"mime_base64_count", "mime_base64_encoded_text", "mime_faraway_charset",
          "mime_missing_boundary", "mime_multipart_alternative", "mime_qp_count",
          "mime_qp_long_line", "mime_qp_ratio"})
      facts_.numbers[name] = 0;
    for (const Part* part : mail_.tree().AllParts()) ReadPart(*part);
    if (qp_.bytes > 0) {
      facts_.numbers["mime_qp_ratio"] = qp_.needless / qp_.bytes;
      facts_.numbers["mime_qp_count"] = qp_.needless;
      facts_.numbers["mime_qp_bytes"] = qp_.bytes;
    }
    if (qp_.long_line) facts_.numbers["mime_qp_long_line"] = 1;
    if (plain_characters_ > 0) facts_.unicode_ratio = references_ / plain_characters_;
    if (alternative_ && last_text_ && last_html_ && *last_html_ > 0)
      facts_.multipart_ratio = *last_text_ / *last_html_;
    if (mail_.tree().has_open_boundary()) facts_.numbers["mime_missing_boundary"] = 1;
    return std::move(facts_);
  }

 private:
  void ReadPart(const Part& part) {
    const ContentTypeFacts type = ReadContentType(part.header.Last("content-type"));
    const std::string encoding = Lower(part.header.Last("content-transfer-encoding"));
    const std::string disposition = Lower(part.header.Last("content-disposition"));
    const std::string charset = Lower(type.charset);
    if (type.type == "multipart/alternative") {
      alternative_ = true;
      facts_.numbers["mime_multipart_alternative"] = 1;
    }
    ReadHeader(type.type, encoding, disposition, charset);
    if (part.has_parts) return;
    const bool attached = disposition.find("attachment") != std::string::npos;
    const bool text = type.type == "text/plain";
    const bool html = type.type == "text/html";
    const bool quoted = encoding == "quoted-printable";
    const bool ascii = text && (charset == "us-ascii" || !HasCharset(part));
    const bool plain = text && (encoding.empty() || encoding == "7bit" || encoding == "8bit");
    const bool counts = alternative_ && !attached && (text || html);
    double bytes = 0;
    for (const std::string_view line : part.lines) {
      if (counts) bytes += static_cast<double>(line.size());
      if (quoted) CountQp(line, qp_);
      if (ascii) CountIllegal(line);
      if (plain) CountReferences(line);
    }
    if (attached) return;
    if (text) last_text_ = bytes;
    if (html) last_html_ = bytes;
  }

  static bool HasCharset(const Part& part) {
    return part.header.Last("content-type").empty() ||
           HasLetters(part.header.Last("content-type"), "charset");
  }

  void ReadHeader(std::string_view type, std::string_view encoding, std::string_view disposition,
                  const std::string& charset) {
    static const Regex ascii = CompiledIn(
        "us-ascii|ansi_x3\\.4-19(?:68|86)|iso-ir-6|iso_646\\.irv:1991|ascii|iso646-us|us|ibm367|"
        "cp367");
    static const Regex iso = CompiledIn("iso-\\S+-\\S+\\b");
    static const Regex usual_iso = CompiledIn("iso-(?:8859-\\d{1,2}|2022-(?:jp|kr))\\b");
    if (type == "text/html") {
      ++facts_.html_parts;
    } else if (type.starts_with("text")) {
      ++facts_.text_parts;
    }
    const bool base64 = encoding.find("base64") != std::string_view::npos;
    if (base64) ++facts_.numbers["mime_base64_count"];
    if (!base64 && encoding.find("quoted-printable") != std::string_view::npos)
      ++facts_.numbers["mime_qp_count"];
    if (disposition.find("attachment") != std::string_view::npos)
      facts_.numbers["mime_attachment"] = 1;
    const bool placed = disposition.starts_with("attachment") || disposition.starts_with("inline");
    if (type.starts_with("text") && base64 && (charset.empty() || ascii.Matches(charset)) &&
        !placed)
      facts_.numbers["mime_base64_encoded_text"] = 1;
    if (iso.Matches(charset) && !usual_iso.Matches(charset))
      facts_.numbers["mime_bad_iso_charset"] = 1;
    if (std::any_of(charset.begin(), charset.end(), IsLetter)) facts_.charsets.push_back(charset);
  }

  void CountIllegal(std::string_view line) {
    if (!IsAscii(line) || line.find('\0') != kNone || line.find('\r') != kNone)
      ++facts_.ascii_illegal;
  }

  // "&#x263A;" in plain text.
  void CountReferences(std::string_view line) {
    constexpr size_t kLength = 8;
    size_t plain = line.size();
    for (size_t at = line.find("&#x"); at != kNone; at = line.find("&#x", at)) {
      const std::string_view rest = line.substr(at, kLength);
      const bool reference = rest.size() == kLength && rest.ends_with(';') &&
                             rest.substr(3, 4).find_first_not_of("0123456789ABCDEF") == kNone;
      if (reference) {
        ++references_;
        plain -= kLength;
      }
      at += reference ? kLength : 1;
    }
    plain_characters_ += static_cast<double>(plain);
  }

  const MailView& mail_;
  MimeFacts facts_;
  QpCount qp_;
  double plain_characters_ = 0;
  double references_ = 0;
  bool alternative_ = false;
  std::optional<double> last_text_;
  std::optional<double> last_html_;
};

const MimeFacts& Facts(const MailView& mail) {
  return mail.Remember<MimeFacts>([](const MailView& view) { return Collector(view).Run(); });
}

double HasFact(const EvalCall& call) {
  const MimeFacts& facts = Facts(call.mail);
  const auto found = facts.numbers.find(call.Text(0));
  return found != facts.numbers.end() && found->second != 0 ? 1 : 0;
}

bool IsHtmlMessage(const MailView& mail) {
  return BeginsWith(mail.GetText("Content-Type"), "text/html");
}

double Html(const EvalCall& call) {
  return IsHtmlMessage(call.mail) || Facts(call.mail).html_parts > 0 ? 1 : 0;
}

double HtmlOnly(const EvalCall& call) {
  if (IsHtmlMessage(call.mail)) return 1;
  const MimeFacts& facts = Facts(call.mail);
  return facts.html_parts > 0 && facts.text_parts == 0 ? 1 : 0;
}

double MultipartRatio(const EvalCall& call) {
  const double ratio = Facts(call.mail).multipart_ratio;
  return ratio >= call.Number(0, 0) && ratio < call.Number(1, 0) ? 1 : 0;
}

double ParseFlag(const EvalCall& call) { return call.mail.tree().Flag(call.Text(0)) ? 1 : 0; }

double AsciiIllegal(const EvalCall& call) { return Facts(call.mail).ascii_illegal > 0 ? 1 : 0; }

double UnicodeRatio(const EvalCall& call) {
  return Facts(call.mail).unicode_ratio >= call.Number(0, 1) ? 1 : 0;
}

double QpRatio(const EvalCall& call) {
  return Facts(call.mail).numbers.at("mime_qp_ratio") >= call.Number(0, 1) ? 1 : 0;
}

double NoFarawayCharset(const EvalCall&) { return 0; }  // ok_locales is "all"

// Of 100 letters in the text, how many are capitals.
struct Uppercase {
  double percent = 0;
};

Uppercase UppercaseOf(const MailView& mail) {
  // Sets whose text looks like capitals to who cannot read it.
  static const Regex likely = CompiledIn(
      "^[-_a-z0-9]*(?:koi|jp|jis|euc|gb|big5|isoir|cp1251|windows-1251|georgianps|pt154|tis)[-_a-"
      "z0-9]*$",
      {.ignore_case = true});
  static const Regex two_words = CompiledIn("\\S\\s+\\S");
  static const Regex base64 = CompiledIn("^(?:[A-Za-z0-9+/=]{60,76} ){2}");
  for (const std::string& charset : Facts(mail).charsets) {
    if (likely.Matches(charset)) return {};
  }
  double bytes = 0;
  size_t lower = 0;
  size_t upper = 0;
  for (const std::string& line : mail.body()) {
    if (!two_words.Matches(line) || base64.Matches(line)) continue;
    bytes += static_cast<double>(line.size());
    for (const char c : line) {
      lower += (c >= 'a' && c <= 'z') || IsDigit(c) ? 1 : 0;
      upper += c >= 'A' && c <= 'Z' ? 1 : 0;
    }
  }
  if (bytes < 200 || upper + lower == 0) return {};
  return {static_cast<double>(upper) / static_cast<double>(upper + lower) * 100};
}

double UppercaseRange(const EvalCall& call) {
  const double percent = call.mail.Remember<Uppercase>(UppercaseOf).percent;
  return percent > call.Number(0, 0) && percent <= call.Number(1, 0) ? 1 : 0;
}

double AlternativeNotText(const EvalCall& call) {
  for (const Part* part : call.mail.tree().AllParts()) {
    if (part->type != "multipart/alternative") continue;
    for (const std::unique_ptr<Part>& child : part->parts) {
      if (child->has_parts || child->type == "application/rtf" || child->type.starts_with("text/"))
        continue;
      return 1;
    }
  }
  return 0;
}

double Base64Length(const EvalCall& call) {
  double longest = 0;
  for (const Part* part : call.mail.tree().Leaves()) {
    if (ReadContentType(part->header.Last("content-type")).type == "application/ics" ||
        !SameLetters(part->header.Last("content-transfer-encoding"), "base64"))
      continue;
    for (const std::string_view line : part->lines)
      longest = std::max(longest, static_cast<double>(line.size()));
  }
  return longest >= call.Number(0, 0) && longest <= call.Number(1, 1e9) ? 1 : 0;
}

constexpr EvalFunction kFunctions[] = {
    {"check_for_mime", HasFact},
    {"check_for_mime_html", Html},
    {"check_for_mime_html_only", HtmlOnly},
    {"check_mime_multipart_ratio", MultipartRatio},
    {"check_msg_parse_flags", ParseFlag},
    {"check_for_ascii_text_illegal", AsciiIllegal},
    {"check_abundant_unicode_ratio", UnicodeRatio},
    {"check_qp_ratio", QpRatio},
    {"check_for_faraway_charset", NoFarawayCharset},
    {"check_for_uppercase", UppercaseRange},
    {"check_ma_non_text", AlternativeNotText},
    {"check_base64_length", Base64Length},
};

}  // namespace

std::span<const EvalFunction> MimeFunctions() { return kFunctions; }

}  // namespace cleanmail::scanner::spam
