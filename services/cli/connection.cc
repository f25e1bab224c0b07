#include "services/cli/connection.h"

#include <array>
#include <chrono>
#include <cstdlib>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/config/config.h"
#include "proto/cleanmail/app/v1/config.pb.h"

namespace cleanmail::cli {

namespace {

// A configuration file has a section for each room; only `app` matters here.
const std::array<std::string, 8> kSections = {"app",        "ingress", "scanner",      "policy",
                                              "quarantine", "egress",  "provisioning", "reporting"};

}  // namespace

absl::StatusOr<std::string> FindSocket(const std::string& socket, const std::string& config) {
  if (!socket.empty()) return socket;
  if (config.empty()) {
    const char* const named = std::getenv("CLEANMAIL_SOCKET");
    return named != nullptr ? named : "cleanmail-data/cleanmail.sock";
  }
  CLEANMAIL_ASSIGN_OR_RETURN(const config::Document document,
                             config::Document::Load(config, kSections));
  CLEANMAIL_ASSIGN_OR_RETURN(const app::v1::AppConfig settings,
                             document.Section<app::v1::AppConfig>());
  const std::string name =
      settings.rpc().socket().empty() ? "cleanmail.sock" : settings.rpc().socket();
  return name.starts_with('/') ? name : base::Cat(settings.data_folder(), "/", name);
}

Connection::Connection(const std::string& socket)
    : socket_(socket),
      channel_(
          grpc::CreateChannel(base::Cat("unix:", socket), grpc::InsecureChannelCredentials())) {}

void Connection::SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
}

absl::Status Connection::ToStatus(const grpc::Status& status) const {
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    return absl::UnavailableError(base::Cat(
        "the gateway does not answer at ", socket_, " (", status.error_message(),
        "); start it with `cleanmail serve --config FILE`, or name its socket with --socket"));
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace cleanmail::cli
