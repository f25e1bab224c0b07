#include "libs/mail/html/style.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "libs/base/cat.h"

namespace cleanmail::mail::html {
namespace {

constexpr size_t kMostRules = 5000;
constexpr size_t kMostClasses = 20;
constexpr double kSmallestReadablePx = 2.5;
constexpr double kFarAwayPx = 900;
constexpr int kSameColour = 36;  // sum of the differences

constexpr std::array<std::pair<std::string_view, int>, 30> kNames = {
    {{"white", 0xffffff},       {"black", 0x000000},      {"red", 0xff0000},
     {"green", 0x008000},       {"blue", 0x0000ff},       {"yellow", 0xffff00},
     {"gray", 0x808080},        {"grey", 0x808080},       {"silver", 0xc0c0c0},
     {"maroon", 0x800000},      {"navy", 0x000080},       {"teal", 0x008080},
     {"olive", 0x808000},       {"lime", 0x00ff00},       {"aqua", 0x00ffff},
     {"cyan", 0x00ffff},        {"fuchsia", 0xff00ff},    {"magenta", 0xff00ff},
     {"purple", 0x800080},      {"orange", 0xffa500},     {"snow", 0xfffafa},
     {"ivory", 0xfffff0},       {"whitesmoke", 0xf5f5f5}, {"ghostwhite", 0xf8f8ff},
     {"floralwhite", 0xfffaf0}, {"lightgray", 0xd3d3d3},  {"lightgrey", 0xd3d3d3},
     {"gainsboro", 0xdcdcdc},   {"beige", 0xf5f5dc},      {"darkgray", 0xa9a9a9}}};

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f'; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return lower;
}

// A number at the start of `text` and what follows it.
struct Measure {
  double number = 0;
  std::string_view unit;
};
std::optional<Measure> ParseMeasure(std::string_view text) {
  text = Trim(text);
  size_t end = 0;
  while (end < text.size() && end < 20 &&
         ((text[end] >= '0' && text[end] <= '9') || text[end] == '.' || text[end] == '-'))
    ++end;
  if (end == 0) return std::nullopt;
  const std::string number(text.substr(0, end));
  char* stop = nullptr;
  const double value = std::strtod(number.c_str(), &stop);
  if (stop == number.c_str()) return std::nullopt;
  return Measure{.number = value, .unit = Trim(text.substr(end))};
}

std::optional<double> Pixels(std::string_view text) {
  const std::optional<Measure> measure = ParseMeasure(text);
  if (!measure) return std::nullopt;
  if (measure->unit.starts_with("pt")) return measure->number * 4 / 3;
  if (measure->unit.starts_with("em") || measure->unit.starts_with("rem"))
    return measure->number * 16;
  if (measure->unit.starts_with("cm")) return measure->number * 38;
  if (measure->unit.starts_with("in")) return measure->number * 96;
  return measure->number;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::optional<Colour> ParseHex(std::string_view digits) {
  if (!std::ranges::all_of(digits, [](char c) { return HexDigit(c) >= 0; })) return std::nullopt;
  const auto two = [&](size_t i) { return HexDigit(digits[i]) * 16 + HexDigit(digits[i + 1]); };
  const auto one = [&](size_t i) { return HexDigit(digits[i]) * 17; };
  if (digits.size() == 3 || digits.size() == 4)
    return Colour{one(0), one(1), one(2), digits.size() == 4 ? one(3) / 255.0 : 1};
  if (digits.size() == 6 || digits.size() == 8)
    return Colour{two(0), two(2), two(4), digits.size() == 8 ? two(6) / 255.0 : 1};
  return std::nullopt;
}

std::optional<Colour> ParseRgb(std::string_view arguments) {
  std::array<double, 4> values = {0, 0, 0, 1};
  size_t count = 0;
  while (count < 4 && !arguments.empty()) {
    const size_t end = std::min(arguments.find_first_of(",/ )"), arguments.size());
    if (const std::optional<Measure> part = ParseMeasure(arguments.substr(0, end))) {
      const bool percent = part->unit.starts_with("%");
      values[count] = percent ? part->number * (count < 3 ? 2.55 : 0.01) : part->number;
      ++count;
    }
    if (end == arguments.size() || arguments[end] == ')') break;
    arguments.remove_prefix(end + 1);
  }
  if (count < 3) return std::nullopt;
  const auto channel = [](double v) { return static_cast<int>(std::clamp(v, 0.0, 255.0)); };
  return Colour{channel(values[0]), channel(values[1]), channel(values[2]),
                std::clamp(values[3], 0.0, 1.0)};
}

void ReadFontSize(std::string_view value, Declared& declared) {
  const std::optional<Measure> measure = ParseMeasure(value);
  if (!measure) {
    if (value == "inherit") return;
    declared.font_px = 13;  // "small", "medium", "larger": all can be read
  } else if (measure->unit.starts_with("em") || measure->unit.starts_with('%')) {
    declared.font_factor = measure->unit.starts_with('%') ? measure->number / 100 : measure->number;
  } else {
    declared.font_px = Pixels(value);
  }
}

// Whether a box of that width or height, or that far away, shows nothing.
bool IsNoBox(std::string_view name, std::string_view value) {
  const std::optional<double> px = Pixels(value);
  if (!px) return false;
  if (name == "left" || name == "top" || name == "text-indent" || name == "margin-left" ||
      name == "margin-top")
    return *px <= -kFarAwayPx;
  return *px == 0;
}

void ReadDeclaration(std::string_view name, std::string_view value, Declared& declared, bool& clips,
                     bool& no_box) {
  if (name == "display") {
    declared.gone = value.starts_with("none");
  } else if (name == "visibility") {
    declared.invisible = value.starts_with("hidden") || value.starts_with("collapse");
  } else if (name == "mso-hide") {
    return;  // of one program only
  } else if (name == "opacity") {
    const std::optional<Measure> measure = ParseMeasure(value);
    if (measure && measure->number <= 0.05) declared.shut = true;
  } else if (name == "font-size") {
    ReadFontSize(value, declared);
  } else if (name == "color") {
    declared.colour = ParseColour(value);
  } else if (name == "background-color" || name == "background") {
    if (value.find("url(") != std::string_view::npos ||
        value.find("gradient") != std::string_view::npos) {
      declared.picture_ground = true;
    } else {
      const std::string_view first =
          value.starts_with("rgb") ? value : value.substr(0, value.find_first_of(" \t"));
      declared.ground = ParseColour(first);
    }
  } else if (name == "background-image") {
    declared.picture_ground = declared.picture_ground || !value.starts_with("none");
  } else if (name == "overflow") {
    clips = value.starts_with("hidden") || value.starts_with("clip");
  } else if (name == "height" || name == "width" || name == "max-height" || name == "max-width") {
    no_box = no_box || IsNoBox(name, value);
  } else if (name == "left" || name == "top" || name == "text-indent" || name == "margin-left" ||
             name == "margin-top") {
    if (IsNoBox(name, value)) declared.shut = true;
  }
}

const Attribute* Find(std::span<const Attribute> attributes, std::string_view name) {
  const auto found = std::ranges::find(attributes, name, &Attribute::name);
  return found == attributes.end() ? nullptr : &*found;
}

template <class T>
void Prefer(std::optional<T>& mine, const std::optional<T>& theirs) {
  if (theirs) mine = theirs;
}

}  // namespace

std::optional<Colour> ParseColour(std::string_view text) {
  const std::string lower = Lower(Trim(text.substr(0, std::min<size_t>(text.size(), 100))));
  std::string_view rest = lower;
  rest = Trim(rest.substr(0, rest.find('!')));
  if (rest.starts_with("rgb")) {
    const size_t open = rest.find('(');
    return open == std::string_view::npos ? std::nullopt : ParseRgb(rest.substr(open + 1));
  }
  if (rest == "transparent") return Colour{0, 0, 0, 0};
  for (const auto& [name, value] : kNames) {
    if (rest == name) return Colour{value >> 16, value >> 8 & 255, value & 255};
  }
  if (rest.starts_with('#')) rest.remove_prefix(1);
  return ParseHex(rest);
}

bool LooksAlike(const Colour& a, const Colour& b) {
  return std::abs(a.red - b.red) + std::abs(a.green - b.green) + std::abs(a.blue - b.blue) <=
         kSameColour;
}

void Declared::Override(const Declared& other) {
  Prefer(gone, other.gone);
  Prefer(invisible, other.invisible);
  Prefer(shut, other.shut);
  if (other.font_px || other.font_factor) {
    font_px = other.font_px;
    font_factor = other.font_factor;
  }
  Prefer(colour, other.colour);
  Prefer(ground, other.ground);
  picture_ground = picture_ground || other.picture_ground;
}

Declared ParseDeclarations(std::string_view css) {
  Declared declared;
  bool clips = false;
  bool no_box = false;
  while (!css.empty()) {
    // A semicolon within url(...) or quotes is rare and costs one declaration.
    const size_t end = std::min(css.find(';'), css.size());
    const std::string_view one = css.substr(0, end);
    css.remove_prefix(std::min(end + 1, css.size()));
    const size_t colon = one.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string name = Lower(Trim(one.substr(0, std::min<size_t>(colon, 60))));
    const std::string value = Lower(Trim(one.substr(colon + 1, 300)));
    ReadDeclaration(name, value, declared, clips, no_box);
  }
  if (clips && no_box) declared.shut = true;
  return declared;
}

void StyleSheet::Add(std::string_view css) {
  while (!css.empty() && rules_.size() < kMostRules) {
    const size_t open = css.find('{');
    if (open == std::string_view::npos) return;
    std::string_view selectors = css.substr(0, open);
    if (const size_t comment = selectors.rfind("*/"); comment != std::string_view::npos)
      selectors.remove_prefix(comment + 2);
    if (const size_t mark = selectors.rfind("<!--"); mark != std::string_view::npos)
      selectors.remove_prefix(mark + 4);
    // What ends without a block, "@import ...;", belongs to no selector.
    if (const size_t end = selectors.rfind(';'); end != std::string_view::npos)
      selectors.remove_prefix(end + 1);
    selectors = Trim(selectors);
    css.remove_prefix(open + 1);
    if (selectors.starts_with('@')) {
      int depth = 1;
      size_t at = 0;
      for (; at < css.size() && depth > 0; ++at)
        depth += css[at] == '{' ? 1 : css[at] == '}' ? -1 : 0;
      css.remove_prefix(at);
      continue;
    }
    const size_t close = std::min(css.find('}'), css.size());
    AddRule(selectors, css.substr(0, close));
    css.remove_prefix(std::min(close + 1, css.size()));
  }
}

void StyleSheet::AddRule(std::string_view selectors, std::string_view block) {
  const Declared declared = ParseDeclarations(block);
  while (!selectors.empty() && rules_.size() < kMostRules) {
    const size_t comma = std::min(selectors.find(','), selectors.size());
    const std::string selector = Lower(Trim(selectors.substr(0, std::min<size_t>(comma, 200))));
    selectors.remove_prefix(std::min(comma + 1, selectors.size()));
    const bool simple = selector.find_first_of(" \t\r\n>+~[:*") == std::string::npos;
    if (simple && !selector.empty()) rules_[selector].Override(declared);
  }
}

Declared StyleSheet::Of(std::string_view tag, std::string_view classes, std::string_view id) const {
  Declared result;
  if (rules_.empty()) return result;
  const auto apply = [&](const std::string& selector) {
    if (const auto rule = rules_.find(selector); rule != rules_.end())
      result.Override(rule->second);
  };
  apply(std::string(tag));
  for (size_t i = 0; i < kMostClasses && !Trim(classes).empty(); ++i) {
    classes = Trim(classes);
    const std::string_view one = classes.substr(0, classes.find_first_of(" \t\r\n\f"));
    apply(Lower(base::Cat(".", one)));
    apply(Lower(base::Cat(tag, ".", one)));
    classes.remove_prefix(one.size());
  }
  if (!id.empty()) apply(Lower(base::Cat("#", id)));
  return result;
}

Declared DeclaredOf(std::string_view tag, std::span<const Attribute> attributes,
                    const StyleSheet& sheet) {
  Declared declared;
  const auto value = [&](std::string_view name) {
    const Attribute* found = Find(attributes, name);
    return found == nullptr ? std::string_view() : found->value;
  };
  if (tag == "a" && Find(attributes, "href") != nullptr) declared.colour = Colour{0, 0, 238};
  if (Find(attributes, "hidden") != nullptr) declared.gone = true;
  if (const auto ground = value("bgcolor"); !ground.empty()) declared.ground = ParseColour(ground);
  if (!value("background").empty()) declared.picture_ground = true;
  if (const auto colour = value(tag == "body" ? "text" : "color"); !colour.empty())
    declared.colour = ParseColour(colour);
  if (tag == "button" || tag == "input" || tag == "mark") declared.picture_ground = true;
  declared.Override(sheet.Of(tag, value("class"), value("id")));
  if (const auto style = value("style"); !style.empty())
    declared.Override(ParseDeclarations(style));
  return declared;
}

Look Look::Within(const Declared& declared) const {
  Look inner = *this;
  inner.gone = gone || declared.gone.value_or(false);
  inner.shut = shut || declared.shut.value_or(false);
  if (declared.invisible) inner.invisible = *declared.invisible;
  if (declared.font_px) inner.font_px = *declared.font_px;
  if (declared.font_factor) inner.font_px = font_px * *declared.font_factor;
  if (declared.colour) inner.colour = *declared.colour;
  if (declared.ground && declared.ground->alpha > 0.5) {
    inner.ground = *declared.ground;
    inner.ground_known = true;
  }
  if (declared.picture_ground) inner.ground_known = false;
  return inner;
}

bool Look::hidden() const {
  return gone || invisible || shut || font_px < kSmallestReadablePx || colour.alpha < 0.05 ||
         (ground_known && LooksAlike(colour, ground));
}

std::vector<std::string> UrlsOf(std::string_view css) {
  std::vector<std::string> urls;
  const std::string lower = Lower(css);
  for (size_t at = lower.find("url("); at != std::string::npos; at = lower.find("url(", at)) {
    at += 4;
    const size_t end = lower.find(')', at);
    if (end == std::string::npos) break;
    std::string_view url = Trim(css.substr(at, end - at));
    if (url.size() >= 2 && (url.front() == '"' || url.front() == '\''))
      url = url.substr(1, url.size() - 2);
    if (!url.empty()) urls.emplace_back(url);
    at = end;
  }
  return urls;
}

}  // namespace cleanmail::mail::html
