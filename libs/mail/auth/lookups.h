#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/dns/resolver.h"

namespace cleanmail::mail::auth {

// Distinct questions one message may cost. SPF alone may need some hundred in the worst record that
// RFC 7208 §4.6.4 allows; honest mail needs about ten.
inline constexpr size_t kQuestionsPerMessage = 200;

// What the DNS said about one message so far, and what is still to be asked: the only thing the
// machines of this folder know of the DNS. A machine is a plain function that is called again when
// answers came: it looks names up here, and returns "not yet" when one is missing. So questions are
// never asked twice for one message, whichever machine needs them, and one budget holds for all.
//
//   while (!(result = Machine(input, lookups))) for (q : lookups.TakeWanted()) ask q, then Tell(q)
//
// Not thread-safe.
class Lookups {
 public:
  using Reply = absl::StatusOr<dns::Answer>;

  explicit Lookups(size_t budget = kQuestionsPerMessage) : budget_(budget) {}

  // What is known, or nullptr: then the question is among those wanted. NotFound: the name or type
  // does not exist, or the name cannot exist (a label of 64 bytes). ResourceExhausted: the budget
  // is spent, a temporary error to every machine. The pointer lives as long as this.
  const Reply* Find(std::string_view name, dns::Type type);

  // Questions wanted since the last call, each once; may be asked all at the same time.
  std::vector<dns::Question> TakeWanted();

  // The answer to a question taken. An answer that nobody asked for is kept too.
  void Tell(const dns::Question& question, Reply reply);

  // Distinct questions so far.
  size_t asked() const { return asked_; }

 private:
  using Key = std::pair<std::string, dns::Type>;

  const size_t budget_;
  size_t asked_ = 0;
  std::map<Key, Reply> known_;
  std::map<Key, bool> wanted_;  // whether it was taken
};

// Whether `name` can be asked for: labels of 1 to 63 bytes without backslashes, controls or bytes
// beyond ASCII, at most 253 bytes in all; a final dot is let through.
bool IsLookupName(std::string_view name);

// Whether an answer says "nothing there", as opposed to "could not be found out".
bool IsNothing(const Lookups::Reply& reply);

}  // namespace cleanmail::mail::auth
