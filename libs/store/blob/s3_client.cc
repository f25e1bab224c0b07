#include "libs/store/blob/s3_client.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/crypto/hash.h"

namespace cleanmail::blob {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(50);
constexpr absl::Duration kLongestPause = absl::Seconds(2);

std::string HostOf(std::string_view endpoint) {
  const size_t scheme = endpoint.find("://");
  return std::string(scheme == std::string_view::npos ? endpoint : endpoint.substr(scheme + 3));
}

std::string_view HeaderOf(const http::ClientResponse& response, std::string_view name) {
  for (const http::Header& header : response.headers) {
    if (header.name == name) return header.value;
  }
  return "";
}

bool IsTransient(int status) {
  return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

// The code an error's body names, for the message.
std::string CodeOf(const http::ClientResponse& response) {
  const absl::StatusOr<S3Answer> answer = ParseS3Answer(response.body);
  return answer.ok() && !answer->error.empty() ? answer->error : "no reason";
}

absl::Status StatusOf(const http::ClientResponse& response) {
  if (response.status >= 200 && response.status < 300) return absl::OkStatus();
  const std::string why = base::Cat("S3: ", response.status, " ", CodeOf(response));
  if (response.status == 404) return absl::NotFoundError(why);
  if (response.status == 507) return absl::ResourceExhaustedError(why);
  if (IsTransient(response.status)) return absl::UnavailableError(why);
  return absl::FailedPreconditionError(why);
}

// "bytes 0-99/1234": 1234; 0 when it is none.
int64_t TotalOf(std::string_view range) {
  int64_t total = 0;
  const std::string_view text = range.substr(range.find('/') + 1);
  std::from_chars(text.data(), text.data() + text.size(), total);
  return total;
}

}  // namespace

S3Client::S3Client(S3Target target) : target_(std::move(target)), host_(HostOf(target_.endpoint)) {}

http::ClientRequest S3Client::Prepared(const Call& call) const {
  http::ClientRequest request;
  const std::string query = S3Query(call.query);
  request.method = call.method;
  request.url = base::Cat(target_.endpoint, "/", target_.bucket, call.key.empty() ? "" : "/",
                          http::Escaped(call.key, "/"), query.empty() ? "" : "?", query);
  request.ca_file = target_.ca_file;
  request.connect_timeout = std::min(target_.attempt, absl::Seconds(3));
  return request;
}

void S3Client::Sign(const Call& call, const std::string& payload_hash,
                    http::ClientRequest& request) const {
  S3Unsigned unsigned_request{.method = call.method,
                              .host = host_,
                              .path = base::Cat("/", target_.bucket, call.key.empty() ? "" : "/",
                                                http::Escaped(call.key, "/")),
                              .query = call.query,
                              .headers = call.headers,
                              .payload_hash = payload_hash};
  request.headers = call.headers;
  for (http::Header& header : S3Signature(unsigned_request, target_.credentials, target_.region,
                                          absl::Now() + absl::Seconds(skew_seconds_.load())))
    request.headers.push_back(std::move(header));
  request.headers.push_back({"content-type", "application/octet-stream"});
}

void S3Client::LearnTime(const http::ClientResponse& response) {
  absl::Time time;
  std::string error;
  if (absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", base::AbslView(HeaderOf(response, "date")),
                      &time, &error))
    skew_seconds_ = absl::ToInt64Seconds(time - absl::Now());
}

absl::StatusOr<http::ClientResponse> S3Client::Do(Call call) {
  const absl::Time deadline = absl::Now() + target_.deadline;
  http::ClientRequest request = Prepared(call);
  const std::string payload_hash = crypto::Sha256Hex(call.body);
  const auto bytes = static_cast<int64_t>(call.body.size());
  request.body = std::move(call.body);
  absl::Duration pause = kFirstPause;
  bool learnt = false;
  while (true) {
    Sign(call, payload_hash, request);
    request.timeout = std::min(target_.attempt + absl::Seconds(1) * (bytes >> 20),
                               std::max(deadline - absl::Now(), absl::Milliseconds(100)));
    absl::StatusOr<http::ClientResponse> response = http_.Fetch(request);
    const absl::Status status = response.ok() ? StatusOf(*response) : response.status();
    failure_.Note(absl::IsUnavailable(status) ? status : absl::OkStatus());
    if (status.ok()) return response;
    if (response.ok() && response->status == 403 && !learnt &&
        CodeOf(*response) == "RequestTimeTooSkewed") {
      learnt = true;
      LearnTime(*response);
      continue;
    }
    if (!absl::IsUnavailable(status)) return status;
    const absl::Duration wait = pause * (0.5 + static_cast<double>(random_.Below(1000)) / 1000);
    if (absl::Now() + wait >= deadline) return status;
    absl::SleepFor(wait);
    pause = std::min(pause * 2, kLongestPause);
  }
}

absl::Status S3Client::MakeBucket() {
  const absl::Status there =
      Do({.method = "GET", .query = {{"list-type", "2"}, {"max-keys", "1"}}}).status();
  if (!absl::IsNotFound(there)) return there;
  const absl::Status made = Do({.method = "PUT"}).status();
  if (made.ok() || absl::IsUnavailable(made)) return made;
  // Another may have been quicker.
  if (Do({.method = "GET", .query = {{"list-type", "2"}, {"max-keys", "1"}}}).ok())
    return absl::OkStatus();
  return absl::FailedPreconditionError(
      base::Cat("the bucket ", target_.bucket,
                " is not there and cannot be made: ", base::View(made.message())));
}

absl::Status S3Client::Put(std::string_view key, std::string body) {
  return Do({.method = "PUT", .key = std::string(key), .body = std::move(body)}).status();
}

absl::StatusOr<S3Client::Range> S3Client::Get(std::string_view key, int64_t offset,
                                              int64_t length) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      http::ClientResponse response,
      Do({.method = "GET",
          .key = std::string(key),
          .headers = {{"range", base::Cat("bytes=", offset, "-", offset + length - 1)}}}));
  const int64_t total = response.status == 206 ? TotalOf(HeaderOf(response, "content-range"))
                                               : static_cast<int64_t>(response.body.size());
  return Range{std::move(response.body), total};
}

absl::Status S3Client::Delete(std::string_view key) {
  const absl::Status status = Do({.method = "DELETE", .key = std::string(key)}).status();
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

absl::Status S3Client::DeleteAll(const std::vector<std::string>& keys) {
  constexpr size_t kMost = 1000;
  for (size_t at = 0; at < keys.size(); at += kMost) {
    std::string xml =
        "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>";
    for (size_t i = at; i < std::min(keys.size(), at + kMost); ++i)
      xml +=
          base::Cat("<Object><Key>", keys[i], "</Key></Object>");  // nothing in it needs escaping
    xml += "</Delete>";
    const std::string sum = absl::Base64Escape(crypto::Sha256(xml));
    CLEANMAIL_ASSIGN_OR_RETURN(const http::ClientResponse response,
                               Do({.method = "POST",
                                   .query = {{"delete", ""}},
                                   .headers = {{"x-amz-checksum-sha256", sum}},
                                   .body = std::move(xml)}));
    CLEANMAIL_ASSIGN_OR_RETURN(const S3Answer answer, ParseS3Answer(response.body));
    if (!answer.error.empty() && answer.error != kNoSuchKey)  // another sweeper was quicker
      return absl::FailedPreconditionError(base::Cat("S3: not deleted: ", answer.error));
  }
  return absl::OkStatus();
}

absl::StatusOr<S3Answer> S3Client::List(const ListOptions& options) {
  Query query = {{"list-type", "2"}, {"prefix", options.prefix}};
  if (!options.after.empty()) query.emplace_back("start-after", options.after);
  if (!options.token.empty()) query.emplace_back("continuation-token", options.token);
  if (!options.delimiter.empty()) query.emplace_back("delimiter", options.delimiter);
  CLEANMAIL_ASSIGN_OR_RETURN(const http::ClientResponse response,
                             Do({.method = "GET", .query = std::move(query)}));
  return ParseS3Answer(response.body);
}

absl::StatusOr<std::string> S3Client::BeginUpload(std::string_view key) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const http::ClientResponse response,
      Do({.method = "POST", .key = std::string(key), .query = {{"uploads", ""}}}));
  CLEANMAIL_ASSIGN_OR_RETURN(S3Answer answer, ParseS3Answer(response.body));
  if (answer.upload_id.empty()) return absl::UnavailableError("S3: an upload without an id");
  return std::move(answer.upload_id);
}

absl::StatusOr<std::string> S3Client::PutPart(std::string_view key, std::string_view upload,
                                              size_t number, std::string body) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const http::ClientResponse response,
      Do({.method = "PUT",
          .key = std::string(key),
          .query = {{"partNumber", std::to_string(number)}, {"uploadId", std::string(upload)}},
          .body = std::move(body)}));
  return std::string(HeaderOf(response, "etag"));
}

absl::Status S3Client::CompleteUpload(std::string_view key, std::string_view upload,
                                      const std::vector<std::string>& tags) {
  std::string xml = "<CompleteMultipartUpload>";
  for (size_t i = 0; i < tags.size(); ++i)
    xml += base::Cat("<Part><PartNumber>", i + 1, "</PartNumber><ETag>", tags[i], "</ETag></Part>");
  xml += "</CompleteMultipartUpload>";
  CLEANMAIL_ASSIGN_OR_RETURN(const http::ClientResponse response,
                             Do({.method = "POST",
                                 .key = std::string(key),
                                 .query = {{"uploadId", std::string(upload)}},
                                 .body = std::move(xml)}));
  // An error may come with 200, since the store begins to answer before it has finished.
  CLEANMAIL_ASSIGN_OR_RETURN(const S3Answer answer, ParseS3Answer(response.body));
  if (answer.error.empty()) return absl::OkStatus();
  return absl::UnavailableError(base::Cat("S3: not completed: ", answer.error));
}

absl::Status S3Client::AbortUpload(std::string_view key, std::string_view upload) {
  const absl::Status status = Do({.method = "DELETE",
                                  .key = std::string(key),
                                  .query = {{"uploadId", std::string(upload)}}})
                                  .status();
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

absl::StatusOr<std::vector<S3Upload>> S3Client::Uploads() {
  CLEANMAIL_ASSIGN_OR_RETURN(const http::ClientResponse response,
                             Do({.method = "GET", .query = {{"uploads", ""}}}));
  CLEANMAIL_ASSIGN_OR_RETURN(S3Answer answer, ParseS3Answer(response.body));
  return std::move(answer.uploads);
}

}  // namespace cleanmail::blob
