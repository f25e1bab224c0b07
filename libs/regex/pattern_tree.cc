#include "libs/regex/pattern_tree.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

namespace cleanmail::regex {
namespace {

using Kind = PatternTree::Kind;

constexpr int kDeepest = 100;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

ByteSet Of(std::string_view bytes) {
  ByteSet set;
  for (const char c : bytes) set.set(static_cast<uint8_t>(c));
  return set;
}
ByteSet Range(unsigned first, unsigned last) {
  ByteSet set;
  for (unsigned c = first; c <= last && c < 256; ++c) set.set(c);
  return set;
}

const ByteSet kDigits = Range('0', '9');
const ByteSet kLetters = Range('a', 'z') | Range('A', 'Z');
const ByteSet kWordBytes = kDigits | kLetters | Of("_");
const ByteSet kSpaces = Of(" \t\n\v\f\r");
const ByteSet kHorizontal = Of(" \t\xa0");
const ByteSet kVertical = Of("\n\v\f\r\x85");

// The set a letter behind a backslash stands for, nullopt for none.
std::optional<ByteSet> SetOf(char letter) {
  switch (letter) {
    case 'd':
      return kDigits;
    case 'D':
      return ~kDigits;
    case 'w':
      return kWordBytes;
    case 'W':
      return ~kWordBytes;
    case 's':
      return kSpaces;
    case 'S':
      return ~kSpaces;
    case 'h':
      return kHorizontal;
    case 'H':
      return ~kHorizontal;
    case 'v':
      return kVertical;
    case 'V':
      return ~kVertical;
    default:
      return std::nullopt;
  }
}

// [:name:], nullopt for none there is.
std::optional<ByteSet> PosixSet(std::string_view name) {
  const ByteSet graph = Range(0x21, 0x7e);
  if (name == "alpha") return kLetters;
  if (name == "digit") return kDigits;
  if (name == "alnum") return kLetters | kDigits;
  if (name == "word") return kWordBytes;
  if (name == "space") return kSpaces;
  if (name == "blank") return Of(" \t");
  if (name == "upper") return Range('A', 'Z');
  if (name == "lower") return Range('a', 'z');
  if (name == "punct") return graph & ~(kLetters | kDigits);
  if (name == "graph") return graph;
  if (name == "print") return graph | Of(" ");
  if (name == "cntrl") return Range(0, 31) | Range(127, 127);
  if (name == "xdigit") return kDigits | Range('a', 'f') | Range('A', 'F');
  if (name == "ascii") return Range(0, 127);
  return std::nullopt;
}

// One pattern, read from front to back; `ok_` is lost for good where it is not understood.
class PatternReader {
 public:
  explicit PatternReader(std::string_view pattern) : rest_(pattern) {}

  std::optional<PatternTree> Read(Flags flags) {
    PatternTree tree = Alternatives(flags, 0);
    if (!ok_ || !rest_.empty()) return std::nullopt;
    return tree;
  }

 private:
  static PatternTree Nothing() { return {}; }
  static PatternTree Gap() { return {.kind = Kind::kGap, .bytes = {}, .children = {}}; }

  PatternTree Fail() {
    ok_ = false;
    return {};
  }
  bool Take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  char TakeOne() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  static PatternTree Bytes(ByteSet set, const Flags& flags) {
    return {.kind = Kind::kBytes, .bytes = flags.ignore_case ? Folded(set) : set, .children = {}};
  }
  static ByteSet Folded(ByteSet set) {
    for (unsigned c = 'a'; c <= 'z'; ++c) {
      const bool either = set[c] || set[c - 32];
      set[c] = either;
      set[c - 32] = either;
    }
    return set;
  }

  // Up to a `)` or the end. Flags set within hold to there.
  PatternTree Alternatives(Flags flags, int depth) {
    if (depth > kDeepest) return Fail();
    std::vector<PatternTree> alternatives(1);
    while (ok_ && !rest_.empty() && rest_.front() != ')') {
      if (Take("|")) {
        alternatives.emplace_back();
        continue;
      }
      if (flags.extended && SkipWhite()) continue;
      std::vector<PatternTree>& sequence = alternatives.back().children;
      PatternTree one = Atom(flags, depth);
      if (!ok_) break;
      Quantify(one, flags);
      sequence.push_back(std::move(one));
    }
    if (alternatives.size() == 1) return std::move(alternatives[0]);
    PatternTree tree;
    tree.kind = Kind::kAlternate;
    tree.children = std::move(alternatives);
    return tree;
  }

  bool SkipWhite() {
    const char c = rest_.front();
    if (c == '#') {
      rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      return true;
    }
    if (!kSpaces[static_cast<uint8_t>(c)]) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // Quantifiers behind what was read, their `?` or `+` included.
  void Quantify(PatternTree& tree, const Flags& flags) {
    for (int depth = 0; ok_; ++depth) {
      while (flags.extended && !rest_.empty() && SkipWhite()) {
      }
      unsigned least = 0;
      unsigned most = PatternTree::kUnbounded;
      if (Take("?")) {
        most = 1;
      } else if (Take("+")) {
        least = 1;
      } else if (!Take("*") && !TakeBounds(least, most)) {
        return;
      }
      if (!Take("?")) Take("+");
      ok_ = depth < kDeepest;
      PatternTree repeat;
      repeat.kind = Kind::kRepeat;
      repeat.least = least;
      repeat.most = most;
      repeat.children.push_back(std::move(tree));
      tree = std::move(repeat);
    }
  }

  // `{2}`, `{2,}`, `{2,5}`; anything else in braces is text.
  bool TakeBounds(unsigned& least, unsigned& most) {
    const size_t close = rest_.find('}');
    if (!rest_.starts_with('{') || close == std::string_view::npos) return false;
    const std::string_view inside = rest_.substr(1, close - 1);
    const size_t comma = std::min(inside.find(','), inside.size());
    const auto first = NumberIn(inside.substr(0, comma));
    if (!first) return false;
    const std::string_view behind = inside.substr(std::min(comma + 1, inside.size()));
    const auto second = NumberIn(behind);
    if (comma < inside.size() && !behind.empty() && !second) return false;
    least = *first;
    most = comma == inside.size() ? *first : second.value_or(PatternTree::kUnbounded);
    rest_.remove_prefix(close + 1);
    return true;
  }
  static std::optional<unsigned> NumberIn(std::string_view digits) {
    if (digits.empty() || digits.size() > 5) return std::nullopt;
    unsigned number = 0;
    for (const char c : digits) {
      if (!IsDigit(c)) return std::nullopt;
      number = number * 10 + static_cast<unsigned>(c - '0');
    }
    return number;
  }

  PatternTree Atom(Flags& flags, int depth) {
    if (Take("\\")) return Escaped(flags);
    if (Take("[")) return Class(flags);
    if (Take("(")) return Group(flags, depth);
    if (Take("^") || Take("$")) return Nothing();
    if (Take(".")) return Bytes(flags.dot_matches_all ? ~ByteSet() : ~Of("\n"), {});
    const char c = TakeOne();
    return c == '*' || c == '+' || c == '?' ? Fail() : Bytes(Of({&c, 1}), flags);
  }

  // Behind the `(`.
  PatternTree Group(Flags& flags, int depth) {
    if (rest_.starts_with('*')) return Fail();
    if (!Take("?")) return Inside(flags, depth);
    if (Take("#")) {
      rest_.remove_prefix(std::min(rest_.find(')'), rest_.size()));
      return Take(")") ? Nothing() : Fail();
    }
    if (Take("=") || Take("!") || Take("<=") || Take("<!")) {
      Inside(flags, depth);
      return Nothing();
    }
    if (Take(":") || Take(">") || Take("|")) return Inside(flags, depth);
    if (Take("<") || Take("P<") || Take("'")) {
      const size_t end = rest_.find_first_of(">'");
      if (end == std::string_view::npos) return Fail();
      rest_.remove_prefix(end + 1);
      return Inside(flags, depth);
    }
    Flags inner = flags;
    for (bool on = true; !rest_.empty();) {
      switch (TakeOne()) {
        case '-':
          on = false;
          break;
        case 'i':
          inner.ignore_case = on;
          break;
        case 'm':
          inner.multi_line = on;
          break;
        case 's':
          inner.dot_matches_all = on;
          break;
        case 'x':
          inner.extended = on;
          break;
        case ')':
          flags = inner;
          return Nothing();
        case ':':
          return Inside(inner, depth);
        default:
          return Fail();
      }
    }
    return Fail();
  }
  PatternTree Inside(const Flags& flags, int depth) {
    PatternTree tree = Alternatives(flags, depth + 1);
    return ok_ && Take(")") ? std::move(tree) : Fail();
  }

  // Behind the backslash.
  PatternTree Escaped(const Flags& flags) {
    if (rest_.empty()) return Fail();
    if (const auto set = SetOf(rest_.front())) {
      rest_.remove_prefix(1);
      return Bytes(*set, {});
    }
    if (Take("b") || Take("B") || Take("A") || Take("z") || Take("Z") || Take("K") || Take("E"))
      return Nothing();
    if (Take("R")) return Gap();
    if (Take("N")) return rest_.starts_with('{') ? Fail() : Bytes(~Of("\n"), {});
    if (Take("Q")) return Quoted(flags);
    if (IsDigit(rest_.front()) && rest_.front() != '0') {
      while (!rest_.empty() && IsDigit(rest_.front())) rest_.remove_prefix(1);
      return Gap();
    }
    const auto byte = EscapedByte();
    return byte ? Bytes(Range(*byte, *byte), flags) : Fail();
  }

  PatternTree Quoted(const Flags& flags) {
    PatternTree text;
    while (!rest_.empty() && !Take("\\E")) {
      const char c = TakeOne();
      text.children.push_back(Bytes(Of({&c, 1}), flags));
    }
    // A quantifier behind it would be the last byte's alone.
    return !rest_.empty() && std::string_view("?*+{").find(rest_.front()) != std::string_view::npos
               ? Fail()
               : std::move(text);
  }

  // The byte an escape stands for, in classes and outside.
  std::optional<unsigned> EscapedByte() {
    if (rest_.empty()) return std::nullopt;
    const char c = TakeOne();
    switch (c) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'f':
        return '\f';
      case 'e':
        return 27;
      case 'a':
        return 7;
      case 'x':
        return HexByte();
      case '0':
        return OctalByte(2);
      default:
        if (IsLetter(c) || IsDigit(c)) return std::nullopt;
        return static_cast<uint8_t>(c);
    }
  }
  std::optional<unsigned> HexByte() {
    const bool braces = Take("{");
    unsigned value = 0;
    for (int digits = 0; (braces || digits < 2) && !rest_.empty() && HexValue(rest_.front()) >= 0;
         ++digits) {
      value = value * 16 + static_cast<unsigned>(HexValue(TakeOne()));
      if (value > 255) return std::nullopt;
    }
    if (braces && !Take("}")) return std::nullopt;
    return value;
  }
  // At most `most` octal digits.
  std::optional<unsigned> OctalByte(int most) {
    unsigned value = 0;
    for (int digits = 0; digits < most && !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '7';
         ++digits)
      value = value * 8 + static_cast<unsigned>(TakeOne() - '0');
    return value < 256 ? std::optional(value) : std::nullopt;
  }

  // Behind the `[`.
  PatternTree Class(const Flags& flags) {
    const bool negated = Take("^");
    ByteSet set;
    for (bool first = true; ok_; first = false) {
      if (rest_.empty()) return Fail();
      if (!first && Take("]")) break;
      set |= ClassItem();
    }
    if (flags.ignore_case) set = Folded(set);
    return Bytes(negated ? ~set : set, {});
  }

  // A set, a byte or a range.
  ByteSet ClassItem() {
    if (rest_.starts_with("[:") || rest_.starts_with("[.") || rest_.starts_with("[=")) {
      const size_t close = rest_.find(":]");
      if (rest_[1] == ':' && close != std::string_view::npos &&
          rest_.substr(2, close - 2).find_first_of("[]\\") == std::string_view::npos) {
        std::string_view name = rest_.substr(2, close - 2);
        const bool negated = name.starts_with('^');
        if (negated) name.remove_prefix(1);
        const auto set = PosixSet(name);
        ok_ = ok_ && set.has_value();
        rest_.remove_prefix(close + 2);
        return !set ? ByteSet() : negated ? ~*set : *set;
      }
    }
    if (rest_.size() >= 2 && rest_[0] == '\\') {
      if (const auto set = SetOf(rest_[1])) {
        rest_.remove_prefix(2);
        return *set;
      }
    }
    const auto begin = ClassByte();
    if (!begin) return {};
    if (rest_.size() < 2 || rest_[0] != '-' || rest_[1] == ']') return Range(*begin, *begin);
    if (rest_[1] == '\\' && rest_.size() >= 3 && SetOf(rest_[2])) return Range(*begin, *begin);
    rest_.remove_prefix(1);
    const auto end = ClassByte();
    return end ? Range(*begin, *end) : ByteSet();
  }
  std::optional<unsigned> ClassByte() {
    std::optional<unsigned> byte;
    if (!Take("\\")) {
      byte = static_cast<uint8_t>(TakeOne());
    } else if (Take("b")) {
      byte = 8;
    } else if (!rest_.empty() && rest_.front() >= '0' && rest_.front() < '8') {
      byte = OctalByte(3);
    } else {
      byte = EscapedByte();
    }
    ok_ = ok_ && byte.has_value();
    return byte;
  }

  std::string_view rest_;
  bool ok_ = true;
};

// `times` times as much, kUnbounded where that is no number.
unsigned Times(unsigned length, unsigned times) {
  if (length == 0 || times == 0) return 0;
  if (length == PatternTree::kUnbounded || times == PatternTree::kUnbounded)
    return PatternTree::kUnbounded;
  return static_cast<unsigned>(
      std::min<uint64_t>(uint64_t{length} * times, PatternTree::kUnbounded));
}

unsigned Sum(unsigned a, unsigned b) {
  return static_cast<unsigned>(std::min<uint64_t>(uint64_t{a} + b, PatternTree::kUnbounded));
}

}  // namespace

Lengths operator+(Lengths a, Lengths b) {
  return {.least = Sum(a.least, b.least), .most = Sum(a.most, b.most)};
}

Lengths operator|(Lengths a, Lengths b) {
  return {.least = std::min(a.least, b.least), .most = std::max(a.most, b.most)};
}

Lengths LengthsOf(const PatternTree& tree) {
  switch (tree.kind) {
    case Kind::kBytes:
      return {.least = 1, .most = 1};
    case Kind::kSequence: {
      Lengths sum;
      for (const PatternTree& child : tree.children) sum = sum + LengthsOf(child);
      return sum;
    }
    case Kind::kAlternate: {
      Lengths either = LengthsOf(tree.children[0]);
      for (const PatternTree& child : tree.children) either = either | LengthsOf(child);
      return either;
    }
    case Kind::kRepeat: {
      const Lengths one = LengthsOf(tree.children[0]);
      return {.least = Times(one.least, tree.least), .most = Times(one.most, tree.most)};
    }
    case Kind::kGap:
      break;
  }
  return {.least = 0, .most = PatternTree::kUnbounded};
}

std::optional<PatternTree> ReadPatternTree(std::string_view pattern, Flags flags) {
  return PatternReader(pattern).Read(flags);
}

}  // namespace cleanmail::regex
