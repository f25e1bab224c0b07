#include "libs/mail/address/public_suffix.h"

#include <cstdio>

#include <libpsl.h>

namespace cleanmail::mail::address {

// libpsl knows its own list and leaves that alone.
void PublicSuffixes::Freer::operator()(const psl_ctx_st* list) const {
  psl_free(const_cast<psl_ctx_st*>(list));
}

const PublicSuffixes& PublicSuffixes::Builtin() {
  static const PublicSuffixes list(psl_builtin());
  return list;
}

absl::StatusOr<PublicSuffixes> PublicSuffixes::Parse(std::string_view list) {
  std::string copy(list);  // a stream over memory wants it writable
  std::FILE* const stream = copy.empty() ? nullptr : fmemopen(copy.data(), copy.size(), "r");
  PublicSuffixes parsed(stream == nullptr ? nullptr : psl_load_fp(stream));
  if (stream != nullptr) std::fclose(stream);
  if (parsed.list_ == nullptr || psl_suffix_count(parsed.list_.get()) <= 0)
    return absl::InvalidArgumentError("not a public suffix list");
  return parsed;
}

std::string PublicSuffixes::RegistrableDomain(std::string_view domain) const {
  if (domain.empty() || domain.starts_with('.') || list_ == nullptr) return "";
  const std::string name(domain);
  const char* const found = psl_registrable_domain(list_.get(), name.c_str());
  return found == nullptr ? "" : found;
}

}  // namespace cleanmail::mail::address
