#include "libs/net/tls_context.h"

#include <cstdint>
#include <map>
#include <optional>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <strings.h>
#include <sys/stat.h>

#include "absl/synchronization/mutex.h"
#include "libs/base/status_macros.h"

namespace cleanmail::net {
namespace {

using Context = std::shared_ptr<SSL_CTX>;

std::string OpenSslReason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  const char* reason = ERR_reason_error_string(code);
  if (reason != nullptr) return reason;
  char text[256];
  ERR_error_string_n(code, text, sizeof text);
  return text;
}

Context NewContext(const SSL_METHOD* method) {
  Context context(SSL_CTX_new(method), SSL_CTX_free);
  CLEANMAIL_CHECK(context != nullptr, "OpenSSL makes a context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(
      context.get(),
      "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:DHE+AES:RSA+AESGCM:RSA+AES:"
      "!aNULL:!eNULL:!EXPORT:!RC4:!3DES:!MD5:!PSK:!SRP");
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET |
                                         SSL_OP_IGNORE_UNEXPECTED_EOF);
  // A resumed session would save little in SMTP and keep memory for every stranger.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);
  return context;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// The DNS names a certificate is for; its common name when it has none.
std::vector<std::string> NamesOf(X509* certificate) {
  std::vector<std::string> names;
  const auto add = [&names](const ASN1_STRING* text) {
    const std::string_view name(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                                ASN1_STRING_length(text));
    if (!name.empty() && name.find('\0') == std::string_view::npos) names.push_back(Lower(name));
  };
  if (auto* alternatives = static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr))) {
    for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
      const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives, i);
      if (name->type == GEN_DNS) add(name->d.dNSName);
    }
    GENERAL_NAMES_free(alternatives);
  }
  if (names.empty()) {
    X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0) add(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  }
  return names;
}

// What a server has at one time.
struct Bundle {
  std::vector<Context> contexts;            // the first is the default
  std::map<std::string, SSL_CTX*> by_name;  // `*.example.com` stands under `.example.com`
};

int ChooseByName(SSL* ssl, int*, void* argument) {
  const char* asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (asked == nullptr) return SSL_TLSEXT_ERR_OK;
  const Bundle& bundle = *static_cast<const Bundle*>(argument);
  const std::string name = Lower(asked);
  auto found = bundle.by_name.find(name);
  const size_t dot = name.find('.');
  if (found == bundle.by_name.end() && dot != std::string::npos)
    found = bundle.by_name.find(name.substr(dot));
  if (found != bundle.by_name.end()) SSL_set_SSL_CTX(ssl, found->second);
  return SSL_TLSEXT_ERR_OK;
}

absl::Status Readable(const std::string& file, std::string_view what) {
  if (FILE* opened = std::fopen(file.c_str(), "re"); opened != nullptr) {
    std::fclose(opened);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(base::Cat(what, " ", file, ": ", strerror(errno)));
}

absl::StatusOr<Context> LoadCertificate(const CertificateFiles& files) {
  CLEANMAIL_RETURN_IF_ERROR(Readable(files.chain_file, "certificate chain"));
  CLEANMAIL_RETURN_IF_ERROR(Readable(files.key_file, "private key"));
  ERR_clear_error();
  Context context = NewContext(TLS_server_method());
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.chain_file.c_str()) != 1) {
    return absl::InvalidArgumentError(
        base::Cat("certificate chain ", files.chain_file,
                  ": not PEM certificates, leaf first: ", OpenSslReason()));
  }
  // Setting a certificate's key fails both for what is not a key and for another certificate's.
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    return absl::InvalidArgumentError(base::Cat("private key ", files.key_file,
                                                ": not the PEM key of the certificate in ",
                                                files.chain_file, ": ", OpenSslReason()));
  }
  return context;
}

absl::StatusOr<std::shared_ptr<Bundle>> LoadBundle(
    const std::vector<CertificateFiles>& certificates) {
  auto bundle = std::make_shared<Bundle>();
  for (const CertificateFiles& files : certificates) {
    CLEANMAIL_ASSIGN_OR_RETURN(Context context, LoadCertificate(files));
    for (const std::string& name : NamesOf(SSL_CTX_get0_certificate(context.get()))) {
      bundle->by_name.try_emplace(name.starts_with("*.") ? name.substr(1) : name, context.get());
    }
    bundle->contexts.push_back(std::move(context));
  }
  SSL_CTX_set_tlsext_servername_callback(bundle->contexts.front().get(), ChooseByName);
  SSL_CTX_set_tlsext_servername_arg(bundle->contexts.front().get(), bundle.get());
  return bundle;
}

// What tells that a file is another one than before.
using Stamp = std::vector<int64_t>;
Stamp StampOf(const std::vector<CertificateFiles>& certificates) {
  Stamp stamp;
  const auto add = [&stamp](const std::string& file) {
    struct stat s {};
    if (stat(file.c_str(), &s) != 0) return stamp.push_back(-1);
    for (const int64_t part : {int64_t{s.st_mtim.tv_sec}, int64_t{s.st_mtim.tv_nsec},
                               static_cast<int64_t>(s.st_size), static_cast<int64_t>(s.st_ino)}) {
      stamp.push_back(part);
    }
  };
  for (const CertificateFiles& files : certificates) {
    add(files.chain_file);
    add(files.key_file);
  }
  return stamp;
}

}  // namespace

struct TlsContext::State {
  std::vector<CertificateFiles> certificates;
  Verify verify = Verify::kNone;
  absl::Mutex mutex;
  Context current ABSL_GUARDED_BY(mutex);  // of a server: shares the Bundle's ownership
  Stamp stamp ABSL_GUARDED_BY(mutex);
};

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

absl::StatusOr<std::unique_ptr<TlsContext>> TlsContext::Server(
    std::vector<CertificateFiles> certificates) {
  if (certificates.empty())
    return absl::InvalidArgumentError("TLS for a server needs at least one certificate");
  auto state = std::make_unique<State>();
  const Stamp stamp = StampOf(certificates);
  CLEANMAIL_ASSIGN_OR_RETURN(std::shared_ptr<Bundle> bundle, LoadBundle(certificates));
  state->certificates = std::move(certificates);
  {
    absl::MutexLock lock(&state->mutex);
    SSL_CTX* const first = bundle->contexts.front().get();
    state->current = Context(std::move(bundle), first);
    state->stamp = stamp;
  }
  return std::unique_ptr<TlsContext>(new TlsContext(std::move(state)));
}

absl::StatusOr<std::unique_ptr<TlsContext>> TlsContext::Client(Verify verify, std::string ca_file) {
  auto state = std::make_unique<State>();
  state->verify = verify;
  Context context = NewContext(TLS_client_method());
  if (verify == Verify::kNone) {
    SSL_CTX_set_security_level(context.get(), 1);  // weak keys are better than no encryption
  } else if (ca_file.empty()
                 ? SSL_CTX_set_default_verify_paths(context.get()) != 1
                 : SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr) != 1) {
    return absl::InvalidArgumentError(base::Cat("trusted certificates ",
                                                ca_file.empty() ? "of the system" : ca_file, ": ",
                                                OpenSslReason()));
  }
  SSL_CTX_set_verify(context.get(), verify == Verify::kRequire ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                     nullptr);
  {
    absl::MutexLock lock(&state->mutex);
    state->current = std::move(context);
  }
  return std::unique_ptr<TlsContext>(new TlsContext(std::move(state)));
}

absl::StatusOr<bool> TlsContext::ReloadIfChanged() {
  const Stamp stamp = StampOf(state_->certificates);
  {
    absl::MutexLock lock(&state_->mutex);
    if (stamp == state_->stamp) return false;
  }
  CLEANMAIL_ASSIGN_OR_RETURN(std::shared_ptr<Bundle> bundle, LoadBundle(state_->certificates));
  absl::MutexLock lock(&state_->mutex);
  SSL_CTX* const first = bundle->contexts.front().get();
  state_->current = Context(std::move(bundle), first);
  state_->stamp = stamp;
  return true;
}

std::shared_ptr<ssl_ctx_st> TlsContext::current() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->current;
}

TlsContext::Verify TlsContext::verify() const { return state_->verify; }

}  // namespace cleanmail::net
