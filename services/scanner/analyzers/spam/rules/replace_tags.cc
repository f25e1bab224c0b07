#include "services/scanner/analyzers/spam/rules/replace_tags.h"

#include <vector>

#include "services/scanner/analyzers/spam/reading/ascii.h"

namespace cleanmail::scanner::spam {
namespace {

constexpr int kPasses = 6;
constexpr size_t kLongest = 256 << 10;

// Takes `<word NAME>` out of the pattern and returns NAME.
std::string TakeDirective(std::string& pattern, const Replacements& all, std::string_view word) {
  const std::string opening = all.start + std::string(word) + " ";
  const size_t begin = pattern.find(opening);
  if (begin == std::string::npos) return "";
  const size_t end = pattern.find(all.end, begin + opening.size() + 1);
  if (end == std::string::npos) return "";
  std::string name = pattern.substr(begin + opening.size(), end - begin - opening.size());
  pattern.erase(begin, end + all.end.size() - begin);
  return name;
}

std::string Lookup(const std::map<std::string, std::string, std::less<>>& map,
                   const std::string& name) {
  const auto found = map.find(name);
  return found == map.end() ? "" : found->second;
}

// Plain text and things in angle brackets, by turns; text between two brackets may be empty.
std::vector<std::string> SplitAtBrackets(std::string_view pattern) {
  std::vector<std::string> pieces = {""};
  for (size_t at = 0; at < pattern.size();) {
    const size_t close =
        pattern[at] == '<' ? pattern.find_first_of("<>", at + 1) : std::string_view::npos;
    if (close == std::string_view::npos || pattern[close] == '<' || close == at + 1) {
      pieces.back() += pattern[at++];
      continue;
    }
    pieces.emplace_back(pattern.substr(at, close + 1 - at));
    pieces.emplace_back();
    at = close + 1;
  }
  return pieces;
}

}  // namespace

std::string WithTagsReplaced(std::string_view given, const Replacements& all) {
  std::string pattern(given);
  for (int pass = 0; pass < kPasses; ++pass) {
    const std::string before = Lookup(all.before, TakeDirective(pattern, all, "pre"));
    const std::string behind = Lookup(all.behind, TakeDirective(pattern, all, "post"));
    const std::string between = Lookup(all.between, TakeDirective(pattern, all, "inter"));
    std::vector<std::string> pieces = SplitAtBrackets(pattern);
    bool again = false;
    for (size_t i = 0; i < pieces.size(); ++i) {
      std::string& piece = pieces[i];
      const bool bracket = i % 2 == 1;
      if (!bracket) {
        const bool inner = i > 0 && i + 1 < pieces.size();
        if (piece.empty() && inner) piece = between;
        continue;
      }
      const bool tagged = piece.starts_with(all.start) && piece.ends_with(all.end);
      const std::string name =
          tagged ? piece.substr(all.start.size(), piece.size() - all.start.size() - all.end.size())
                 : "";
      const auto tag = all.tags.find(name);
      std::string replaced = tag == all.tags.end() ? piece : tag->second;
      again = again || (tag != all.tags.end() && replaced.find('<') != std::string::npos);
      piece = before + replaced + behind;
    }
    pattern.clear();
    for (const std::string& piece : pieces) pattern += piece;
    if (pattern.size() > kLongest) return std::string(given);
    if (!again) break;
  }
  return pattern;
}

}  // namespace cleanmail::scanner::spam
