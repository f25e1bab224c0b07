#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace cleanmail::dns {

// Record types this project asks for (RFC 1035 §3.2.2, RFC 3596).
enum class Type : uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kPtr = 12,
  kMx = 15,
  kTxt = 16,
  kAaaa = 28,
  kTlsa = 52
};

struct Question {
  std::string name;  // A-labels, without the final dot
  Type type = Type::kA;
  friend bool operator==(const Question&, const Question&) = default;
};

struct MxRecord {
  uint16_t preference = 0;
  std::string exchange;  // lower case, without the final dot; empty is "." (RFC 7505 null MX)
};

// What a name has. Only the field of the type asked for is filled.
struct Answer {
  std::vector<std::string> addresses = {};  // A, AAAA: text form
  std::vector<MxRecord> mx = {};            // by preference
  std::vector<std::string> texts =
      {};  // TXT: strings of one record joined; TLSA: `usage selector matching hex`
  std::vector<std::string> names = {};  // PTR, CNAME, NS
  absl::Duration ttl = {};
  bool secure = false;  // DNSSEC validated
};

// Answers DNS questions. Thread-safe. Calls back exactly once, by the deadline at the latest,
// perhaps before Lookup returns, on any thread. NotFound: the name or type does not exist.
// Unavailable: no server answered; asking again may help.
class Resolver {
 public:
  virtual ~Resolver() = default;
  virtual void Lookup(const Question& question, absl::Time deadline,
                      absl::AnyInvocable<void(absl::StatusOr<Answer>) &&> done) = 0;
};

}  // namespace cleanmail::dns
