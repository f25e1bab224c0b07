#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "libs/base/random.h"
#include "proto/cleanmail/app/v1/config.pb.h"

namespace cleanmail::app {

// The folder that holds everything, locked against other processes while this lives.
class DataFolder {
 public:
  // Makes it (mode 0700) if it is not there. FailedPrecondition: another process has it, or others
  // may write to it; the text says which and what to do.
  static absl::StatusOr<std::unique_ptr<DataFolder>> Open(const std::string& path);
  ~DataFolder();

  // The key that seals the tenants' keys, 32 bytes: from the settings, else from `master.key`, made
  // at first start (mode 0600). FailedPrecondition: there is data but no key, which would make it
  // unreadable.
  absl::StatusOr<std::string> MasterKey(const v1::AppConfig& settings, base::Random& random) const;

  const std::string& path() const { return path_; }
  // Others may read the folder, which works but should not be.
  bool open_to_others() const { return open_to_others_; }

 private:
  DataFolder(std::string path, int lock, bool open_to_others)
      : path_(std::move(path)), lock_(lock), open_to_others_(open_to_others) {}
  const std::string path_;
  const int lock_;
  const bool open_to_others_;
};

}  // namespace cleanmail::app
