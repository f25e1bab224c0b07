#include <algorithm>

#include "services/scanner/analyzers/spam/plugins/eval.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/reading/unicode.h"

namespace cleanmail::scanner::spam {
namespace {

template <class Test>
double AnyPage(const EvalCall& call, Test test) {
  const std::vector<HtmlPage>& pages = call.mail.pages();
  return std::any_of(pages.begin(), pages.end(), test) ? 1 : 0;
}

const double* NumberOn(const HtmlPage& page, const std::string& name) {
  const auto found = page.numbers.find(name);
  return found == page.numbers.end() ? nullptr : &found->second;
}

// Whether `value` satisfies a comparison such as "!= 0".
bool Satisfies(double value, std::string_view comparison) {
  comparison = Trim(comparison);
  const size_t end = std::min(comparison.find_first_not_of("<>=!"), comparison.size());
  const std::string_view op = comparison.substr(0, end);
  const double number = NumberOf(Trim(comparison.substr(end))).value_or(0);
  if (op == "<") return value < number;
  if (op == "<=") return value <= number;
  if (op == ">") return value > number;
  if (op == ">=") return value >= number;
  if (op == "==") return value == number;
  return op == "!=" && value != number;
}

double TagBalance(const EvalCall& call) {
  return AnyPage(call, [&](const HtmlPage& page) {
    const auto found = page.inside.find(call.Text(0));
    return found != page.inside.end() && Satisfies(found->second, call.Text(1));
  });
}

double TagExists(const EvalCall& call) {
  return AnyPage(call, [&](const HtmlPage& page) { return page.inside.count(call.Text(0)) != 0; });
}

double Test(const EvalCall& call) {
  return AnyPage(call, [&](const HtmlPage& page) {
    const double* number = NumberOn(page, call.Text(0));
    return number != nullptr && *number != 0;
  });
}

double Compare(const EvalCall& call) {
  return AnyPage(call, [&](const HtmlPage& page) {
    const double* number = NumberOn(page, call.Text(0));
    return number != nullptr && Satisfies(*number, call.Text(1));
  });
}

double Range(const EvalCall& call) {
  const bool open = call.Text(2).empty() || call.Text(2) == "inf";
  return AnyPage(call, [&](const HtmlPage& page) {
    const double* number = NumberOn(page, call.Text(0));
    return number != nullptr && *number > call.Number(1, 0) &&
           (open || *number <= call.Number(2, 0));
  });
}

double ImageOnly(const EvalCall& call) {
  return AnyPage(call, [&](const HtmlPage& page) {
    const double* length = NumberOn(page, "length");
    return page.inside.count("img") != 0 && length != nullptr && *length > call.Number(0, 0) &&
           *length <= call.Number(1, 0);
  });
}

double ImageRatio(const EvalCall& call) {
  return AnyPage(call, [&](const HtmlPage& page) {
    const double* area = NumberOn(page, "image_area");
    const double* letters = NumberOn(page, "non_space_len");
    if (area == nullptr || letters == nullptr || *area <= 0) return false;
    const double ratio = *letters / *area;
    return ratio > call.Number(0, 0) && ratio <= call.Number(1, 0);
  });
}

const std::vector<std::string>* TextsOn(const HtmlPage& page, std::string_view kind) {
  if (kind == "title") return &page.titles;
  if (kind == "comment") return &page.comments;
  if (kind == "script") return &page.scripts;
  return kind == "anchor" ? &page.anchors : nullptr;
}

double TextIs(const EvalCall& call, bool wanted) {
  if (call.pattern == nullptr) return 0;
  return AnyPage(call, [&](const HtmlPage& page) {
    const std::vector<std::string>* texts = TextsOn(page, call.Text(0));
    return texts != nullptr &&
           std::any_of(texts->begin(), texts->end(), [&](const std::string& text) {
             return call.pattern->Matches(text) == wanted;
           });
  });
}
double TextMatches(const EvalCall& call) { return TextIs(call, true); }
double TextMatchesNot(const EvalCall& call) { return TextIs(call, false); }

double TitleSubjectRatio(const EvalCall& call) {
  const std::string subject = call.mail.GetText("Subject");
  if (subject.empty()) return 0;
  return AnyPage(call, [&](const HtmlPage& page) {
    double longest = 0;
    for (const std::string& title : page.titles)
      longest = std::max(longest, static_cast<double>(CountCharacters(title)));
    return longest / static_cast<double>(subject.size()) > call.Number(0, 0);
  });
}

double IframeSource(const EvalCall& call) {
  return AnyPage(call, [](const HtmlPage& page) {
    return std::any_of(page.links.begin(), page.links.end(),
                       [](const auto& entry) { return entry.second.types.count("iframe") != 0; });
  });
}

double NoFarawayCharset(const EvalCall&) { return 0; }  // ok_locales is "all"

constexpr EvalFunction kFunctions[] = {
    {"html_tag_balance", TagBalance},
    {"html_tag_exists", TagExists},
    {"html_test", Test},
    {"html_eval", Compare},
    {"html_range", Range},
    {"html_image_only", ImageOnly},
    {"html_image_ratio", ImageRatio},
    {"html_text_match", TextMatches, EvalNeed::kNothing, 1},
    {"html_text_not_match", TextMatchesNot, EvalNeed::kNothing, 1},
    {"html_title_subject_ratio", TitleSubjectRatio},
    {"check_iframe_src", IframeSource},
    {"html_charset_faraway", NoFarawayCharset},
};

}  // namespace

std::span<const EvalFunction> HtmlFunctions() { return kFunctions; }

}  // namespace cleanmail::scanner::spam
