#include "libs/crypto/sealing.h"

#include <array>
#include <span>

#include <openssl/evp.h>

#include "libs/base/status_macros.h"

namespace cleanmail::crypto {
namespace {

constexpr size_t kNonceBytes = 12;
constexpr char kWrapVersion = 1;
using Nonce = std::array<unsigned char, kNonceBytes>;

const EVP_CIPHER* Aes256Gcm() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  CLEANMAIL_CHECK(cipher != nullptr, "OpenSSL has no AES-256-GCM");
  return cipher;
}

const unsigned char* In(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Out(std::string& text, size_t at) {
  return reinterpret_cast<unsigned char*>(text.data()) + at;
}

// One key, one direction.
class Gcm {
 public:
  Gcm(std::string_view key, bool seal) : context_(EVP_CIPHER_CTX_new()) {
    CLEANMAIL_CHECK(key.size() == kKeyBytes, "a key has 32 bytes");
    CLEANMAIL_CHECK(context_ != nullptr && EVP_CipherInit_ex(context_, Aes256Gcm(), nullptr,
                                                             In(key), nullptr, seal ? 1 : 0) == 1,
                    "AES-256-GCM took no key");
  }
  Gcm(const Gcm&) = delete;
  Gcm& operator=(const Gcm&) = delete;
  ~Gcm() { EVP_CIPHER_CTX_free(context_); }

  void Seal(const Nonce& nonce, std::string_view context, std::string_view plain,
            std::string& out) {
    const size_t start = out.size();
    out.resize(start + plain.size() + kTagBytes);
    int length = 0;
    bool ok = EVP_CipherInit_ex(context_, nullptr, nullptr, nullptr, nonce.data(), 1) == 1;
    if (!context.empty())
      ok = ok && EVP_CipherUpdate(context_, nullptr, &length, In(context), Size(context)) == 1;
    if (!plain.empty())
      ok = ok && EVP_CipherUpdate(context_, Out(out, start), &length, In(plain), Size(plain)) == 1;
    ok = ok && EVP_CipherFinal_ex(context_, Out(out, start + plain.size()), &length) == 1;
    ok = ok && EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_GCM_GET_TAG, kTagBytes,
                                   Out(out, start + plain.size())) == 1;
    CLEANMAIL_CHECK(ok, "AES-256-GCM could not seal");
  }

  absl::Status Open(const Nonce& nonce, std::string_view context, std::string_view sealed,
                    std::string& out) {
    if (sealed.size() < kTagBytes)
      return absl::DataLossError("sealed bytes are shorter than their tag");
    const std::string_view body = sealed.substr(0, sealed.size() - kTagBytes);
    std::string tag(sealed.substr(body.size()));
    const size_t start = out.size();
    out.resize(start + body.size());
    int length = 0;
    bool ok = EVP_CipherInit_ex(context_, nullptr, nullptr, nullptr, nonce.data(), 0) == 1;
    if (!context.empty())
      ok = ok && EVP_CipherUpdate(context_, nullptr, &length, In(context), Size(context)) == 1;
    if (!body.empty())
      ok = ok && EVP_CipherUpdate(context_, Out(out, start), &length, In(body), Size(body)) == 1;
    ok = ok && EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1;
    ok = ok && EVP_CipherFinal_ex(context_, Out(out, start + body.size()), &length) == 1;
    if (ok) return absl::OkStatus();
    out.resize(start);
    return absl::DataLossError(
        "sealed bytes do not open: damaged, moved, or sealed under another key");
  }

 private:
  static int Size(std::string_view text) {
    CLEANMAIL_CHECK(text.size() < (1u << 30), "too much for one sealing");
    return static_cast<int>(text.size());
  }
  EVP_CIPHER_CTX* context_;
};

// STREAM: the place of a chunk is its nonce.
Nonce NonceOf(uint32_t number, bool last) {
  Nonce nonce{};
  for (int i = 0; i < 4; ++i) nonce[7 + i] = static_cast<unsigned char>(number >> (24 - 8 * i));
  nonce[11] = last ? 1 : 0;
  return nonce;
}

}  // namespace

std::string NewKey(base::Random& random) {
  std::string key(kKeyBytes, '\0');
  random.Fill(std::as_writable_bytes(std::span(key.data(), key.size())));
  return key;
}

std::string Wrap(base::Random& random, std::string_view master, std::string_view key,
                 std::string_view context) {
  Nonce nonce;
  random.Fill(std::as_writable_bytes(std::span(nonce)));
  std::string wrapped(1, kWrapVersion);
  wrapped.append(reinterpret_cast<const char*>(nonce.data()), nonce.size());
  Gcm(master, true).Seal(nonce, context, key, wrapped);
  return wrapped;
}

absl::StatusOr<std::string> Unwrap(std::string_view master, std::string_view wrapped,
                                   std::string_view context) {
  if (wrapped.size() < 1 + kNonceBytes + kTagBytes || wrapped[0] != kWrapVersion) {
    return absl::DataLossError("these bytes are not a wrapped key");
  }
  Nonce nonce;
  std::copy_n(wrapped.data() + 1, kNonceBytes, reinterpret_cast<char*>(nonce.data()));
  std::string key;
  CLEANMAIL_RETURN_IF_ERROR(
      Gcm(master, false).Open(nonce, context, wrapped.substr(1 + kNonceBytes), key));
  return key;
}

struct ChunkSealer::Cipher : Gcm {
  using Gcm::Gcm;
};
ChunkSealer::ChunkSealer(std::string_view key) : cipher_(std::make_unique<Cipher>(key, true)) {}
ChunkSealer::ChunkSealer(ChunkSealer&&) noexcept = default;
ChunkSealer::~ChunkSealer() = default;
void ChunkSealer::Seal(uint32_t number, bool last, std::string_view plain, std::string& out) {
  cipher_->Seal(NonceOf(number, last), {}, plain, out);
}

struct ChunkOpener::Cipher : Gcm {
  using Gcm::Gcm;
};
ChunkOpener::ChunkOpener(std::string_view key) : cipher_(std::make_unique<Cipher>(key, false)) {}
ChunkOpener::~ChunkOpener() = default;
absl::Status ChunkOpener::Open(uint32_t number, bool last, std::string_view sealed,
                               std::string& out) {
  return cipher_->Open(NonceOf(number, last), {}, sealed, out);
}

}  // namespace cleanmail::crypto
