#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libs/mail/html/page.h"

// Reading never fails; what it gives stays within its limits; tags are told in pairs.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::mail::html;
  const std::string_view html(reinterpret_cast<const char*>(data), size);
  const Page page = ReadPage(html, {.links = 50, .forms = 5, .texts = 10000});
  if (page.links.size() > 50 || page.forms.size() > 5) std::abort();
  if (page.visible_text.size() > 10001 || page.hidden_text.size() > 10001) std::abort();
  struct Pairs final : Visitor {
    void OnOpen(std::string_view, std::span<const Attribute>) override { ++open; }
    void OnClose(std::string_view) override {
      if (--open < 0) std::abort();
    }
    int open = 0;
  } pairs;
  Walk(html, pairs);
  if (pairs.open != 0) std::abort();
  Walk(html, pairs, {.bytes = 10, .depth = 10});
  if (pairs.open != 0) std::abort();
  return 0;
}
