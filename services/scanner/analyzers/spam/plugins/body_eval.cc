#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "services/scanner/analyzers/spam/plugins/eval.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/reading/unicode.h"

namespace cleanmail::scanner::spam {
namespace {

using regex::CompiledIn;
using regex::Regex;

// How far the parts of multipart/alternative differ.
struct Alternatives {
  double difference = 0;  // of 100: words of the HTML that the plain text lacks
  double html_words = 0;
  double text_words = 0;
};

using WordCounts = std::map<std::string_view, int>;  // of words in rendered parts

void CountWords(const RenderedPart& part, WordCounts& counts) {
  const std::string_view text = part.text.utf8;
  const bool unicode = part.text.wide;
  for (size_t at = 0; at < text.size();) {
    if (const size_t space = SpaceLength(text.substr(at), unicode); space > 0) {
      at += space;
      continue;
    }
    const size_t begin = at;
    bool word = false;
    while (at < text.size() && SpaceLength(text.substr(at), unicode) == 0) {
      word = word || IsWord(text[at]) || (unicode && static_cast<unsigned char>(text[at]) >= 0xc3);
      ++at;
    }
    if (word) ++counts[text.substr(begin, at - begin)];
  }
}

void CollectTexts(const MailView& mail, const Part& part, WordCounts& html, WordCounts& plain) {
  if (!part.has_parts && part.type.starts_with("text")) {
    const RenderedPart* rendered = mail.Rendered(part);
    if (rendered != nullptr) {
      CountWords(*rendered, rendered->html ? html : plain);
      // Without words, a picture stands for them.
      if (rendered->html && html.empty()) {
        for (const HtmlPage& page : mail.pages()) {
          if (page.text.utf8 == rendered->text.utf8 && page.inside.count("img") != 0)
            html["\n"] = 1;
        }
      }
    }
  }
  for (const std::unique_ptr<Part>& child : part.parts) CollectTexts(mail, *child, html, plain);
}

Alternatives AlternativesOf(const MailView& mail) {
  Alternatives result;
  const Part& root = mail.tree().root();
  if (root.type == "multipart/alternative" && root.parts.size() == 2 &&
      root.parts[0]->type == "text/html" && root.parts[1]->type == "text/calendar")
    return result;
  for (const Part* part : mail.tree().AllParts()) {
    if (!part->type.starts_with("multipart/alternative")) continue;
    WordCounts html;
    WordCounts plain;
    CollectTexts(mail, *part, html, plain);
    if (html.empty()) continue;
    result.html_words = static_cast<double>(html.size());
    result.text_words = static_cast<double>(plain.size());
    for (const auto& [word, count] : plain) {
      const auto found = html.find(word);
      if (found != html.end() && found->second - count < 1) html.erase(found);
    }
    result.difference =
        std::max(result.difference, static_cast<double>(html.size()) / result.html_words * 100);
  }
  return result;
}

double AlternativeDifference(const EvalCall& call) {
  const double difference = call.mail.Remember<Alternatives>(AlternativesOf).difference;
  const bool above = call.Number(0, 0) == 0 || difference > call.Number(0, 0);
  const bool below = call.Text(1) == "undef" || difference <= call.Number(1, 0);
  return above && below ? 1 : 0;
}

double AlternativeDifferenceCount(const EvalCall& call) {
  const Alternatives& found = call.mail.Remember<Alternatives>(AlternativesOf);
  if (found.html_words <= call.Number(1, 0)) return 0;
  return found.text_words / found.html_words > call.Number(0, 0) ? 1 : 0;
}

double BlankLineRatio(const EvalCall& call) {
  const double least = std::max(1.0, call.Number(2, 1));
  double lines = 0;
  double blank = 0;
  for (const std::string& chunk : call.mail.rawbody()) {
    const std::vector<std::string_view> list = Lines(chunk);
    // Behind a final line feed an empty line is counted too.
    const double extra = chunk.ends_with('\n') ? 1 : 0;
    lines += static_cast<double>(list.size()) + extra;
    blank +=
        static_cast<double>(std::count_if(
            list.begin(), list.end(), [](std::string_view line) { return Trim(line).empty(); })) +
        extra;
  }
  const double ratio = lines < least ? -1 : 100 * blank / lines;
  const double min = call.Number(0, 0);
  return (min == 0 || ratio > min) && ratio <= call.Number(1, 0) ? 1 : 0;
}

struct VerticalWords {
  double percent = -1;
};

VerticalWords VerticalWordsOf(const MailView& mail) {
  VerticalWords result;
  for (const std::string& line : mail.body()) {
    if (line.size() <= 5) continue;
    const auto spaces = static_cast<double>(std::count(line.begin(), line.end(), ' '));
    const double others = static_cast<double>(line.size()) - spaces;
    const double percent = spaces > others || others == 0 ? 100 : std::floor(100 * spaces / others);
    result.percent = std::max(result.percent, percent);
  }
  return result;
}

double HasVerticalWords(const EvalCall& call) {
  const double percent = call.mail.Remember<VerticalWords>(VerticalWordsOf).percent;
  const double most = call.Number(1, 0) >= 100 ? 101 : call.Number(1, 0);
  return percent >= call.Number(0, 0) && percent < most ? 1 : 0;
}

// How many of the headings that tips on shares have stand in the first plain text.
struct StockHeadings {
  double count = 0;
};

StockHeadings StockHeadingsOf(const MailView& mail) {
  static const Regex heading =
      CompiledIn("^\\s*([^:\\s][^:\\n]{2,29})\\s*:\\s*\\S", {.multi_line = true});
  static const Regex about_shares = CompiledIn(
      "(^trad(?:e|ing)date|company(?:name)?|s\\w?(?:t\\w?o\\w?c\\w?k|y\\w?m(?:\\w?b\\w?o\\w?l)?)|"
      "t(?:arget|icker)|(?:opening|current)p(?:rice)?|p(?:rojected|osition)|expectations|weeks?"
      "high|"
      "marketperformance|(?:year|week|month|day|price)(?:target|estimates?)|sector|"
      "r(?:ecommendation|ating))$");
  StockHeadings result;
  const RenderedPart* first = nullptr;
  for (const Part* part : mail.tree().AllParts()) {
    if (part->type != "text/plain") continue;
    first = mail.Rendered(*part);
    break;
  }
  if (first == nullptr) return result;
  std::set<std::string> hits;
  regex::Match match;
  const std::string_view text = first->text.utf8;
  for (size_t from = 0; heading.Find(text, from, &match) == regex::Outcome::kMatch;
       from = std::max(match.groups[0].end, from + 1)) {
    std::string letters;
    for (const char c : Lower(match.Text(text, 1))) {
      if (IsLetter(c)) letters += c;
    }
    regex::Match found;
    if (about_shares.Find(letters, 0, &found) == regex::Outcome::kMatch)
      hits.insert(std::string(found.Text(letters, 1)));
  }
  result.count = static_cast<double>(hits.size());
  return result;
}

double StockInfo(const EvalCall& call) {
  return call.Number(0, 0) == 0 ||
                 call.mail.Remember<StockHeadings>(StockHeadingsOf).count >= call.Number(0, 0)
             ? 1
             : 0;
}

double BodyLength(const EvalCall& call) {
  return static_cast<double>(call.mail.tree().pristine_body().size()) <= call.Number(0, 0) ? 1 : 0;
}

// Lengths of the first plain text and of the signature below it.
struct Signature {
  std::optional<double> body;
  double signature = 0;
};

Signature SignatureOf(const MailView& mail) {
  Signature result;
  for (const Part* part : mail.tree().AllParts()) {
    if (!part->type.starts_with("text/plain")) continue;
    const std::string text = part->Decoded();
    result.body = static_cast<double>(text.size());
    size_t at = 0;
    for (const std::string_view line : Lines(text)) {
      std::string_view mark = line;
      while (mark.ends_with('\n') || mark.ends_with('\r')) mark.remove_suffix(1);
      const size_t end = at + mark.size();
      if ((mark == "--" || mark == "-- ") && text.size() - end > 4) {
        result.body = static_cast<double>(at);
        result.signature = static_cast<double>(text.size() - end);
      }
      at += line.size();
    }
    break;
  }
  return result;
}

bool IsWithin(const EvalCall& call, double value, double most) {
  return value >= call.Number(0, 0) && value <= call.Number(1, most);
}

double PlainLength(const EvalCall& call) {
  const Signature& found = call.mail.Remember<Signature>(SignatureOf);
  return found.body && IsWithin(call, *found.body, 1e12) ? 1 : 0;
}

double SignatureLength(const EvalCall& call) {
  const Signature& found = call.mail.Remember<Signature>(SignatureOf);
  return found.body && IsWithin(call, found.signature, 1e12) ? 1 : 0;
}

double SignatureRatio(const EvalCall& call) {
  const Signature& found = call.mail.Remember<Signature>(SignatureOf);
  if (!found.body) return 0;
  const double ratio = found.signature > 0 ? *found.body / found.signature : 1e6;
  return IsWithin(call, ratio, 1e6) ? 1 : 0;
}

double BodyHas8Bits(const EvalCall& call) {
  const std::vector<std::string>& body = call.mail.body();
  return std::any_of(body.begin(), body.end(),
                     [](const std::string& line) { return !IsAscii(line); })
             ? 1
             : 0;
}

// The rules BAYES_00 to BAYES_99 each name a range of the probability.
double Bayes(const EvalCall& call) {
  if (!call.knowledge.bayes) return 0;
  const double probability = *call.knowledge.bayes;
  const double least = call.Number(0, 0);
  const double most = call.Number(1, 1);
  return (least == 0 || probability > least) && probability <= most ? 1 : 0;
}

// Bounces that tell of relays of ours.
double AnyBounceRelays(const EvalCall& call) {
  const auto list = call.configuration.lists.find("welcomelist_bounce_relays");
  return list != call.configuration.lists.end() && !list->second.empty() ? 1 : 0;
}

double BounceRelayListed(const EvalCall& call) {
  const auto list = call.configuration.lists.find("welcomelist_bounce_relays");
  if (list == call.configuration.lists.end() || list->second.empty()) return 0;
  bool received = false;
  for (const std::string_view line : Lines(call.mail.tree().pristine_body())) {
    std::string_view text = line;
    while (text.starts_with('>') || text.starts_with(' ')) text.remove_prefix(1);
    received = BeginsWith(text, "Received:") || (received && (line[0] == ' ' || line[0] == '\t'));
    if (!received) continue;
    for (const std::string_view word : Words(line)) {
      if (word.find('.') != std::string_view::npos && IsListed(list->second, word)) return 1;
    }
  }
  return 0;
}

constexpr EvalFunction kFunctions[] = {
    {"multipart_alternative_difference", AlternativeDifference},
    {"multipart_alternative_difference_count", AlternativeDifferenceCount},
    {"check_blank_line_ratio", BlankLineRatio},
    {"tvd_vertical_words", HasVerticalWords},
    {"check_stock_info", StockInfo},
    {"check_body_length", BodyLength},
    {"plaintext_body_length", PlainLength},
    {"plaintext_sig_length", SignatureLength},
    {"plaintext_body_sig_ratio", SignatureRatio},
    {"check_body_8bits", BodyHas8Bits},
    {"check_bayes", Bayes, EvalNeed::kBayes},
    {"have_any_bounce_relays", AnyBounceRelays},
    {"check_welcomelist_bounce_relays", BounceRelayListed},
    {"check_whitelist_bounce_relays", BounceRelayListed},
};

}  // namespace

std::span<const EvalFunction> BodyFunctions() { return kFunctions; }

}  // namespace cleanmail::scanner::spam
