#pragma once

#include <memory>
#include <string>

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cleanmail::cli {

// Where the gateway's socket is: `socket` if given, else `$CLEANMAIL_SOCKET`, else the socket of
// the data folder that the configuration file `config` names, else ./cleanmail-data/cleanmail.sock.
// InvalidArgument for a configuration that is none.
absl::StatusOr<std::string> FindSocket(const std::string& socket, const std::string& config);

// A connection to the gateway on this machine.
class Connection {
 public:
  explicit Connection(const std::string& socket);
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  // Calls one method and waits at most half a minute. Unavailable says how to start the gateway.
  template <class Stub, class Request, class Response>
  absl::StatusOr<Response> Call(Stub& stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request) {
    grpc::ClientContext context;
    SetDeadline(context);
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    if (!status.ok()) return ToStatus(status);
    return response;
  }

 private:
  static void SetDeadline(grpc::ClientContext& context);
  absl::Status ToStatus(const grpc::Status& status) const;

  const std::string socket_;
  const std::shared_ptr<grpc::Channel> channel_;  // shared: stubs hold it too
};

}  // namespace cleanmail::cli
