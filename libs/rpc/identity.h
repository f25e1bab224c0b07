#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/crypto/signature.h"

namespace cleanmail::rpc {

// Where this process's certificate, its key and the authorities it believes lie, in PEM.
struct TlsFiles {
  std::string certificate;  // leaf first
  std::string key;
  std::string authority;
  std::string trust_domain = "cleanmail";
  absl::Duration reread = absl::Seconds(10);  // how often the files are looked at
};

// The rooms that names of a certificate stand for: `spiffe://<trust_domain>/<room>` → `<room>`;
// every other name stands for none.
std::vector<std::string> RoomsOf(std::span<const std::string> uris, std::string_view trust_domain);

// What the files held at one moment: a key and a certificate that belong together.
struct Credentials {
  std::string certificate;
  std::string key;
  std::string authority;
  std::shared_ptr<const crypto::SigningKey> signer;
  std::vector<std::string> rooms;  // whom the certificate names
  absl::Time not_after;
};

// Who this process is to other rooms, read again when the files change. Thread-safe.
class Identity {
 public:
  // InvalidArgument, NotFound: names the setting under `app.rpc.tls` and what is wrong with its
  // file; the certificate must name every room of `rooms`.
  static absl::StatusOr<std::unique_ptr<Identity>> Open(TlsFiles files,
                                                        std::vector<std::string> rooms);

  // What the files hold now, or held when they were last in order.
  std::shared_ptr<const Credentials> current();
  // Why the files could not be reread; OK when they could.
  absl::Status reread_status();
  const TlsFiles& files() const { return files_; }

 private:
  Identity(TlsFiles files, std::vector<std::string> rooms)
      : files_(std::move(files)), rooms_(std::move(rooms)) {}
  absl::StatusOr<std::shared_ptr<const Credentials>> Read() const;

  const TlsFiles files_;
  const std::vector<std::string> rooms_;
  absl::Mutex mutex_;
  std::shared_ptr<const Credentials> current_ ABSL_GUARDED_BY(mutex_);
  absl::Time looked_ ABSL_GUARDED_BY(mutex_);
  absl::Status reread_status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cleanmail::rpc
