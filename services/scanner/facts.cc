#include "services/scanner/facts.h"

#include <set>
#include <string>
#include <utility>

#include "libs/mail/mime/decoded_fields.h"

namespace cleanmail::scanner {
namespace {

constexpr int kMostAttachments = 200;
constexpr size_t kLongestName = 255;

using Seen = std::set<std::pair<std::string, std::string>>;  // part and name

// One attachment for each name a program may show, so that a rule sees all of them.
void AddAttachments(const ParsedMessage& message, const mail::mime::Content& content, Seen& seen,
                    mail::v1::MessageFacts& result) {
  const std::string& part = message.parts.list[content.entity].number;
  const auto add = [&](std::string_view name) {
    if (result.attachments_size() == kMostAttachments) return;
    if (!name.empty() && !seen.emplace(part, name).second) return;
    mail::v1::Attachment& attachment = *result.add_attachments();
    attachment.set_name(mail::mime::CutCharacters(name, kLongestName));
    attachment.set_content_type(mail::mime::CutCharacters(content.type, kLongestName));
    attachment.set_size(static_cast<int64_t>(content.decoded().size()));
    // What is within a part goes with it.
    attachment.set_part(part);
  };
  for (const std::string& name : content.names) add(name);
  if (content.names.empty()) add("");
}

}  // namespace

mail::v1::MessageFacts FactsOf(const ParsedMessage& message) {
  mail::v1::MessageFacts result;
  for (mail::mime::DecodedField& field : mail::mime::DecodeFields(message.header)) {
    mail::v1::HeaderField& one = *result.add_headers();
    one.set_name(std::move(field.name));
    one.set_value(std::move(field.value));
  }
  Seen seen;
  const mail::mime::Contents& contents = message.contents;
  for (const mail::mime::Entity& entity : message.parts.list) {
    if (entity.type == "multipart/signed") result.set_signed_(true);
  }
  if (contents.smime_signed || contents.pgp_signed) result.set_signed_(true);
  result.set_encrypted(contents.smime_encrypted || contents.pgp_encrypted);
  for (const mail::mime::Content& content : contents.list) {
    if (content.attachment) AddAttachments(message, content, seen, result);
  }
  return result;
}

}  // namespace cleanmail::scanner
