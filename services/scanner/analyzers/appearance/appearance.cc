#include "services/scanner/analyzers/appearance/appearance.h"

#include <algorithm>
#include <array>
#include <set>

#include "libs/base/cat.h"
#include "libs/mail/address/public_suffix.h"
#include "libs/mail/auth/dmarc/author.h"
#include "libs/mail/mime/encoded_word.h"
#include "services/scanner/analyzers/appearance/signs.h"
#include "services/scanner/analyzers/links/target.h"
#include "services/scanner/analyzers/wording/words.h"
#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner {
namespace {

constexpr size_t kLongestField = 500;
constexpr size_t kTextLookedAt = 16 << 10;
constexpr size_t kBeginning = 400;  // bytes a greeting stands in
constexpr size_t kMostTexts = 4;
constexpr size_t kMostLinks = 100;
constexpr size_t kMuchHidden = 300;  // bytes: more than the preview a newsletter hides

// Top-level domains that are cheap, and hardly used for anything that lasts.
constexpr std::array<std::string_view, 38> kOddEndings = {
    "top",    "xyz",    "click", "icu",     "buzz", "monster", "rest",  "cyou", "cfd",  "sbs",
    "quest",  "bond",   "autos", "beauty",  "hair", "skin",    "boats", "lol",  "pics", "fun",
    "space",  "online", "site",  "website", "live", "club",    "work",  "loan", "win",  "bid",
    "stream", "gq",     "tk",    "ml",      "cf",   "ga",      "shop",  "vip"};

class Look {
 public:
  Look(const ParsedMessage& message, std::string_view analyzer)
      : message_(message), analyzer_(analyzer) {}

  Findings Run() && {
    Subject();
    Sender();
    size_t texts = 0;
    for (const ParsedPage& page : message_.pages()) {
      if (page.page.hidden_text.size() >= kMuchHidden)
        Once(FindingId::kHiddenText, std::string_view(page.page.hidden_text).substr(0, 100));
      for (const mail::html::Link& link : page.page.links) {
        if (link.what == mail::html::Link::What::kAnchor) LinkTo(link.target);
      }
      if (texts++ < kMostTexts) Text(page.page.visible_text);
    }
    for (const mail::mime::Content& one : message_.contents.list) {
      if (one.attachment && IsPage(one)) Once(FindingId::kPageAttached, one.name);
      if (one.type == "text/plain" && texts++ < kMostTexts) Text(one.bytes);
    }
    if (links_ > 0 && own_links_ == 0 && !authors_.empty())
      Once(FindingId::kLinksElsewhere, base::Cat(links_, " links, none to ", authors_[0]));
    return std::move(findings_);
  }

 private:
  void Once(FindingId id, std::string_view evidence) {
    if (said_.insert(id).second) findings_.push_back(MakeFinding(id, evidence, analyzer_));
  }

  static std::string Registrable(const std::string& host) {
    std::string found = mail::address::PublicSuffixes::Builtin().RegistrableDomain(host);
    return found.empty() ? host : found;
  }

  static bool IsPage(const mail::mime::Content& file) {
    const std::string_view name = file.name;
    return file.type == "text/html" || file.type == "application/xhtml+xml" ||
           name.ends_with(".html") || name.ends_with(".htm") || name.ends_with(".shtml");
  }

  void Subject() {
    const mail::mime::Field* const field = message_.header.Find("Subject");
    if (field == nullptr) return;
    const std::string raw = field->value().substr(0, kLongestField);
    if (HasRawBytes(raw)) Once(FindingId::kHeaderRawBytes, raw);
    const std::string text = mail::mime::DecodeWords(raw);
    if (Shouts(text)) Once(FindingId::kSubjectShouts, text);
    if (HasPictures(text)) Once(FindingId::kSubjectPictures, text);
    if (IsPadded(text)) Once(FindingId::kSubjectPadded, text);
  }

  void Sender() {
    const mail::mime::Field* const field = message_.header.Find("From");
    if (field == nullptr) return;
    const std::string raw = field->value().substr(0, kLongestField);
    if (HasRawBytes(raw)) Once(FindingId::kHeaderRawBytes, raw);
    bool has_address = false;
    for (const std::string& domain : mail::auth::dmarc::ReadAuthor(message_.header).domains) {
      authors_.push_back(Registrable(domain));
      has_address = has_address || domain.find('.') != domain.npos;
    }
    if (!has_address) Once(FindingId::kFromNoAddress, raw);
    const size_t at = raw.rfind('@');
    if (at == raw.npos) return;
    const size_t begin = raw.find_last_of(" <\"\t,:;", at);
    const std::string_view name = std::string_view(raw).substr(begin == raw.npos ? 0 : begin + 1);
    if (IsRandomName(name.substr(0, name.find('@')))) Once(FindingId::kAddressRandom, name);
  }

  void LinkTo(const std::string& link) {
    if (links_ >= kMostLinks) return;
    const auto target = ReadTarget(link);
    if (!target || target->host.empty() || target->is_address) return;
    ++links_;
    if (!hosts_.insert(target->host).second) return;
    const std::string registrable = Registrable(target->host);
    if (std::ranges::find(authors_, registrable) != authors_.end()) ++own_links_;
    const std::string_view ending =
        std::string_view(target->host).substr(target->host.rfind('.') + 1);
    if (std::ranges::find(kOddEndings, ending) != kOddEndings.end())
      Once(FindingId::kLinkOddEnding, target->host);
  }

  void Text(std::string_view text) {
    text = text.substr(0, kTextLookedAt);
    const FoldedText beginning(text.substr(0, kBeginning));
    if (GreetsNobody(beginning.words())) Once(FindingId::kGreetsNobody, text.substr(0, 60));
    if (const auto sum = LargeSum(text); sum.has_value()) Once(FindingId::kLargeSum, *sum);
  }

  const ParsedMessage& message_;
  const std::string_view analyzer_;
  Findings findings_;
  std::set<FindingId> said_;
  std::set<std::string> hosts_;
  std::vector<std::string> authors_;  // registrable domains in From
  size_t links_ = 0;
  size_t own_links_ = 0;  // of these, to hosts of the sender's
};

}  // namespace

absl::StatusOr<Findings> Appearance::Analyze(const ParsedMessage& message) {
  return Look(message, name()).Run();
}

}  // namespace cleanmail::scanner
