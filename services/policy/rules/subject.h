#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "libs/net/address.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"

namespace cleanmail::policy {

// How much is known of a message. Each stage knows what those before it know.
enum class Stage {
  kEnvelope,  // client, sender, recipients
  kHeaders,   // its header and size
  kScanned,   // findings, attachments, authentication
};

// What a Subject is made of. All pointers outlive it; what the stage does not know is null.
struct SubjectParts {
  Stage stage = Stage::kScanned;
  std::string_view sender;
  std::string_view client_address;
  mail::v1::Direction direction = mail::v1::DIRECTION_INBOUND;
  absl::Time at;                // when it was accepted
  std::string_view time_zone;   // IANA name of the tenant's
  int64_t size = 0;
  const google::protobuf::RepeatedPtrField<mail::v1::HeaderField>* headers = nullptr;
  const mail::v1::MessageFacts* facts = nullptr;
  const google::protobuf::RepeatedPtrField<mail::v1::Finding>* findings = nullptr;
  double score = 0;
};

// A message as rules see it: each thing brought once, when first asked for, into the form they
// compare. Not thread-safe.
class Subject {
 public:
  explicit Subject(const SubjectParts& parts);
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;

  Stage stage() const { return parts_.stage; }
  // Lower case; empty for the null sender.
  const std::string& sender() const { return sender_; }
  std::string_view sender_domain() const { return sender_domain_; }
  mail::v1::Direction direction() const { return parts_.direction; }
  int64_t size() const { return parts_.size; }
  double score() const { return parts_.score; }
  const std::optional<net::IpAddress>& client() const;
  // The moment in the tenant's time zone; UTC where that is unknown.
  const absl::TimeZone::CivilInfo& local_time() const;
  bool HasFinding(std::string_view name) const;
  bool HasCategory(mail::v1::FindingCategory category) const;
  // The first finding of a category, null without.
  const mail::v1::Finding* FirstOf(mail::v1::FindingCategory category) const;

  struct Field {
    std::string name;   // lower case
    std::string value;  // lower case
  };
  // Fields in order of name.
  const std::vector<Field>& fields() const;
  struct AttachmentText {
    std::string name;          // lower case
    std::string content_type;  // lower case
    const std::string* part;
  };
  const std::vector<AttachmentText>& attachments() const;
  // Address in the From header, lower case; empty when there is none or more than one.
  const std::string& from_address() const;
  // Whether SPF, DKIM or DMARC has passed for this domain or one it lies below.
  bool AuthenticatedFor(std::string_view domain) const;
  const mail::v1::MessageFacts* facts() const { return parts_.facts; }

 private:
  const SubjectParts parts_;
  std::string sender_;
  std::string_view sender_domain_;
  std::vector<std::string_view> findings_;  // sorted
  uint32_t categories_ = 0;
  mutable std::optional<std::optional<net::IpAddress>> client_;
  mutable std::optional<absl::TimeZone::CivilInfo> local_time_;
  mutable std::optional<std::vector<Field>> fields_;
  mutable std::optional<std::vector<AttachmentText>> attachments_;
  mutable std::optional<std::string> from_address_;
};

// Whether `domain` is `of` or lies below it.
bool IsWithin(std::string_view domain, std::string_view of);

}  // namespace cleanmail::policy
