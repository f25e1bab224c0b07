#include "libs/net/fake_certificate.h"

#include <cstdio>
#include <memory>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "libs/base/status_macros.h"

namespace cleanmail::net {

CertificateFiles MakeFakeCertificate(const std::string& folder, const std::string& stem,
                                     const std::vector<std::string>& names) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 24 * 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(names.front().c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate.get(), subject);
  std::string alternatives;
  for (const std::string& name : names)
    alternatives += base::Cat(alternatives.empty() ? "DNS:" : ",DNS:", name);
  X509_EXTENSION* extension =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternatives.c_str());
  X509_add_ext(certificate.get(), extension, -1);
  X509_EXTENSION_free(extension);
  CLEANMAIL_CHECK(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0,
                  "a certificate can be signed");

  const CertificateFiles files{.chain_file = base::Cat(folder, "/", stem, ".pem"),
                               .key_file = base::Cat(folder, "/", stem, ".key")};
  FILE* chain = std::fopen(files.chain_file.c_str(), "we");
  FILE* secret = std::fopen(files.key_file.c_str(), "we");
  CLEANMAIL_CHECK(chain != nullptr && secret != nullptr, "the folder can be written");
  PEM_write_X509(chain, certificate.get());
  PEM_write_PrivateKey(secret, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(chain);
  std::fclose(secret);
  return files;
}

}  // namespace cleanmail::net
