#include "libs/rpc/identity.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"

namespace cleanmail::rpc {
namespace {

absl::Status Wrong(std::string_view setting, std::string_view file, std::string_view why) {
  return absl::InvalidArgumentError(base::Cat("app.rpc.tls.", setting, ": ", file, ": ", why));
}

absl::StatusOr<std::string> ReadFile(std::string_view setting, const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf())) return Wrong(setting, path, "cannot be read");
  return text.str();
}

}  // namespace

std::vector<std::string> RoomsOf(std::span<const std::string> uris, std::string_view trust_domain) {
  const std::string prefix = base::Cat("spiffe://", trust_domain, "/");
  std::vector<std::string> rooms;
  for (const std::string& uri : uris) {
    if (!uri.starts_with(prefix)) continue;
    const std::string room = uri.substr(prefix.size());
    const bool is_name = !room.empty() && std::ranges::all_of(room, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (is_name) rooms.push_back(room);
  }
  return rooms;
}

absl::StatusOr<std::unique_ptr<Identity>> Identity::Open(TlsFiles files,
                                                         std::vector<std::string> rooms) {
  std::unique_ptr<Identity> identity(new Identity(std::move(files), std::move(rooms)));
  absl::MutexLock lock(&identity->mutex_);
  identity->looked_ = absl::Now();
  CLEANMAIL_ASSIGN_OR_RETURN(identity->current_, identity->Read());
  return identity;
}

absl::StatusOr<std::shared_ptr<const Credentials>> Identity::Read() const {
  auto read = std::make_shared<Credentials>();
  CLEANMAIL_ASSIGN_OR_RETURN(read->certificate, ReadFile("certificate", files_.certificate));
  CLEANMAIL_ASSIGN_OR_RETURN(read->key, ReadFile("key", files_.key));
  CLEANMAIL_ASSIGN_OR_RETURN(read->authority, ReadFile("authority", files_.authority));
  const auto facts = crypto::ReadCertificate(read->certificate);
  if (!facts.ok())
    return Wrong("certificate", files_.certificate, base::View(facts.status().message()));
  if (const auto authority = crypto::ReadCertificate(read->authority); !authority.ok())
    return Wrong("authority", files_.authority, base::View(authority.status().message()));
  const auto signer = crypto::SigningKey::FromPem(read->key);
  if (!signer.ok()) return Wrong("key", files_.key, base::View(signer.status().message()));
  if (!(*signer)->BelongsTo(read->certificate))
    return Wrong("key", files_.key, "is not the key of app.rpc.tls.certificate");
  read->signer = *signer;
  read->rooms = RoomsOf(facts->uris, files_.trust_domain);
  read->not_after = facts->not_after;
  for (const std::string& room : rooms_) {
    if (std::ranges::find(read->rooms, room) != read->rooms.end()) continue;
    return Wrong("certificate", files_.certificate,
                 base::Cat("does not name spiffe://", files_.trust_domain, "/", room,
                           " among its alternative names"));
  }
  return read;
}

std::shared_ptr<const Credentials> Identity::current() {
  absl::MutexLock lock(&mutex_);
  const absl::Time now = absl::Now();
  // A clock that was set back does not keep an old certificate in use.
  if (now >= looked_ && now - looked_ < files_.reread) return current_;
  looked_ = now;
  auto read = Read();
  reread_status_ = read.status();
  const bool changed =
      read.ok() && ((*read)->certificate != current_->certificate ||
                    (*read)->key != current_->key || (*read)->authority != current_->authority);
  if (changed) current_ = *std::move(read);
  return current_;
}

absl::Status Identity::reread_status() {
  absl::MutexLock lock(&mutex_);
  return reread_status_;
}

}  // namespace cleanmail::rpc
