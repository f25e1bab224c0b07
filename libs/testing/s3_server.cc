#include "libs/testing/s3_server.h"

#include <filesystem>

#include "libs/base/cat.h"
#include "libs/testing/free_port.h"

namespace cleanmail::testing {

S3Server::S3Server() : port_(FreePort()) {
  std::filesystem::create_directories(folder_.path() + "/data");
  std::filesystem::create_directories(folder_.path() + "/notes");
  // Notes beside the files: not every file system takes extended attributes.
  process_ = std::make_unique<ServerProcess>(
      ChildOptions{
          .argv = {ServersFolder() + "/versitygw/versitygw", "--port",
                   base::Cat("127.0.0.1:", port_), "--region", "us-east-1", "--quiet", "posix",
                   "--sidecar", folder_.path() + "/notes", folder_.path() + "/data"},
          .env = {{"ROOT_ACCESS_KEY", access_key_}, {"ROOT_SECRET_KEY", secret_key_}},
          .folder = folder_.path(),
          .output = folder_.path() + "/log"},
      [this] { return Listens(port_); });
}

absl::Status S3Server::Start() {
  const absl::Status status = process_->Start();
  if (absl::IsNotFound(status))
    return absl::NotFoundError("the S3 server is not installed: deploy/packages/install_s3_server");
  return status;
}

absl::Status S3Server::Restart() {
  Stop();
  return Start();
}

std::string S3Server::endpoint() const { return base::Cat("http://127.0.0.1:", port_); }

}  // namespace cleanmail::testing
