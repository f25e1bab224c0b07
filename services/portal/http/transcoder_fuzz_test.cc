#include "libs/base/status_macros.h"
#include "services/portal/descriptors.h"
#include "services/portal/http/problem.h"
#include "services/portal/http/transcoder.h"

// `PATH?QUERY\nBODY` against every route: nothing hostile gets past, and what is taken can be told
// again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::portal;
  static const auto* const contracts = Contracts::Create(kDescriptors)->release();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = text.find('\n');
  const std::string_view target = text.substr(0, line);
  const size_t mark = target.find('?');
  cleanmail::http::Request asked{
      .method = "POST",
      .path = std::string(target.substr(0, mark)),
      .query = mark == std::string_view::npos ? "" : std::string(target.substr(mark + 1)),
      .body = line == std::string_view::npos ? "" : std::string(text.substr(line + 1))};
  for (const Route& route : contracts->routes()) {
    const auto values = route.path.Match(asked.path);
    if (!values.has_value()) continue;
    const auto message = ToRequest(*contracts, route, *values, asked);
    if (message.ok()) {
      const auto again = contracts->New((*message)->GetDescriptor());
      CLEANMAIL_CHECK(again->ParseFromString((*message)->SerializeAsString()), "a request is one");
      CLEANMAIL_CHECK(!contracts->ToJson(**message).empty(), "a request can be told");
    } else {
      CLEANMAIL_CHECK(ToResponse(ProblemOf(message.status(), "")).status == 400, "a problem");
    }
  }
  return 0;
}
