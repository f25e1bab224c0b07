#include "libs/testing/redis_server.h"

#include "libs/base/cat.h"
#include "libs/testing/free_port.h"

namespace cleanmail::testing {

RedisServer::RedisServer(std::string password)
    : port_(FreePort()),
      password_(std::move(password)),
      process_(
          {.argv = {"redis-server", "--port", std::to_string(port_), "--bind", "127.0.0.1", "--dir",
                    folder_.path(), "--save", "", "--appendonly", "no", "--requirepass", password_},
           .folder = folder_.path(),
           .output = folder_.path() + "/log"},
          [this] { return Listens(port_); }) {}

absl::Status RedisServer::Start() {
  const absl::Status status = process_.Start();
  if (absl::IsNotFound(status))
    return absl::NotFoundError("Redis is not installed: deploy/packages/install cluster");
  return status;
}

absl::Status RedisServer::Restart() {
  Stop();
  return Start();
}

absl::Status RedisServer::Run(std::vector<std::string> command) {
  command.insert(command.begin(), {"redis-cli", "-p", std::to_string(port_)});
  return RunProgram({.argv = std::move(command),
                     .env = {{"REDISCLI_AUTH", password_}},
                     .output = folder_.path() + "/cli.log"});
}

std::string RedisServer::address() const { return base::Cat("127.0.0.1:", port_); }

}  // namespace cleanmail::testing
