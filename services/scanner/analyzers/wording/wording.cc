#include "services/scanner/analyzers/wording/wording.h"

#include <algorithm>
#include <array>
#include <set>

#include "libs/base/cat.h"
#include "libs/mail/mime/encoded_word.h"
#include "libs/mail/mime/normalize.h"
#include "services/scanner/analyzers/wording/words.h"
#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner {
namespace {

constexpr size_t kTextLookedAt = 32 << 10;  // bytes of each text
constexpr size_t kMostTexts = 6;
constexpr size_t kHardlyAny = 25;  // words
constexpr size_t kOddEnough = 3;   // letters in other forms

// Subjects that say something when words of all of them stand close together.
struct Talk {
  FindingId id;
  std::array<unsigned, 3> subjects;  // 0: fewer
  size_t window;                     // words
  bool link;                         // only in a message that leads somewhere
};
constexpr std::array kTalks = {
    Talk{FindingId::kWordsAccount, {kAccount, kThreat, kAct}, 40, true},
    Talk{FindingId::kWordsPrize, {kPrize, kClaim, 0}, 20, true},
    Talk{FindingId::kWordsFortune, {kFortune, kHeir, 0}, 25, false},
    Talk{FindingId::kWordsBlackmail, {kCoins, kSpying, 0}, 150, false},
    Talk{FindingId::kWordsGoods, {kGoods, kBargain, 0}, 12, true},
    Talk{FindingId::kWordsParcel, {kParcel, kPayment, 0}, 30, true},
    Talk{FindingId::kWordsDating, {kDating, kMeeting, 0}, 8, true},
    Talk{FindingId::kWordsAuthority, {kAuthority, kPayment | kThreat, kAct}, 40, true},
    Talk{FindingId::kWordsCoins,
         {kCoins, kPrize | kClaim | kAct, kAccount | kClaim | kFortune},
         30,
         true},
};

// Where a word of each subject stood last, counted from 1.
using Places = std::array<size_t, kSubjects>;

size_t LastOf(unsigned subjects, const Places& last) {
  size_t at = 0;
  for (size_t bit = 0; bit < last.size(); ++bit) {
    if ((subjects >> bit & 1U) != 0) at = std::max(at, last[bit]);
  }
  return at;
}

class Look {
 public:
  Look(const ParsedMessage& message, std::string_view analyzer)
      : message_(message), analyzer_(analyzer) {}

  Findings Run() && {
    Headers();
    for (const ParsedPage& page : message_.pages()) {
      links_ += static_cast<size_t>(
          std::ranges::count_if(page.page.links, [](const mail::html::Link& link) {
            return link.what == mail::html::Link::What::kAnchor ||
                   link.what == mail::html::Link::What::kArea;
          }));
      images_ += page.page.images;
      texts_.push_back(page.page.visible_text);
    }
    for (const mail::mime::Content& one : message_.contents.list) {
      if (one.type != "text/plain" || texts_.size() >= kMostTexts) continue;
      const std::string_view text = std::string_view(one.bytes).substr(0, kTextLookedAt);
      if (text.find("://") != text.npos || text.find("www.") != text.npos) ++links_;
      texts_.push_back(text);
    }
    size_t words = 0;
    for (const std::string_view text : texts_) words += Text(text.substr(0, kTextLookedAt));
    if (images_ > 0 && links_ > 0 && words < kHardlyAny)
      Once(FindingId::kHardlyAnyText, base::Cat(words, " words, ", images_, " pictures"));
    return std::move(findings_);
  }

 private:
  void Once(FindingId id, std::string_view evidence) {
    if (said_.insert(id).second) findings_.push_back(MakeFinding(id, evidence, analyzer_));
  }

  void Headers() {
    for (const std::string_view name : {"From", "Subject"}) {
      const mail::mime::Field* field = message_.header.Find(name);
      if (field == nullptr) continue;
      const std::string text = mail::mime::DecodeWords(field->value());
      // Mailings have a number in the address for every copy.
      const std::string_view written = text;
      OddWords(name == "Subject" ? written : written.substr(0, text.rfind('<')));
      if (mail::mime::Normalize(text).folded >= kOddEnough) Once(FindingId::kOddLetters, text);
      if (name == "Subject") subject_ = FoldedText(text);
    }
  }

  // Words with letters of two alphabets, and tokens that are different in every copy.
  void OddWords(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
      const size_t end =
          std::min(text.find_first_of(" \t\r\n\"'<>()[],:;!?.@|-_", at), text.size());
      const std::string_view word = text.substr(at, end - at);
      if (mail::mime::MixesScripts(word)) Once(FindingId::kMixedLetters, text);
      if (IsRandom(word)) Once(FindingId::kRandomToken, word);
      at = end + 1;
    }
  }

  // "8dSHbu0oHKXsxJE", "955231708914": nobody writes so to a person.
  static bool IsRandom(std::string_view word) {
    if (word.size() < 9 || word.size() > 40) return false;
    size_t digits = 0;
    size_t changes = 0;  // between kinds of characters
    int before = -1;
    for (const char c : word) {
      const int kind = c >= '0' && c <= '9'   ? 0
                       : c >= 'a' && c <= 'z' ? 1
                       : c >= 'A' && c <= 'Z' ? 2
                                              : 3;
      if (kind == 3) return false;
      digits += kind == 0 ? 1 : 0;
      if (before >= 0 && kind != before) ++changes;
      before = kind;
    }
    return digits >= 9 || (changes >= 5 && digits > 0);
  }

  // How many words it has.
  size_t Text(std::string_view text) {
    const FoldedText folded(text);
    std::vector<std::string_view> words = subject_.words();
    words.insert(words.end(), folded.words().begin(), folded.words().end());
    Places last{};
    for (size_t i = 0; i < words.size(); ++i) {
      const unsigned subjects = SubjectsOf(words[i]);
      if (subjects == 0) continue;
      for (size_t bit = 0; bit < last.size(); ++bit) {
        if ((subjects >> bit & 1U) != 0) last[bit] = i + 1;
      }
      for (const Talk& talk : kTalks) Judge(talk, subjects, last, words, i);
    }
    return folded.words().size();
  }

  void Judge(const Talk& talk, unsigned subjects, const Places& last,
             const std::vector<std::string_view>& words, size_t now) {
    if ((talk.link && links_ == 0) || said_.count(talk.id) != 0) return;
    if ((subjects & (talk.subjects[0] | talk.subjects[1] | talk.subjects[2])) == 0) return;
    std::set<size_t> places;
    for (const unsigned subject : talk.subjects) {
      if (subject == 0) continue;
      const size_t at = LastOf(subject, last);
      // One word cannot be about all of it.
      if (at == 0 || now + 1 - at > talk.window || !places.insert(at).second) return;
    }
    std::string evidence;
    for (const size_t at : places)
      evidence += base::Cat(evidence.empty() ? "" : " … ", words[at - 1]);
    Once(talk.id, evidence);
  }

  const ParsedMessage& message_;
  const std::string_view analyzer_;
  Findings findings_;
  std::set<FindingId> said_;
  FoldedText subject_ = FoldedText("");
  std::vector<std::string_view> texts_;
  size_t links_ = 0;
  size_t images_ = 0;
};

}  // namespace

absl::StatusOr<Findings> Wording::Analyze(const ParsedMessage& message) {
  return Look(message, name()).Run();
}

}  // namespace cleanmail::scanner
