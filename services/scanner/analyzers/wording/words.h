#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace cleanmail::scanner {

inline constexpr size_t kSubjects = 17;

// What words are about; a word may be about several things.
enum Subject : unsigned {
  kAccount = 1U << 0U,   // what one signs in to
  kThreat = 1U << 1U,    // it is, or will be, gone or in danger
  kAct = 1U << 2U,       // what the reader shall do
  kPrize = 1U << 3U,     // he has won, was chosen, is rewarded
  kClaim = 1U << 4U,     // he shall fetch it
  kFortune = 1U << 5U,   // a lot of money
  kHeir = 1U << 6U,      // somebody died, gives, looks for a partner
  kCoins = 1U << 7U,     // money that leaves no trace
  kSpying = 1U << 8U,    // what he has been seen at
  kGoods = 1U << 9U,     // what is sold by spam
  kBargain = 1U << 10U,  // how it is sold
  kParcel = 1U << 11U,   // a delivery
  kPayment = 1U << 12U,  // something to be paid
  kCopyright = 1U << 13U,
  kDating = 1U << 14U,
  kMeeting = 1U << 15U,    // how that is offered
  kAuthority = 1U << 16U,  // courts, tax offices, police
};

// The words of a text as they are compared: small ASCII letters and digits, accents and other
// forms of letters folded; a copyright sign is the word "copyright". Letters of other alphabets
// part words.
class FoldedText {
 public:
  // At most `most` words.
  explicit FoldedText(std::string_view utf8, size_t most = 4000);
  FoldedText(FoldedText&&) = default;
  FoldedText& operator=(FoldedText&&) = default;

  // They live as long as this does.
  const std::vector<std::string_view>& words() const { return words_; }

 private:
  std::vector<char> letters_;  // a vector's, which stay where they are when it is moved
  std::vector<std::string_view> words_;
};

// Subjects of a folded word, in seven languages; 0: it says nothing.
unsigned SubjectsOf(std::string_view word);

}  // namespace cleanmail::scanner
