#include "libs/crypto/fake_authority.h"

#include <cstdio>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "libs/base/status_macros.h"

namespace cleanmail::crypto {
namespace {

void Extend(X509* certificate, int kind, const std::string& value) {
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  CLEANMAIL_CHECK(extension != nullptr, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509* NewCertificate(const std::string& name, EVP_PKEY* key, int64_t serial, absl::Duration life) {
  X509* const certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), absl::ToInt64Seconds(life));
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

template <class Write>
void WriteFile(const std::string& path, Write write) {
  const std::string fresh = path + ".new";
  FILE* const out = std::fopen(fresh.c_str(), "we");
  CLEANMAIL_CHECK(out != nullptr, "the folder can be written");
  write(out);
  std::fclose(out);
  CLEANMAIL_CHECK(std::rename(fresh.c_str(), path.c_str()) == 0, "a file can be replaced");
}

}  // namespace

FakeAuthority::FakeAuthority(const std::string& folder, const std::string& name)
    : folder_(folder),
      file_(base::Cat(folder, "/", name, ".pem")),
      key_(EVP_EC_gen("P-256")),
      certificate_(NewCertificate(name, key_, serial_++, absl::Hours(24))) {
  X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
  Extend(certificate_, NID_basic_constraints, "critical,CA:TRUE");
  Extend(certificate_, NID_key_usage, "critical,keyCertSign");
  CLEANMAIL_CHECK(X509_sign(certificate_, key_, EVP_sha256()) > 0, "a certificate can be signed");
  WriteFile(file_, [this](FILE* out) { PEM_write_X509(out, certificate_); });
}

FakeAuthority::~FakeAuthority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

IssuedFiles FakeAuthority::Issue(const std::string& stem, const std::vector<std::string>& uris,
                                 absl::Duration life) {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = NewCertificate(stem, key, serial_++, life);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate_));
  std::string names;
  for (const std::string& uri : uris) {
    const bool is_host = uri.find(':') == std::string::npos;
    names += base::Cat(names.empty() ? "" : ",", is_host ? "DNS:" : "URI:", uri);
  }
  if (!names.empty()) Extend(certificate, NID_subject_alt_name, names);
  Extend(certificate, NID_ext_key_usage, "serverAuth,clientAuth");
  CLEANMAIL_CHECK(X509_sign(certificate, key_, EVP_sha256()) > 0, "a certificate can be signed");
  const IssuedFiles files = {.certificate = base::Cat(folder_, "/", stem, ".pem"),
                             .key = base::Cat(folder_, "/", stem, ".key"),
                             .authority = file_};
  WriteFile(files.key, [key](FILE* out) {
    PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
  WriteFile(files.certificate, [certificate](FILE* out) { PEM_write_X509(out, certificate); });
  X509_free(certificate);
  EVP_PKEY_free(key);
  return files;
}

}  // namespace cleanmail::crypto
