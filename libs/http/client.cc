#include "libs/http/client.h"

#include <memory>
#include <mutex>
#include <utility>

#include <curl/curl.h>

#include "libs/base/cat.h"

namespace cleanmail::http {
namespace {

struct Taken {
  ClientResponse response;
  size_t most_bytes = 0;
  bool too_large = false;
};

size_t TakeBody(char* data, size_t size, size_t count, void* to) {
  Taken& taken = *static_cast<Taken*>(to);
  if (taken.response.body.size() + size * count > taken.most_bytes) {
    taken.too_large = true;
    return 0;
  }
  taken.response.body.append(data, size * count);
  return size * count;
}

size_t TakeHeader(char* data, size_t size, size_t count, void* to) {
  Taken& taken = *static_cast<Taken*>(to);
  const std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) taken.response.headers.clear();  // that of a 100 was before
  const size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    std::string name(line.substr(0, colon));
    for (char& c : name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    while (!value.empty() && (value.back() == '\r' || value.back() == '\n' || value.back() == ' '))
      value.remove_suffix(1);
    taken.response.headers.push_back({std::move(name), std::string(value)});
  }
  return size * count;
}

struct CloseCurl {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

bool IsUnreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

}  // namespace

namespace {

using Curl = std::unique_ptr<CURL, CloseCurl>;

Curl NewCurl() {
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  return Curl(kReady == CURLE_OK ? curl_easy_init() : nullptr);
}

absl::StatusOr<ClientResponse> FetchBy(CURL* const c, const ClientRequest& request) {
  if (c == nullptr) return absl::InternalError("libcurl cannot be used");
  std::unique_ptr<curl_slist, FreeList> headers;
  const auto add = [&](const std::string& line) {
    curl_slist* const longer = curl_slist_append(headers.get(), line.c_str());
    (void)headers.release();
    headers.reset(longer);
  };
  for (const Header& header : request.headers) add(base::Cat(header.name, ": ", header.value));
  add("Expect:");  // no waiting for 100 Continue
  Taken taken{.response = {}, .most_bytes = request.most_bytes};
  char why[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(c, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (request.method == "HEAD") curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
  if (!request.body.empty() || request.method == "POST" || request.method == "PATCH") {
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  }
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, absl::ToInt64Milliseconds(request.timeout));
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
                   absl::ToInt64Milliseconds(request.connect_timeout));
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, &TakeBody);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &taken);
  curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, &TakeHeader);
  curl_easy_setopt(c, CURLOPT_HEADERDATA, &taken);
  if (!request.ca_file.empty()) curl_easy_setopt(c, CURLOPT_CAINFO, request.ca_file.c_str());
  if (!request.unix_socket.empty()) {
    curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
    curl_easy_setopt(c, CURLOPT_PROXY, "");
  }
  const CURLcode code = curl_easy_perform(c);
  if (taken.too_large) return absl::ResourceExhaustedError("the answer is too large");
  if (code != CURLE_OK)
    return absl::UnavailableError(
        base::Cat(why[0] != '\0' ? std::string_view(why) : curl_easy_strerror(code)));
  long status = 0;
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
  taken.response.status = static_cast<int>(status);
  return std::move(taken.response);
}

}  // namespace

absl::StatusOr<ClientResponse> Fetch(const ClientRequest& request) {
  const Curl curl = NewCurl();
  return FetchBy(curl.get(), request);
}

// A handle keeps its connection while it is idle.
struct Client::Handles {
  std::mutex mutex;
  std::vector<Curl> idle;  // guarded by mutex
};

Client::Client() : handles_(std::make_unique<Handles>()) {}
Client::~Client() = default;

absl::StatusOr<ClientResponse> Client::Fetch(const ClientRequest& request) {
  Curl curl;
  {
    std::lock_guard lock(handles_->mutex);
    if (!handles_->idle.empty()) {
      curl = std::move(handles_->idle.back());
      handles_->idle.pop_back();
    }
  }
  if (curl == nullptr) {
    curl = NewCurl();
  } else {
    curl_easy_reset(curl.get());
  }
  absl::StatusOr<ClientResponse> response = FetchBy(curl.get(), request);
  std::lock_guard lock(handles_->mutex);
  if (curl != nullptr) handles_->idle.push_back(std::move(curl));
  return response;
}

std::string Escaped(std::string_view text, std::string_view keep) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    if (IsUnreserved(c) || keep.find(c) != std::string_view::npos) {
      escaped += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      escaped += '%';
      escaped += kDigits[byte >> 4];
      escaped += kDigits[byte & 15];
    }
  }
  return escaped;
}

}  // namespace cleanmail::http
