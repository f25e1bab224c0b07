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

const std::vector<ParsedPage>& ParsedMessage::pages() const {
  if (pages_) return *pages_;
  pages_.emplace();
  for (size_t i = 0; i < contents.list.size() && pages_->size() < kMostPages; ++i) {
    const mail::mime::Content& one = contents.list[i];
    if (one.type == "text/html" || one.type == "application/xhtml+xml")
      pages_->push_back({.content = i, .page = mail::html::ReadPage(one.bytes)});
  }
  return *pages_;
}

}  // namespace cleanmail::scanner
