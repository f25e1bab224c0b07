#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "libs/http/header.h"

// AWS Signature Version 4 for S3:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
namespace cleanmail::blob {

struct S3Credentials {
  std::string access_key, secret_key;
  std::string session_token = {};
};

struct S3Unsigned {
  std::string method;
  std::string host;                                             // as in the Host header
  std::string path;                                             // escaped already
  std::vector<std::pair<std::string, std::string>> query = {};  // not escaped
  std::vector<http::Header> headers = {};  // names in lower case; all are signed
  std::string payload_hash;                // SHA-256 of the body in hex
};

// The headers to send beside `request.headers`: authorization, x-amz-date, x-amz-content-sha256 and
// the session's token.
std::vector<http::Header> S3Signature(const S3Unsigned& request, const S3Credentials& credentials,
                                      std::string_view region, absl::Time now);

// The query as it stands in the URL: escaped and sorted, without '?'.
std::string S3Query(std::vector<std::pair<std::string, std::string>> query);

}  // namespace cleanmail::blob
