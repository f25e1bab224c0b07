#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"

struct evp_pkey_st;
struct x509_st;

namespace cleanmail::crypto {

// Where a certificate, its key and the authority's certificate lie, in PEM.
struct IssuedFiles {
  std::string certificate;
  std::string key;
  std::string authority;
};

// A certificate authority made for one test, with P-256 keys.
class FakeAuthority {
 public:
  // Writes its certificate to `<folder>/<name>.pem`.
  FakeAuthority(const std::string& folder, const std::string& name);
  ~FakeAuthority();

  // A fresh key and a certificate that names `uris` (and hosts, without a colon), for server and
  // client, at
  // `<folder>/<stem>.{pem,key}`; what is there is replaced, each file at once.
  IssuedFiles Issue(const std::string& stem, const std::vector<std::string>& uris,
                    absl::Duration life = absl::Hours(24));

 private:
  const std::string folder_;
  const std::string file_;
  evp_pkey_st* const key_;
  x509_st* const certificate_;
  int64_t serial_ = 1;
};

}  // namespace cleanmail::crypto
