#include "services/scanner/parsed_message.h"

namespace cleanmail::scanner {
namespace {

constexpr mail::mime::HeaderLimits kHeader = {.bytes = 4 << 20, .fields = 200'000};

}  // namespace

ParsedMessage::ParsedMessage(std::string_view message, mail::mime::StructureLimits limits)
    : bytes(message),
      parts(mail::mime::FindEntities(message, limits)),
      contents(mail::mime::ReadContents(message, parts, {.structure = limits})) {
  auto block = mail::mime::HeaderBlock::Parse(message, kHeader);
  if (block.ok()) header = *std::move(block);
}

}  // namespace cleanmail::scanner
