#include "libs/testing/postgres_server.h"

#include <csignal>
#include <filesystem>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/testing/free_port.h"

namespace cleanmail::testing {
namespace {

constexpr char kUser[] = "postgres";

// The folder of the newest version's programs; empty: not installed.
std::string Programs() {
  std::string newest;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", error)) {
    const std::string programs = entry.path().string() + "/bin";
    if (std::filesystem::exists(programs + "/initdb") && programs > newest) newest = programs;
  }
  return newest;
}

}  // namespace

PostgresServer::PostgresServer() : folder_(kUser), port_(FreePort()) {}

PostgresServer::~PostgresServer() {
  if (process_ != nullptr) Kill();
}

std::string PostgresServer::address() const { return base::Cat("127.0.0.1:", port_); }

absl::Status PostgresServer::Start() {
  const std::string programs = Programs();
  if (programs.empty())
    return absl::NotFoundError("PostgreSQL is not installed: deploy/packages/install cluster");
  const std::string data = folder_.path() + "/data";
  if (process_ == nullptr) {
    CLEANMAIL_RETURN_IF_ERROR(
        RunProgram({.argv = {programs + "/initdb", "-D", data, "-A", "trust", "-U", user_,
                             "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"},
                    .folder = folder_.path(),
                    .output = folder_.path() + "/initdb.log",
                    .user = kUser}));
    process_ = std::make_unique<ServerProcess>(
        ChildOptions{
            .argv = {programs + "/postgres", "-D", data, "-c", "listen_addresses=127.0.0.1", "-c",
                     base::Cat("port=", port_), "-c",
                     base::Cat("unix_socket_directories=", folder_.path()), "-c", "fsync=off", "-c",
                     "full_page_writes=off", "-c", "shared_buffers=32MB"},
            .folder = folder_.path(),
            .output = folder_.path() + "/log",
            .user = kUser},
        [this] { return Listens(port_) && Run("SELECT 1").ok(); });
  }
  CLEANMAIL_RETURN_IF_ERROR(process_->Start());
  (void)Run(base::Cat("CREATE DATABASE ", database_));  // fails when it is there already
  return absl::OkStatus();
}

void PostgresServer::Stop() { process_->Stop(SIGINT); }  // its "fast" way

void PostgresServer::Kill() { process_->Kill(); }

absl::Status PostgresServer::Restart() {
  Stop();
  return Start();
}

absl::Status PostgresServer::Run(const std::string& statement) {
  return RunProgram({.argv = {"psql", "-q", "-h", "127.0.0.1", "-p", std::to_string(port_), "-U",
                              user_, "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", statement},
                     .env = {{"PGCONNECT_TIMEOUT", "5"}},
                     .output = folder_.path() + "/psql.log"});
}

absl::Status PostgresServer::SetReadOnly(bool read_only) {
  CLEANMAIL_RETURN_IF_ERROR(Run(
      base::Cat("ALTER SYSTEM SET default_transaction_read_only = ", read_only ? "on" : "off")));
  return Run("SELECT pg_reload_conf()");
}

}  // namespace cleanmail::testing
