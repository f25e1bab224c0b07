#include "services/scanner/analyzers/spam/reading/html_page.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <utility>

#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/reading/html_elements.h"
#include "services/scanner/analyzers/spam/reading/html_style.h"
#include "services/scanner/analyzers/spam/reading/html_tokens.h"
#include "services/scanner/analyzers/spam/reading/unicode.h"

namespace cleanmail::scanner::spam {
namespace {

constexpr size_t kLongestLink = 8192;

// Office's "o:p" and "st1:place".
bool IsNamespaced(std::string_view tag) {
  const size_t colon = tag.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view space = tag.substr(0, colon);
  if (space != "o" && !(space.size() == 3 && space.starts_with("st") && IsDigit(space[2])))
    return false;
  std::string_view name = tag.substr(colon + 1);
  if (name.ends_with('/')) name.remove_suffix(1);
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return IsWord(c) || c == '-'; });
}

// Letters, digits and everything beyond ASCII.
bool IsTextByte(char c) {
  return IsLetter(c) || IsDigit(c) || static_cast<unsigned char>(c) >= 0x7f ||
         (static_cast<unsigned char>(c) < 0x20 && !IsBlank(c));
}

// A face such as `Arial, "Times New Roman"`.
bool IsUsualFace(std::string_view face) {
  if (face.ends_with(';')) face.remove_suffix(1);
  bool first = true;
  for (const std::string_view piece : Pieces(face, ',')) {
    std::string_view name = TrimLeft(piece);
    if (!name.empty() && (name[0] == '"' || name[0] == '\'' || (first && name[0] == '.')))
      name.remove_prefix(1);
    if (!name.empty() && (name.back() == '"' || name.back() == '\'')) name.remove_suffix(1);
    if (!name.empty() && IsDigit(name.back())) name.remove_suffix(1);
    if (name.size() < 2 || !IsLetter(name.back())) return false;
    if (!IsLetter(name[0]) && !(first && name[0] == ' ')) return false;
    if (!std::all_of(name.begin(), name.end(),
                     [](char c) { return IsLetter(c) || c == ' ' || c == '-'; }))
      return false;
    first = false;
  }
  return true;
}

// "120" or "50%" in pixels; 200 where nothing usable is said.
double PixelsOf(std::string_view text, double percent) {
  const bool relative = text.ends_with('%');
  if (relative) text.remove_suffix(1);
  if (text.empty() || !std::all_of(text.begin(), text.end(), IsDigit)) return 200;
  const double number = NumberOf(text).value_or(0) * (relative ? percent : 1);
  return number > 0 ? number : 200;
}

std::string CanonicalLink(std::string_view link, bool& cut) {
  const auto strip = [](std::string_view text) {
    while (true) {
      const std::string_view before = text;
      text = Trim(text);
      if (text.starts_with("\xc2\xa0")) text.remove_prefix(2);
      if (text.ends_with("\xc2\xa0")) text.remove_suffix(2);
      if (text == before) return text;
    }
  };
  link = strip(link);
  if (link.size() > kLongestLink) {
    cut = true;
    link = link.substr(0, kLongestLink);
  }
  return std::string(link);
}

// Puts a page together from its tokens.
class PageBuilder final : public TokenListener {
 public:
  explicit PageBuilder(HtmlPage& page) : page_(page) {}

  void OnStart(const std::string& tag, Attributes& attributes) override {
    const Element* element = FindElement(tag);
    CountTag(tag, element, 1);
    if (element == nullptr) return;
    if ((element->traits & kStyled) != 0) styles_.Open(element->name, attributes);
    Space(element->space);
    ReadLinks(*element, attributes);
    Inspect(tag, attributes);
  }

  void OnEnd(const std::string& tag) override {
    const Element* element = FindElement(tag);
    CountTag(tag, element, -1);
    if (element == nullptr) return;
    if ((element->traits & kStyled) != 0) styles_.Close(element->name);
    Space(element->space);
  }

  void OnText(std::string_view text) override;

  void OnComment(std::string_view text) override { page_.comments.emplace_back(text); }

  void OnDeclaration(std::string_view text) override {
    if (!BeginsWith(text, "<!doctype")) return;
    ++elements_;
    ++tags_;
    page_.inside["!doctype"] = 0;
  }

  void Finish();

 private:
  // What was put to the text last.
  enum class Piece { kNothing, kSpace, kShown, kHidden };

  struct Count {
    int open = 0;
    bool seen = false;
  };
  static constexpr size_t IndexOf(std::string_view name) {
    return static_cast<size_t>(FindElement(name) - kElements.data());
  }
  template <size_t kIndex>
  bool IsInside() const {
    return counts_[kIndex].open > 0;
  }

  void CountTag(const std::string& tag, const Element* element, int change);
  void Space(std::string_view text);
  void Show(std::string_view text, bool hidden);
  void CountObfuscation(std::string_view text);
  void AddLink(std::string_view type, std::string_view target);
  void ReadLinks(const Element& element, Attributes& attributes);
  void ReadBase(const std::string& target);
  void Inspect(std::string_view tag, const Attributes& attributes);
  void InspectMeta(const Attributes& attributes);
  void AddToAnchor(std::string_view text);

  HtmlPage& page_;
  StyleStack styles_;
  std::array<Count, kElements.size()> counts_{};  // page_.inside has the others
  Piece last_ = Piece::kNothing;
  size_t last_begin_ = 0;  // in the page's text
  std::string base_;
  HtmlLink* anchor_ = nullptr;  // the last
  std::bitset<64> backhair_;    // lengths of the letters before and behind a tag
  double tags_ = 0;
  double tags_seen_ = 0;
  double elements_ = 0;
  double elements_seen_ = 0;
  double closed_extra_ = 0;
  double obfuscation_ = 0;
  double image_area_ = 0;
};

void PageBuilder::CountTag(const std::string& tag, const Element* element, int change) {
  int* open = nullptr;
  bool first = false;
  if (element != nullptr) {
    Count& count = counts_[static_cast<size_t>(element - kElements.data())];
    first = !std::exchange(count.seen, true);
    open = &count.open;
  } else {
    const auto [entry, added] = page_.inside.try_emplace(tag, 0);
    first = added;
    open = &entry->second;
  }
  if (element != nullptr ? (element->traits & kStandard) != 0 : IsNamespaced(tag)) {
    ++elements_;
    if (first) ++elements_seen_;
  }
  ++tags_;
  if (first) ++tags_seen_;
  *open += change;
  if (*open < 0) {
    *open = 0;
    ++closed_extra_;
  }
}

void PageBuilder::Space(std::string_view text) {
  if (text.empty()) return;
  std::string& page = page_.text.utf8;
  if (last_ == Piece::kShown && page.size() > last_begin_ && page.ends_with(' ')) page.pop_back();
  last_ = Piece::kSpace;
  last_begin_ = page.size();
  page += text;
}

void PageBuilder::Show(std::string_view text, bool hidden) {
  if (last_ == Piece::kSpace && !hidden) text = TrimLeft(text);
  last_ = hidden ? Piece::kHidden : Piece::kShown;
  last_begin_ = page_.text.utf8.size();
  AppendSqueezed(text, page_.text.utf8);
}

void PageBuilder::CountObfuscation(std::string_view text) {
  const std::string_view before = std::string_view(page_.text.utf8).substr(last_begin_);
  if (before.empty() || text.empty() || !IsTextByte(before.back())) return;
  if (IsTextByte(text.front())) ++obfuscation_;
  size_t ends = 0;
  while (ends < 8 && ends < before.size() && IsTextByte(before[before.size() - 1 - ends])) ++ends;
  size_t begins = 0;
  while (begins < 8 && begins < text.size() && IsTextByte(text[begins])) ++begins;
  if (ends >= 1 && ends <= 7 && begins >= 1 && begins <= 7) backhair_.set(ends * 8 + begins);
}

void PageBuilder::AddToAnchor(std::string_view text) {
  if (!IsInside<IndexOf("a")>() || page_.anchors.empty()) return;
  if (!anchor_->anchor_texts.empty()) anchor_->anchor_texts.back() += text;
  page_.anchors.back() += text;
}

void PageBuilder::OnText(std::string_view text) {
  if (IsInside<IndexOf("script")>()) {
    page_.scripts.emplace_back(text);
    return;
  }
  if (IsInside<IndexOf("style")>()) return;
  AddToAnchor(text);
  if (IsInside<IndexOf("title")>() && !page_.titles.empty()) page_.titles.back() += text;
  bool hidden = false;
  if (!Trim(text).empty()) {
    switch (HiddenBy(styles_.top())) {
      case Hidden::kNo:
        break;
      case Hidden::kLowContrast:
        page_.numbers["font_low_contrast"] = 1;
        hidden = true;
        break;
      case Hidden::kInvalidColour:
        page_.numbers["font_invalid_color"] = 1;
        hidden = true;
        break;
      case Hidden::kOther:
        hidden = true;
        break;
    }
  }
  CountObfuscation(text);
  Show(text, hidden);
}

void PageBuilder::AddLink(std::string_view type, std::string_view target) {
  const std::string link = CanonicalLink(target, page_.links_cut);
  if (link.empty()) return;
  for (const std::string_view scheme : {"data:", "mailto:", "file:", "cid:", "tel:"}) {
    if (BeginsWith(link, scheme)) {
      page_.links[link].types.emplace(type);
      return;
    }
  }
  const std::string resolved = ResolveReference(base_, link);
  if (!resolved.empty()) page_.links[resolved].types.emplace(type);
}

void PageBuilder::ReadBase(const std::string& target) {
  std::string base = CanonicalLink(target, page_.links_cut);
  AddLink("base", base);
  if (!BeginsWith(base, "http:") && !BeginsWith(base, "https:") && !BeginsWith(base, "ftp:"))
    return;
  // A file's name at the end goes, its folder stays.
  const size_t slash = base.rfind('/');
  const size_t dot = base.rfind('.');
  const size_t authority = base.find("://");
  if (dot != std::string::npos && slash != std::string::npos && dot > slash + 1 &&
      base.size() - dot >= 3 && base.size() - dot <= 5 &&
      (authority == std::string::npos || slash > authority + 2))
    base.resize(slash + 1);
  if (!base.ends_with('/')) base += '/';
  base_ = std::move(base);
}

void PageBuilder::ReadLinks(const Element& element, Attributes& attributes) {
  const std::string_view tag = element.name;
  const auto add = [&](std::string_view name) {
    if (const std::string* value = attributes.Find(name); value != nullptr) AddLink(tag, *value);
  };
  // "x/href" is read as href by browsers.
  for (auto& [name, value] : attributes.list) {
    const size_t slash = name.rfind('/');
    if (slash == std::string::npos || slash == 0 || !IsWord(name[slash - 1])) continue;
    if (name.substr(slash + 1) == "href" || name.substr(slash + 1) == "src")
      name = name.substr(slash + 1);
  }
  if ((element.traits & kBackground) != 0) {
    add("background");
  } else if ((element.traits & kReference) != 0) {
    for (auto& [name, value] : attributes.list) {
      if (name == "href") value = Replaced(std::move(value), "\xef\xbb\xbf", "");
    }
    add("href");
    add("data-saferedirecturl");
  } else if ((element.traits & kSource) != 0) {
    add("src");
  } else if (tag == "form") {
    add("action");
  } else if (tag == "base") {
    if (const std::string* href = attributes.Find("href"); href != nullptr) ReadBase(*href);
  } else if (tag == "meta") {
    const std::string* equivalent = attributes.Find("http-equiv");
    const std::string* content = attributes.Find("content");
    if (equivalent == nullptr || content == nullptr || !HasLetters(*equivalent, "refresh")) return;
    size_t at = FindLetters(*content, "url");
    if (at == std::string::npos) return;
    at = content->find('=', at);
    if (at == std::string::npos) return;
    const std::string_view rest = TrimLeft(std::string_view(*content).substr(at + 1));
    AddLink(tag, TrimRight(rest.substr(0, rest.find(';'))));
  }
}

void PageBuilder::Inspect(std::string_view tag, const Attributes& attributes) {
  if (tag == "a") {
    const std::string* href = attributes.Find("href");
    anchor_ = &page_.links[href == nullptr ? "" : CanonicalLink(*href, page_.links_cut)];
    anchor_->anchor_texts.emplace_back();
    anchor_->has_anchor = true;
    page_.anchors.emplace_back();
  } else if (tag == "font") {
    const std::string* face = attributes.Find("face");
    if (face != nullptr && !IsUsualFace(*face)) page_.numbers["font_face_bad"] = 1;
  } else if (tag == "img") {
    AddToAnchor("<img>\n");
    const std::string* width = attributes.Find("width");
    const std::string* height = attributes.Find("height");
    if (width != nullptr && height != nullptr)
      image_area_ += PixelsOf(*width, 8) * PixelsOf(*height, 6);
  } else if (tag == "form") {
    const std::string* action = attributes.Find("action");
    if (action != nullptr && HasLetters(*action, "mailto:"))
      page_.numbers["form_action_mailto"] = 1;
  } else if (tag == "object" || tag == "embed") {
    page_.numbers["embeds"] = 1;
  } else if (tag == "title") {
    page_.titles.emplace_back();
  } else if (tag == "meta") {
    InspectMeta(attributes);
  }
}

void PageBuilder::InspectMeta(const Attributes& attributes) {
  const std::string* equivalent = attributes.Find("http-equiv");
  const std::string* content = attributes.Find("content");
  if (equivalent == nullptr || content == nullptr || !HasLetters(*equivalent, "content-type"))
    return;
  if (size_t at = FindLetters(*content, "charset="); at != std::string::npos) {
    std::string_view name = TrimLeft(std::string_view(*content).substr(at + 8));
    if (!name.empty() && (name[0] == '"' || name[0] == '\'')) name.remove_prefix(1);
    name = name.substr(0, name.find_first_of("\"'"));
    page_.charsets = page_.charsets ? *page_.charsets + " " + std::string(name) : std::string(name);
  }
}

void PageBuilder::Finish() {
  std::map<std::string, double>& numbers = page_.numbers;
  numbers["html"] = 1;
  numbers["image_area"] = image_area_;
  numbers["max_size"] = styles_.largest();
  numbers["min_size"] = styles_.smallest();
  if (tags_ > 0) {
    numbers["closed_extra_ratio"] = closed_extra_ / tags_;
    if (elements_ > 0) numbers["bad_tag_ratio"] = (tags_ - elements_) / tags_;
    if (obfuscation_ > 0) numbers["obfuscation_ratio"] = obfuscation_ / tags_;
  }
  if (elements_seen_ > 0 && tags_seen_ > 0)
    numbers["non_element_ratio"] = (tags_seen_ - elements_seen_) / tags_seen_;
  if (backhair_.any()) numbers["backhair_count"] = static_cast<double>(backhair_.count());
  for (size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i].seen) page_.inside.emplace(kElements[i].name, counts_[i].open);
  }
}

// `<br/>` reads as `<br>`; blanks and quotes that are written oddly are made plain.
std::string Prepared(std::string_view html) {
  const std::string text = Replaced(std::string(html), "&nbsp;", " ");
  std::string out;
  out.reserve(text.size());
  size_t from = 0;
  for (size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) {
    size_t end = at + 1;
    while (end < text.size() && IsWord(text[end])) ++end;
    size_t close = end;
    while (close < text.size() && IsBlank(text[close])) ++close;
    if (end == at + 1 || std::string_view(text).substr(close, 2) != "/>") continue;
    out.append(text, from, end - from);
    from = close + 1;
  }
  out.append(text, from);
  out = Replaced(std::move(out), "\xe2\x80\x9c", "\"");
  return Replaced(std::move(out), "\xe2\x80\x9d", "\"");
}

}  // namespace

HtmlPage ReadHtmlPage(const DecodedText& html, size_t encoded_bytes) {
  HtmlPage page;
  page.text.wide = html.wide;
  PageBuilder builder(page);
  page.numbers["length"] = static_cast<double>(CountCharacters(html.utf8));
  ReadTokens(Prepared(html.utf8), builder, page.text.wide);
  builder.Finish();
  const double characters = static_cast<double>(CountCharacters(page.text.utf8));
  page.numbers["html_length"] = characters;
  page.numbers["non_space_len"] =
      characters - static_cast<double>(CountSpaces(page.text.utf8, page.text.wide));
  if (encoded_bytes > 0) {
    const auto total = static_cast<double>(encoded_bytes);
    page.numbers["ratio"] = (total - characters) / total;
  }
  return page;
}

}  // namespace cleanmail::scanner::spam
