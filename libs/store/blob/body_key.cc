#include "libs/store/blob/body_key.h"

#include <span>

#include "libs/base/cat.h"
#include "libs/crypto/hash.h"
#include "libs/crypto/sealing.h"
#include "libs/store/blob/blob_layout.h"

namespace cleanmail::blob {

std::string BodyKey(std::string_view tenant_key, const BlobName& name, std::string_view salt) {
  return crypto::Hkdf(tenant_key, salt,
                      base::Cat("cleanmail body 1/", name.tenant, "/", name.message),
                      crypto::kKeyBytes);
}

std::string NewSalt(base::Random& random) {
  std::string salt(kSaltBytes, '\0');
  random.Fill(std::as_writable_bytes(std::span(salt.data(), salt.size())));
  return salt;
}

}  // namespace cleanmail::blob
