#include "services/scanner/facts.h"

#include <set>
#include <string>
#include <utility>

#include "libs/mail/mime/decoded_fields.h"

namespace cleanmail::scanner {
namespace {

constexpr int kMostAttachments = 200;
constexpr size_t kLongestName = 255;

// Puts attachments down, one for each name a program may show, so that a rule sees all of them.
class Attachments {
 public:
  explicit Attachments(mail::v1::MessageFacts& result) : result_(result) {}

  // `part` is what can be taken out; what is within a part goes with it.
  void Add(std::string_view part, std::string_view type, const std::vector<std::string>& names,
           size_t size) {
    if (names.empty()) AddOne(part, type, "", size);
    for (const std::string& name : names) AddOne(part, type, name, size);
  }

 private:
  void AddOne(std::string_view part, std::string_view type, std::string_view name, size_t size) {
    if (result_.attachments_size() == kMostAttachments) return;
    if (!name.empty() && !seen_.emplace(part, name).second) return;
    mail::v1::Attachment& attachment = *result_.add_attachments();
    attachment.set_name(mail::mime::CutCharacters(name, kLongestName));
    attachment.set_content_type(mail::mime::CutCharacters(type, kLongestName));
    attachment.set_size(static_cast<int64_t>(size));
    attachment.set_part(std::string(part));
  }

  mail::v1::MessageFacts& result_;
  std::set<std::pair<std::string, std::string>> seen_;  // part and name
};

}  // namespace

mail::v1::MessageFacts FactsOf(const ParsedMessage& message) {
  mail::v1::MessageFacts result;
  for (mail::mime::DecodedField& field : mail::mime::DecodeFields(message.header)) {
    mail::v1::HeaderField& one = *result.add_headers();
    one.set_name(std::move(field.name));
    one.set_value(std::move(field.value));
  }
  const mail::mime::Contents& contents = message.contents;
  Attachments attachments(result);
  for (const mail::mime::Entity& entity : message.parts.list) {
    if (entity.type == "multipart/signed") result.set_signed_(true);
    if (entity.message && entity.parent != mail::mime::Entity::kNone)
      attachments.Add(entity.number, entity.type, mail::mime::FactsOf(message.bytes, entity).names,
                      entity.end - entity.body);
  }
  if (contents.smime_signed || contents.pgp_signed) result.set_signed_(true);
  result.set_encrypted(contents.smime_encrypted || contents.pgp_encrypted);
  for (const mail::mime::Content& one : contents.list) {
    if (one.attachment)
      attachments.Add(message.parts.list[one.entity].number, one.type, one.names,
                      one.decoded().size());
  }
  return result;
}

}  // namespace cleanmail::scanner
