#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

struct psl_ctx_st;

namespace cleanmail::mail::address {

// The public suffix list (publicsuffix.org): under which names others register. For links,
// look-alikes and reputation; DMARC finds organizations by itself (RFC 9989). Thread-safe.
class PublicSuffixes {
 public:
  // The list libpsl was built with; as old as that package.
  static const PublicSuffixes& Builtin();
  // A list in its own text form. InvalidArgument: no rules in it.
  static absl::StatusOr<PublicSuffixes> Parse(std::string_view list);

  // The part of `domain` (A-labels, lower case) that somebody registered: `a.example.co.uk` has
  // `example.co.uk`. Empty for a public suffix itself.
  std::string RegistrableDomain(std::string_view domain) const;

 private:
  struct Freer {
    void operator()(const psl_ctx_st* list) const;
  };
  explicit PublicSuffixes(const psl_ctx_st* list) : list_(list) {}
  std::unique_ptr<const psl_ctx_st, Freer> list_;
};

}  // namespace cleanmail::mail::address
