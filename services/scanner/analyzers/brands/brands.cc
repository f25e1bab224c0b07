#include "services/scanner/analyzers/brands/brands.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "libs/base/cat.h"
#include "libs/mail/address/public_suffix.h"
#include "libs/mail/auth/dmarc/author.h"
#include "libs/mail/mime/encoded_word.h"
#include "services/scanner/analyzers/brands/known_brands.h"
#include "services/scanner/analyzers/impersonation/names.h"
#include "services/scanner/analyzers/links/target.h"
#include "services/scanner/analyzers/wording/words.h"
#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner {
namespace {

constexpr size_t kLongestField = 500;
constexpr size_t kMostHosts = 200;
constexpr size_t kTextLookedAt = 32 << 10;
constexpr size_t kNoticeWords = 6;  // between a copyright sign and whose it is

// Words by their looks: "WaIIet" is "wallet".
FoldedText Looks(std::string_view text) { return FoldedText(LooksOf(text)); }

std::vector<std::string> Split(std::string_view words) {
  std::vector<std::string> list;
  for (size_t at = 0; at < words.size();) {
    const size_t end = std::min(words.find(' ', at), words.size());
    list.emplace_back(words.substr(at, end - at));
    at = end + 1;
  }
  return list;
}

struct KnownBrand {
  std::vector<std::string> words;
  std::set<std::string> labels;  // its own domains
  bool usual = false;
};

struct WordHash : std::hash<std::string_view> {
  using is_transparent = void;
};
using BrandTable =
    std::unordered_map<std::string, std::vector<KnownBrand>, WordHash, std::equal_to<>>;

// The brands by their first word.
const BrandTable& Known() {
  static const auto* const known = [] {
    auto* made = new BrandTable;
    for (const Brand& brand : kBrands) {
      const FoldedText looks = Looks(brand.words);
      KnownBrand one{.words = {looks.words().begin(), looks.words().end()},
                     .labels = {},
                     .usual = brand.usual};
      std::string joined;
      for (const std::string& word : Split(brand.words)) joined += word;
      one.labels.insert(joined);
      for (const std::string& label : Split(brand.labels)) one.labels.insert(label);
      (*made)[one.words[0]].push_back(std::move(one));
    }
    return made;
  }();
  return *known;
}

std::string Registrable(const std::string& host) {
  std::string found = mail::address::PublicSuffixes::Builtin().RegistrableDomain(host);
  return found.empty() ? host : found;
}

bool Owns(const KnownBrand& brand, const std::string& domain) {
  return brand.labels.count(domain.substr(0, domain.find('.'))) != 0 ||
         brand.labels.count(domain) != 0;
}

// A brand that stands in `words` at `at`.
const KnownBrand* BrandAt(const std::vector<std::string_view>& words, size_t at) {
  const auto found = Known().find(words[at]);
  if (found == Known().end()) return nullptr;
  for (const KnownBrand& brand : found->second) {
    if (words.size() - at >= brand.words.size() &&
        std::equal(brand.words.begin(), brand.words.end(),
                   words.begin() + static_cast<ptrdiff_t>(at)))
      return &brand;
  }
  return nullptr;
}

class Look {
 public:
  Look(const ParsedMessage& message, std::string_view analyzer)
      : message_(message), analyzer_(analyzer) {}

  Findings Run() && {
    const mail::mime::Field* const from = message_.header.Find("From");
    if (from == nullptr) return {};
    for (const std::string& domain : mail::auth::dmarc::ReadAuthor(message_.header).domains)
      authors_.push_back(Registrable(domain));
    if (authors_.empty()) return {};
    Sender(mail::mime::DecodeWords(from->value()).substr(0, kLongestField));
    for (const ParsedPage& page : message_.pages()) {
      for (const mail::html::Link& link : page.page.links) {
        if (link.what == mail::html::Link::What::kAnchor) LinkTo(link.target);
      }
      Notice(std::string_view(page.page.visible_text).substr(0, kTextLookedAt));
    }
    return std::move(findings_);
  }

 private:
  bool IsAuthor(const KnownBrand& brand) const {
    return std::ranges::any_of(authors_,
                               [&](const std::string& domain) { return Owns(brand, domain); });
  }

  void Once(FindingId id, std::string_view evidence) {
    if (said_.insert(id).second) findings_.push_back(MakeFinding(id, evidence, analyzer_));
  }

  // The name shown, and what stands before the at sign.
  void Sender(std::string_view from) {
    const size_t at = from.rfind('@');
    const FoldedText looks = Looks(from.substr(0, at));
    const std::vector<std::string_view>& words = looks.words();
    for (size_t i = 0; i < words.size(); ++i) {
      const KnownBrand* const brand = BrandAt(words, i);
      if (brand != nullptr && !IsAuthor(*brand)) Once(FindingId::kBrandAsSender, from);
    }
  }

  // "paypal-login.example": a brand's word in a host that is not its own.
  void LinkTo(const std::string& link) {
    if (hosts_.size() >= kMostHosts) return;
    const auto target = ReadTarget(link);
    if (!target || target->host.empty() || target->is_address) return;
    if (!hosts_.insert(target->host).second) return;
    const std::string registrable = Registrable(target->host);
    const FoldedText looks = Looks(target->host);
    const std::vector<std::string_view>& words = looks.words();
    for (size_t i = 0; i < words.size(); ++i) {
      const KnownBrand* const brand = BrandAt(words, i);
      if (brand != nullptr && !brand->usual && !Owns(*brand, registrable) && !IsAuthor(*brand))
        Once(FindingId::kBrandInLink, target->host);
    }
  }

  // "© 2024 PayPal": whose the text says it is.
  void Notice(std::string_view text) {
    const FoldedText folded(text);
    const std::vector<std::string_view>& words = folded.words();
    for (size_t i = 0; i < words.size(); ++i) {
      if (words[i] != "copyright") continue;
      std::string near;
      for (size_t at = i + 1; at < std::min(words.size(), i + 1 + kNoticeWords); ++at)
        near += base::Cat(words[at], " ");
      const FoldedText looks = Looks(near);
      const std::vector<std::string_view>& owner = looks.words();
      for (size_t at = 0; at < owner.size(); ++at) {
        const KnownBrand* const brand = BrandAt(owner, at);
        if (brand != nullptr && !IsAuthor(*brand))
          Once(FindingId::kBrandNotice, base::Cat("© ", near, "from ", authors_[0]));
      }
    }
  }

  const ParsedMessage& message_;
  const std::string_view analyzer_;
  Findings findings_;
  std::set<FindingId> said_;
  std::set<std::string> hosts_;
  std::vector<std::string> authors_;  // registrable domains in From
};

}  // namespace

absl::StatusOr<Findings> Brands::Analyze(const ParsedMessage& message) {
  return Look(message, name()).Run();
}

}  // namespace cleanmail::scanner
