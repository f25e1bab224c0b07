#pragma once

#include <memory>
#include <string>

#include "libs/testing/server_process.h"

namespace cleanmail::testing {

// A versitygw of a test's own on loopback over plain files; keeps them over Stop, Kill and Start.
// It does not flush. Not thread-safe.
class S3Server {
 public:
  S3Server();
  // NotFound: not installed, the message says by what.
  absl::Status Start();
  void Stop() { process_->Stop(); }
  void Kill() { process_->Kill(); }
  absl::Status Restart();
  void Freeze() { process_->Freeze(); }
  void Thaw() { process_->Thaw(); }

  uint16_t port() const { return port_; }
  std::string endpoint() const;  // "http://127.0.0.1:port"
  const std::string& access_key() const { return access_key_; }
  const std::string& secret_key() const { return secret_key_; }
  // Where a bucket's objects lie as files.
  std::string FolderOf(const std::string& bucket) const {
    return folder_.path() + "/data/" + bucket;
  }

 private:
  const ServerFolder folder_;
  const uint16_t port_;
  const std::string access_key_ = "cleanmail";
  const std::string secret_key_ = "secret-of-the-tests";
  std::unique_ptr<ServerProcess> process_;
};

}  // namespace cleanmail::testing
