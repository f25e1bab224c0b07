#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct ssl_ctx_st;

namespace cleanmail::net {

// A certificate and its key, in PEM.
struct CertificateFiles {
  std::string chain_file;  // leaf first
  std::string key_file;
};

// Settings and certificates of TLS connections, TLS 1.2 and newer. Thread-safe. Connections keep
// what they began with.
class TlsContext {
 public:
  // For servers: the certificate is chosen by the name the client asks for (SNI, exact or one
  // wildcard label), the first is the default. At least one. InvalidArgument says which file and
  // why.
  static absl::StatusOr<std::unique_ptr<TlsContext>> Server(
      std::vector<CertificateFiles> certificates);

  enum class Verify {
    kNone,     // opportunistic: encrypt with whoever answers
    kReport,   // check against the system's certificates and the name; go on, tell by
               // Connection::tls_verified
    kRequire,  // refuse what does not check
  };
  static absl::StatusOr<std::unique_ptr<TlsContext>> Client(Verify verify,
                                                            std::string ca_file = {});

  ~TlsContext();

  // Reads the files again if any has changed since. On an error the old certificates stay and the
  // status says what is wrong. True: something was reread.
  absl::StatusOr<bool> ReloadIfChanged();

  // For connection.cc: the context for one new connection.
  std::shared_ptr<ssl_ctx_st> current() const;
  Verify verify() const;

 private:
  struct State;
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace cleanmail::net
