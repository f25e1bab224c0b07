#include "libs/mail/html/page.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "libs/base/cat.h"
#include "libs/mail/html/style.h"

namespace cleanmail::mail::html {
namespace {

constexpr std::array<std::string_view, 33> kBlocks = {
    "address", "article",  "aside",  "blockquote", "body",   "center", "dd", "div", "dl",
    "dt",      "fieldset", "footer", "form",       "h1",     "h2",     "h3", "h4",  "h5",
    "h6",      "header",   "hr",     "li",         "main",   "nav",    "ol", "p",   "pre",
    "section", "table",    "tr",     "ul",         "option", "title"};

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f'; }

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return lower;
}

// Text as it is put together: white space joined, lines where blocks end. Bounded.
class Flow {
 public:
  explicit Flow(size_t limit) : limit_(limit) {}

  void Add(std::string_view text) {
    for (size_t i = 0; i < text.size(); ++i) {
      const bool hard = text.substr(i).starts_with("\xc2\xa0");
      if (IsSpace(text[i]) || hard) {
        space_ = true;
        i += hard ? 1 : 0;
        continue;
      }
      if (space_ && !text_.empty() && text_.back() != '\n') text_ += ' ';
      space_ = false;
      if (text_.size() >= limit_) {
        truncated_ = true;
        return;
      }
      text_ += text[i];
    }
  }
  void Space() { space_ = true; }
  void Line() {
    space_ = false;
    if (!text_.empty() && text_.back() != '\n') text_ += '\n';
  }

  bool truncated() const { return truncated_; }
  const std::string& text() const { return text_; }
  // Without the last line end.
  std::string Take() && {
    if (text_.ends_with('\n')) text_.pop_back();
    return std::move(text_);
  }

 private:
  const size_t limit_;
  std::string text_;
  bool space_ = false;
  bool truncated_ = false;
};

class Reader final : public Visitor {
 public:
  explicit Reader(const PageLimits& limits)
      : limits_(limits), visible_(limits.texts), hidden_(limits.texts) {}

  Page Finish(const WalkOutcome& outcome) && {
    page_.visible_text = std::move(visible_).Take();
    page_.hidden_text = std::move(hidden_).Take();
    page_.truncated = page_.truncated || visible_.truncated() || hidden_.truncated();
    page_.flat = outcome.flat;
    page_.elements = outcome.elements;
    for (Link& link : page_.links) link.target = ResolveLink(link.written, page_.base);
    for (Form& form : page_.forms) form.action = ResolveLink(form.action, page_.base);
    return std::move(page_);
  }

  void OnOpen(std::string_view tag, std::span<const Attribute> attributes) override {
    Place place{.look = places_.empty() ? Look() : places_.back().look};
    place.look = place.look.Within(DeclaredOf(tag, attributes, sheet_));
    if (IsBlock(tag) || tag == "br") Break(place.look);
    if (tag == "td" || tag == "th") Current(place.look).Space();
    places_.push_back(place);
    ReadAttributes(tag, attributes);
    ReadLinks(tag, attributes);
    ReadForms(tag, attributes);
    if (tag == "style") style_ = true;
    if (tag == "script") {
      script_ = true;
      ++page_.scripts;
    }
    if (tag == "title" && page_.title.empty()) title_ = true;
    if (tag == "template" || tag == "noscript" || tag == "noembed") unseen_ += 1;
  }

  void OnClose(std::string_view tag) override {
    if (tag == "style") style_ = false;
    if (tag == "script") {
      script_ = false;
      if (!page_.script.empty() && page_.script.back() != '\n') page_.script += '\n';
    }
    if (tag == "title") title_ = false;
    if (tag == "template" || tag == "noscript" || tag == "noembed") unseen_ -= 1;
    if (tag == "a") anchor_ = kNoLink;
    if (!places_.empty()) {
      if (IsBlock(tag)) Break(places_.back().look);
      if (tag == "td" || tag == "th") Current(places_.back().look).Space();
      places_.pop_back();
    }
  }

  void OnText(std::string_view text) override {
    if (script_) return AddBounded(text, page_.script);
    if (style_) {
      sheet_.Add(text);
      AddUrls(text);
      return;
    }
    if (title_) return AddBounded(text, page_.title);
    ShowText(text);
  }

  void OnComment(std::string_view text) override {
    AddBounded(text, page_.comment);
    AddBounded("\n", page_.comment);
  }

 private:
  static constexpr size_t kNoLink = static_cast<size_t>(-1);
  struct Place {
    Look look;
  };

  static bool IsBlock(std::string_view tag) {
    return std::ranges::find(kBlocks, tag) != kBlocks.end();
  }

  bool Hidden(const Look& look) const { return unseen_ > 0 || look.hidden(); }
  Flow& Current(const Look& look) { return Hidden(look) ? hidden_ : visible_; }

  void Break(const Look& look) {
    Current(look).Line();
    if (anchor_ != kNoLink) link_space_ = true;
  }

  void AddBounded(std::string_view text, std::string& to) {
    if (to.size() + text.size() > limits_.texts) {
      page_.truncated = true;
      text = text.substr(0, limits_.texts - std::min(to.size(), limits_.texts));
    }
    to += text;
  }

  void ShowText(std::string_view text) {
    const Look look = places_.empty() ? Look() : places_.back().look;
    Current(look).Add(text);
    if (anchor_ == kNoLink) return;
    std::string& shown = page_.links[anchor_].text;
    for (const char c : text) {
      if (shown.size() > 2000) return;
      if (IsSpace(c)) {
        link_space_ = true;
        continue;
      }
      if (link_space_ && !shown.empty()) shown += ' ';
      link_space_ = false;
      shown += c;
    }
  }

  size_t AddLink(Link::What what, std::string_view written, std::string_view text = {}) {
    if (written.find_first_not_of(" \t\r\n\f") == std::string_view::npos) return kNoLink;
    if (page_.links.size() >= limits_.links) {
      page_.truncated = true;
      return kNoLink;
    }
    const std::string_view trimmed = written.substr(written.find_first_not_of(" \t\r\n\f"));
    const bool data = absl::StartsWithIgnoreCase(base::AbslView(trimmed), base::AbslView("data:"));
    if (data) ++page_.data_uris;
    page_.links.push_back({.what = what,
                           .target = {},
                           .written = std::string(written),
                           .text = std::string(text),
                           .hidden = !places_.empty() && Hidden(places_.back().look)});
    return page_.links.size() - 1;
  }

  void AddUrls(std::string_view css) {
    for (const std::string& url : UrlsOf(css)) AddLink(Link::What::kCss, url);
  }

  static std::string_view Value(std::span<const Attribute> attributes, std::string_view name) {
    const auto found = std::ranges::find(attributes, name, &Attribute::name);
    return found == attributes.end() ? std::string_view() : found->value;
  }

  void ReadAttributes(std::string_view tag, std::span<const Attribute> attributes) {
    for (const Attribute& attribute : attributes) {
      if (attribute.name == "style" && attribute.value.find('(') != std::string_view::npos)
        AddUrls(attribute.value);
      if (attribute.name == "background") AddLink(Link::What::kImage, attribute.value);
      if (attribute.name.starts_with("on") && attribute.name.size() > 4) {
        ++page_.event_handlers;
        AddBounded(attribute.value, page_.script);
        AddBounded("\n", page_.script);
      }
    }
    if (tag == "img") ReadImage(attributes);
  }

  void ReadImage(std::span<const Attribute> attributes) {
    ++page_.images;
    const std::string_view source = Value(attributes, "src");
    const std::string start = Lower(source.substr(0, 6));
    if (start.starts_with("http") || start.starts_with("//")) ++page_.remote_images;
    AddLink(Link::What::kImage, source, Value(attributes, "alt"));
    std::string_view set = Value(attributes, "srcset");
    while (!set.empty()) {
      const size_t comma = std::min(set.find(", "), set.size());
      std::string_view one = set.substr(0, comma);
      while (!one.empty() && IsSpace(one.front())) one.remove_prefix(1);
      AddLink(Link::What::kImage, one.substr(0, one.find_first_of(" \t\r\n")));
      set.remove_prefix(std::min(comma + 1, set.size()));
    }
    if (const std::string_view alt = Value(attributes, "alt"); !alt.empty()) {
      ShowText(" ");
      ShowText(alt);
      ShowText(" ");
    }
  }

  void ReadLinks(std::string_view tag, std::span<const Attribute> attributes) {
    if (tag == "a") {
      anchor_ = AddLink(Link::What::kAnchor, Value(attributes, "href"));
      link_space_ = false;
    } else if (tag == "area") {
      AddLink(Link::What::kArea, Value(attributes, "href"), Value(attributes, "alt"));
    } else if (tag == "base" && page_.base.empty()) {
      page_.base = ResolveLink(Value(attributes, "href"), "");
    } else if (tag == "link") {
      AddLink(Link::What::kCss, Value(attributes, "href"));
    } else if (tag == "script") {
      AddLink(Link::What::kScript, Value(attributes, "src"));
    } else if (tag == "iframe" || tag == "frame" || tag == "embed" || tag == "object") {
      ++page_.frames;
      AddLink(Link::What::kFrame, Value(attributes, tag == "object" ? "data" : "src"));
      if (!Value(attributes, "srcdoc").empty())
        AddBounded(Value(attributes, "srcdoc"), page_.comment);
    } else if (tag == "meta" && Lower(Value(attributes, "http-equiv")) == "refresh") {
      const std::string_view content = Value(attributes, "content");
      const size_t url = Lower(content).find("url=");
      if (url != std::string::npos) {
        std::string_view target = content.substr(url + 4);
        if (target.starts_with('\'') || target.starts_with('"')) target.remove_prefix(1);
        if (target.ends_with('\'') || target.ends_with('"')) target.remove_suffix(1);
        AddLink(Link::What::kRefresh, target);
      }
    } else if (tag == "source" || tag == "video" || tag == "audio" || tag == "image") {
      AddLink(Link::What::kImage, Value(attributes, "src"));
      AddLink(Link::What::kImage, Value(attributes, "poster"));
      AddLink(Link::What::kImage, Value(attributes, "href"));
      AddLink(Link::What::kImage, Value(attributes, "xlink:href"));
    }
  }

  void ReadForms(std::string_view tag, std::span<const Attribute> attributes) {
    if (tag == "form") {
      AddLink(Link::What::kForm, Value(attributes, "action"));
      if (page_.forms.size() >= limits_.forms) {
        page_.truncated = true;
      } else {
        page_.forms.push_back({.action = std::string(Value(attributes, "action")),
                               .method = Lower(Value(attributes, "method")),
                               .inputs = {}});
      }
      return;
    }
    if (tag != "input" && tag != "select" && tag != "textarea" && tag != "button") return;
    AddLink(Link::What::kForm, Value(attributes, "formaction"));
    std::string type = tag == "input" ? Lower(Value(attributes, "type")) : std::string(tag);
    if (type.empty()) type = "text";
    if (type == "image") AddLink(Link::What::kImage, Value(attributes, "src"));
    if (type == "submit" || type == "button") {
      ShowText(" ");
      ShowText(Value(attributes, "value"));
      ShowText(" ");
    }
    // Fields may stand outside of any form: a script collects them.
    if (page_.forms.empty()) page_.forms.push_back({.action = {}, .method = {}, .inputs = {}});
    Form& form = page_.forms.back();
    form.password = form.password || type == "password";
    if (form.inputs.size() < 1000)
      form.inputs.push_back({std::move(type), std::string(Value(attributes, "name"))});
  }

  const PageLimits& limits_;
  Page page_;
  Flow visible_;
  Flow hidden_;
  StyleSheet sheet_;
  std::vector<Place> places_;
  size_t anchor_ = kNoLink;
  bool link_space_ = false;
  bool style_ = false;
  bool script_ = false;
  bool title_ = false;
  int unseen_ = 0;  // elements around whose content is never shown
};

bool IsControl(char c) { return static_cast<unsigned char>(c) <= 0x20; }

// Bytes of the scheme with its colon at the start of `link`; 0 without one.
size_t SchemeLength(std::string_view link) {
  for (size_t i = 0; i < link.size(); ++i) {
    const char c = link[i];
    if (c == ':') return i == 0 ? 0 : i + 1;
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool later = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    if (!letter && !(i > 0 && later)) return 0;
  }
  return 0;
}

}  // namespace

std::string ResolveLink(std::string_view link, std::string_view base) {
  while (!link.empty() && IsControl(link.front())) link.remove_prefix(1);
  while (!link.empty() && IsControl(link.back())) link.remove_suffix(1);
  std::string result;
  for (const char c : link) {
    if (c != '\t' && c != '\r' && c != '\n') result += c;
  }
  const size_t scheme = SchemeLength(result);
  const std::string name = Lower(std::string_view(result).substr(0, scheme));
  const bool web = name == "http:" || name == "https:" || (scheme == 0 && !result.empty());
  if (web)
    std::replace(result.begin(),
                 result.begin() + static_cast<std::ptrdiff_t>(
                                      std::min(result.find_first_of("?#"), result.size())),
                 '\\', '/');
  if (scheme > 0) {
    // "http:host", "http:/host", "http:///host": browsers make all of them "http://host".
    if (name != "http:" && name != "https:") return result;
    const size_t host = std::min(result.find_first_not_of('/', scheme), result.size());
    return base::Cat(result.substr(0, scheme), "//", result.substr(host));
  }
  if (result.starts_with("//")) {
    const size_t length = SchemeLength(base);
    return base::Cat(length > 0 ? base.substr(0, length) : "http:", result);
  }
  if (base.empty() || result.empty() || result.starts_with('#')) return result;
  const size_t host = base.find("//");
  const size_t path = host == std::string_view::npos ? host : base.find_first_of("/?#", host + 2);
  const std::string_view root = base.substr(0, path);
  if (result.starts_with('/')) return base::Cat(root, result);
  if (path == std::string_view::npos) return base::Cat(root, "/", result);
  const std::string_view full = base.substr(0, base.find_first_of("?#"));
  return base::Cat(full.substr(0, full.rfind('/') + 1), result);
}

Page ReadPage(std::string_view utf8_html, const PageLimits& limits) {
  Reader reader(limits);
  const WalkOutcome outcome = Walk(utf8_html, reader, limits.walk);
  return std::move(reader).Finish(outcome);
}

}  // namespace cleanmail::mail::html
