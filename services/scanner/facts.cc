#include "services/scanner/facts.h"

#include <algorithm>

#include "libs/mail/mime/decoded_fields.h"

namespace cleanmail::scanner {
namespace {

constexpr int kMostAttachments = 200;
constexpr size_t kLongestName = 255;

// Bytes of a leaf without its transfer encoding; of base64 counted, not decoded.
int64_t DecodedSize(std::string_view message, const mail::mime::Entity& entity,
                    std::string_view encoding) {
  if (encoding != "base64")
    return static_cast<int64_t>(mail::mime::DecodedBody(message, entity, encoding).size());
  const std::string_view body = message.substr(entity.body, entity.end - entity.body);
  const auto letters = std::ranges::count_if(
      body, [](char c) { return c != '\r' && c != '\n' && c != ' ' && c != '=' && c != '\t'; });
  return letters * 3 / 4;
}

void AddAttachment(const ParsedMessage& message, const mail::mime::Entity& entity,
                   const mail::mime::EntityFacts& facts, mail::v1::MessageFacts& result) {
  mail::v1::Attachment& attachment = *result.add_attachments();
  attachment.set_name(mail::mime::CutCharacters(facts.name, kLongestName));
  attachment.set_content_type(mail::mime::CutCharacters(entity.type, kLongestName));
  attachment.set_size(DecodedSize(message.bytes, entity, facts.encoding));
  attachment.set_part(entity.number);
}

}  // namespace

mail::v1::MessageFacts FactsOf(const ParsedMessage& message) {
  mail::v1::MessageFacts result;
  const std::vector<mail::mime::Entity>& entities = message.parts.list;
  const auto header = mail::mime::HeaderBlock::Parse(message.bytes.substr(0, entities[0].body));
  if (header.ok()) {
    for (mail::mime::DecodedField& field : mail::mime::DecodeFields(*header)) {
      mail::v1::HeaderField& one = *result.add_headers();
      one.set_name(std::move(field.name));
      one.set_value(std::move(field.value));
    }
  }
  for (const mail::mime::Entity& entity : entities) {
    const std::string& type = entity.type;
    if (type == "multipart/signed" || type == "application/pkcs7-signature")
      result.set_signed_(true);
    if (type == "multipart/encrypted" || type == "application/pgp-encrypted" ||
        type == "application/pkcs7-mime" || type == "application/x-pkcs7-mime")
      result.set_encrypted(true);
    if (!entity.leaf() || result.attachments_size() == kMostAttachments) continue;
    const mail::mime::EntityFacts facts = mail::mime::FactsOf(message.bytes, entity);
    if (facts.attachment) AddAttachment(message, entity, facts, result);
  }
  return result;
}

}  // namespace cleanmail::scanner
