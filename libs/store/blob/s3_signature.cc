#include "libs/store/blob/s3_signature.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "libs/base/cat.h"
#include "libs/crypto/hash.h"
#include "libs/http/client.h"

namespace cleanmail::blob {
namespace {

std::string HmacHex(std::string_view key, std::string_view text) {
  return absl::BytesToHexString(crypto::HmacSha256(key, text));
}

}  // namespace

std::string S3Query(std::vector<std::pair<std::string, std::string>> query) {
  for (auto& [name, value] : query) {
    name = http::Escaped(name);
    value = http::Escaped(value);
  }
  std::sort(query.begin(), query.end());
  std::string text;
  for (const auto& [name, value] : query)
    text += base::Cat(text.empty() ? "" : "&", name, "=", value);
  return text;
}

std::vector<http::Header> S3Signature(const S3Unsigned& request, const S3Credentials& credentials,
                                      std::string_view region, absl::Time now) {
  const std::string time = absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone());
  const std::string day = time.substr(0, 8);
  std::vector<http::Header> added = {{"x-amz-content-sha256", request.payload_hash},
                                     {"x-amz-date", time}};
  if (!credentials.session_token.empty())
    added.push_back({"x-amz-security-token", credentials.session_token});

  std::vector<http::Header> all = request.headers;
  all.insert(all.end(), added.begin(), added.end());
  all.push_back({"host", request.host});
  std::sort(all.begin(), all.end(),
            [](const http::Header& a, const http::Header& b) { return a.name < b.name; });
  std::string lines, names;
  for (const http::Header& header : all) {
    lines +=
        base::Cat(header.name, ":", base::View(absl::StripAsciiWhitespace(header.value)), "\n");
    names += base::Cat(names.empty() ? "" : ";", header.name);
  }
  const std::string canonical =
      base::Cat(request.method, "\n", request.path, "\n", S3Query(request.query), "\n", lines, "\n",
                names, "\n", request.payload_hash);
  const std::string scope = base::Cat(day, "/", region, "/s3/aws4_request");
  const std::string text =
      base::Cat("AWS4-HMAC-SHA256\n", time, "\n", scope, "\n", crypto::Sha256Hex(canonical));
  std::string key = crypto::HmacSha256(base::Cat("AWS4", credentials.secret_key), day);
  for (const std::string_view part :
       {region, std::string_view("s3"), std::string_view("aws4_request")})
    key = crypto::HmacSha256(key, part);
  added.push_back({"authorization",
                   base::Cat("AWS4-HMAC-SHA256 Credential=", credentials.access_key, "/", scope,
                             ",SignedHeaders=", names, ",Signature=", HmacHex(key, text))});
  return added;
}

}  // namespace cleanmail::blob
