#include "libs/mail/auth/dkim/signed_text.h"

#include <algorithm>

#include "libs/mail/auth/text.h"

namespace cleanmail::mail::auth::dkim {

HeaderIndex::HeaderIndex(const mime::HeaderBlock& header) {
  for (const mime::Field& field : header.fields())
    if (!field.name.empty()) fields_[Lower(field.name)].push_back(&field);
}

const std::vector<const mime::Field*>& HeaderIndex::Named(std::string_view name) const {
  static const std::vector<const mime::Field*> kNone;
  const auto found = fields_.find(name);
  return found == fields_.end() ? kNone : found->second;
}

std::string HeaderIndex::Signed(Canonical form, std::span<const std::string> names) const {
  std::map<std::string_view, size_t> used;
  std::string text;
  for (const std::string& name : names) {
    const auto& fields = Named(name);
    size_t& taken = used[name];
    if (taken >= fields.size()) continue;
    ++taken;
    text += CanonicalField(form, fields[fields.size() - taken]->raw);
  }
  return text;
}

std::vector<std::string> HeaderIndex::UnsignedCopies(std::span<const std::string> names) const {
  std::vector<std::string> copies;
  for (const std::string_view single :
       {"from", "sender", "reply-to", "to", "cc", "message-id", "in-reply-to", "references",
        "subject", "date", "mime-version", "content-type", "content-transfer-encoding"}) {
    const size_t present = Named(single).size();
    const auto listed = static_cast<size_t>(std::count(names.begin(), names.end(), single));
    if (present > 1 && listed > 0 && listed < present) copies.emplace_back(single);
  }
  return copies;
}

}  // namespace cleanmail::mail::auth::dkim
