#include "libs/mail/auth/fake_zone.h"

#include "libs/mail/auth/text.h"

namespace cleanmail::mail::auth {

dns::Answer& FakeZone::At(std::string_view name, dns::Type type) {
  return records_[{Lower(name), type}];
}

FakeZone& FakeZone::Text(std::string_view name, std::string_view text) {
  At(name, dns::Type::kTxt).texts.emplace_back(text);
  return *this;
}

FakeZone& FakeZone::Address(std::string_view name, std::string_view address) {
  const bool v6 = address.find(':') != address.npos;
  At(name, v6 ? dns::Type::kAaaa : dns::Type::kA).addresses.emplace_back(address);
  return *this;
}

FakeZone& FakeZone::Mx(std::string_view name, uint16_t preference, std::string_view exchange) {
  At(name, dns::Type::kMx).mx.push_back({preference, Lower(exchange)});
  return *this;
}

FakeZone& FakeZone::Pointer(std::string_view name, std::string_view target) {
  At(name, dns::Type::kPtr).names.emplace_back(target);
  return *this;
}

FakeZone& FakeZone::Alias(std::string_view name, std::string_view target) {
  aliases_.insert_or_assign(Lower(name), Lower(target));
  return *this;
}

FakeZone& FakeZone::Trouble(std::string_view name) {
  trouble_.insert(Lower(name));
  return *this;
}

Lookups::Reply FakeZone::Ask(const dns::Question& question) const {
  std::string name = Lower(question.name);
  for (int hops = 0; hops < 8; ++hops) {
    if (const auto found = records_.find({name, question.type}); found != records_.end())
      return found->second;
    if (trouble_.contains(name)) return absl::UnavailableError("no server answered");
    const auto alias = aliases_.find(name);
    if (alias == aliases_.end()) return absl::NotFoundError("no such record");
    name = alias->second;
  }
  return absl::UnavailableError("a loop of aliases");
}

}  // namespace cleanmail::mail::auth
