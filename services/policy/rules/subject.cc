#include "services/policy/rules/subject.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "services/policy/rules/pattern.h"

namespace cleanmail::policy {
namespace {

uint32_t Bit(mail::v1::FindingCategory category) {
  const auto number = static_cast<uint32_t>(category);
  return number < 32 ? uint32_t{1} << number : 0;
}

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

// The address of a From value: what stands in the last angle brackets, or all of it. Quoted text
// before it may hold anything; two addresses are none.
std::string AddressOf(std::string_view value) {
  bool quoted = false;
  std::string_view bracketed;
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\' && quoted) {
      ++i;
    } else if (value[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && value[i] == ',') {
      return {};
    } else if (!quoted && value[i] == '<') {
      const size_t end = value.find('>', i);
      if (end == std::string_view::npos || !bracketed.empty()) return {};
      bracketed = value.substr(i + 1, end - i - 1);
      i = end;
    }
  }
  const std::string_view address = Trim(bracketed.empty() ? value : bracketed);
  const bool plain = address.find_first_of(" \t\"<>(),") == std::string_view::npos;
  return plain && address.find('@') != std::string_view::npos ? std::string(address)
                                                              : std::string();
}

}  // namespace

bool IsWithin(std::string_view domain, std::string_view of) {
  if (!domain.ends_with(of) || of.empty()) return false;
  return domain.size() == of.size() || domain[domain.size() - of.size() - 1] == '.';
}

Subject::Subject(const SubjectParts& parts)
    : parts_(parts), sender_(Lower(parts.sender)), sender_domain_(DomainOf(sender_)) {
  if (parts_.findings == nullptr) return;
  findings_.reserve(static_cast<size_t>(parts_.findings->size()));
  for (const mail::v1::Finding& finding : *parts_.findings) {
    findings_.push_back(finding.name());
    categories_ |= Bit(finding.category());
  }
  std::ranges::sort(findings_);
}

const std::optional<net::IpAddress>& Subject::client() const {
  if (!client_.has_value()) {
    const absl::StatusOr<net::IpAddress> parsed = net::IpAddress::Parse(parts_.client_address);
    client_.emplace(parsed.ok() ? std::optional(*parsed) : std::nullopt);
  }
  return *client_;
}

const absl::TimeZone::CivilInfo& Subject::local_time() const {
  if (!local_time_.has_value()) {
    absl::TimeZone zone = absl::UTCTimeZone();
    if (!parts_.time_zone.empty()) absl::LoadTimeZone(base::AbslView(parts_.time_zone), &zone);
    local_time_ = zone.At(parts_.at);
  }
  return *local_time_;
}

bool Subject::HasFinding(std::string_view name) const { 
  return std::ranges::binary_search(findings_, name);
 }

bool Subject::HasCategory(mail::v1::FindingCategory category) const {
  return (categories_ & Bit(category)) != 0;
}

const mail::v1::Finding* Subject::FirstOf(mail::v1::FindingCategory category) const {
  if (!HasCategory(category)) return nullptr;
  const auto found = std::ranges::find(*parts_.findings, category, &mail::v1::Finding::category);
  return found == parts_.findings->end() ? nullptr : &*found;
}

const std::vector<Subject::Field>& Subject::fields() const {
  if (!fields_.has_value()) {
    std::vector<Field>& fields = fields_.emplace();
    if (parts_.headers != nullptr) {
      fields.reserve(static_cast<size_t>(parts_.headers->size()));
      for (const mail::v1::HeaderField& field : *parts_.headers)
        fields.push_back({.name = Lower(field.name()), .value = Lower(field.value())});
      std::ranges::stable_sort(fields, {}, &Field::name);
    }
  }
  return *fields_;
}

const std::vector<Subject::AttachmentText>& Subject::attachments() const {
  if (!attachments_.has_value()) {
    std::vector<AttachmentText>& attachments = attachments_.emplace();
    if (parts_.facts != nullptr) {
      for (const mail::v1::Attachment& attachment : parts_.facts->attachments())
        attachments.push_back({.name = Lower(attachment.name()),
                               .content_type = Lower(attachment.content_type()),
                               .part = &attachment.part()});
    }
  }
  return *attachments_;
}

const std::string& Subject::from_address() const {
  if (!from_address_.has_value()) {
    std::string& address = from_address_.emplace();
    const auto [first, last] = std::ranges::equal_range(fields(), "from", {}, &Field::name);
    if (last - first == 1) address = AddressOf(first->value);
  }
  return *from_address_;
}

bool Subject::AuthenticatedFor(std::string_view domain) const {
  if (parts_.facts == nullptr || domain.empty()) return false;
  return std::ranges::any_of(
      parts_.facts->authentication(), [&](const mail::v1::AuthenticationResult& said) {
        // ARC tells what somebody else has seen: nobody is authenticated by it.
        return said.result() == "pass" && said.method() != "arc" &&
               said.domain().find('.') != std::string::npos && IsWithin(domain, said.domain());
      });
}

}  // namespace cleanmail::policy
