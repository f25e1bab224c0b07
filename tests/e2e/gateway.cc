#include "tests/e2e/gateway.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

#include <arpa/inet.h>
#include <google/protobuf/text_format.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "proto/cleanmail/egress/v1/egress.grpc.pb.h"
#include "proto/cleanmail/policy/v1/policy.grpc.pb.h"
#include "proto/cleanmail/provisioning/v1/provisioning.grpc.pb.h"
#include "proto/cleanmail/quarantine/v1/quarantine.grpc.pb.h"
#include "proto/cleanmail/reporting/v1/reporting.grpc.pb.h"
#include "services/cli/sample.h"

namespace cleanmail::e2e {
namespace {

template <class T>
T Must(absl::StatusOr<T> result, std::string_view what) {
  if (!result.ok()) {
    ADD_FAILURE() << what << ": " << result.status();
    return T();
  }
  return *std::move(result);
}

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// The answer to a GET of this machine.
std::string Fetch(uint16_t port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    const std::string request =
        base::Cat("GET ", path, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    (void)!write(fd, request.data(), request.size());
    char buffer[4096];
    for (ssize_t got = read(fd, buffer, sizeof buffer); got > 0;
         got = read(fd, buffer, sizeof buffer))
      answer.append(buffer, static_cast<size_t>(got));
  }
  close(fd);
  return answer;
}

// What takes long and most stories do not need, switched off unless the settings speak of it.
std::string Without(std::string_view part, const std::string& settings) {
  return settings.find(base::Cat(part, ":")) == std::string::npos
             ? base::Cat("  ", part, ": { off: true }\n")
             : "";
}

}  // namespace

ReservedPort::ReservedPort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = Loopback(0);
  socklen_t length = sizeof address;
  EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), length), 0);
  EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length), 0);
  port_ = ntohs(address.sin_port);
}

ReservedPort::~ReservedPort() { Free(); }

void ReservedPort::Free() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

Gateway::Gateway(const Options& options) : loops_(net::Loops::Create(1, 1)) {
  AddSink();
  deployment_ = Deployment::Start(
      {.app = base::Cat("  host_name: ", options.host_name,
                        "\n  log: { level: warning }\n"
                        "  destinations: { allow_loopback: true",
                        options.destinations,
                        " }\n"
                        "  dns: { ",
                        options.dns, " }\n", options.app),
       .rooms = {
           {"ingress", base::Cat("  listeners:\n    - { name: mx, listen: '127.0.0.1:0', role: mx",
                                 options.mx, " }\n", options.listeners, options.ingress)},
           {"scanner", base::Cat(options.scanner, Without("worker", options.scanner),
                                 Without("spam_rules", options.scanner))},
           {"portal", options.portal},
           {"egress", options.egress}}});
  WaitReady();
}

Gateway::~Gateway() {
  deployment_.reset();
  loops_->Stop(absl::Now() + absl::Seconds(1));
}

uint16_t Gateway::port(const std::string& listener) const {
  int port = 0;
  deployment_->ForEach([&](app::Process& process, const std::string&) {
    const auto ports = process.ports();
    if (const auto found = ports.find(listener); found != ports.end()) port = found->second;
  });
  EXPECT_NE(port, 0) << "no listener " << listener;
  return static_cast<uint16_t>(port);
}

std::string Gateway::api_socket() const {
  return base::Cat(deployment_->FolderOf("portal"), "/api.sock");
}

void Gateway::Restart() {
  deployment_->Restart();
  WaitReady();
}

void Gateway::WaitReady() {
  deployment_->ForEach([](app::Process& process, const std::string& folder) {
    absl::Status ready;
    WaitUntil([&] { return (ready = process.Ready()).ok(); }, "all rooms to be ready");
    EXPECT_TRUE(ready.ok()) << folder << ": " << ready;
  });
}

void Gateway::WaitForDirectory(const std::function<bool(directory::Directory&)>& knows,
                               std::string_view what) {
  deployment_->ForEach([&](app::Process& process, const std::string&) {
    WaitUntil([&] { return knows(process.environment().directory()); },
              base::Cat(what, " in the directory"));
  });
}

sink::Sink& Gateway::AddSink(uint16_t port, int64_t message_bytes) {
  auto sink = sink::Sink::Start(
      *loops_,
      {.address = base::Cat("127.0.0.1:", port), .message_bytes = message_bytes, .on_mail = {}});
  EXPECT_TRUE(sink.ok()) << sink.status();
  return *sinks_.emplace_back(*std::move(sink));
}

template <class Service, class Method, class Request>
auto Gateway::Call(Method method, const Request& request) {
  // cleanmail.provisioning.v1.ProvisioningService is provisioning's.
  const std::string_view name = std::string_view(Service::service_full_name()).substr(10);
  const std::string_view room = name.substr(0, name.find('.'));
  const auto channel =
      grpc::CreateChannel(base::Cat("unix:", deployment_->ProcessOf(room).rpc_socket()),
                          grpc::InsecureChannelCredentials());
  const auto stub = Service::NewStub(channel);
  return [&]<class Response>(grpc::Status (Service::Stub::*m)(
             grpc::ClientContext*, const Request&, Response*)) -> absl::StatusOr<Response> {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    Response response;
    const grpc::Status status = ((*stub).*m)(&context, request, &response);
    if (!status.ok())
      return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                          status.error_message());
    return response;
  }(method);
}

void Gateway::AddTenant(const std::string& id, std::vector<std::string> sending_networks) {
  using provisioning::v1::ProvisioningService;
  provisioning::v1::CreateTenantRequest request;
  request.mutable_tenant()->set_name(base::Cat("tenants/", id));
  for (const std::string& network : sending_networks)
    request.mutable_tenant()->add_sending_networks(network);
  Must(Call<ProvisioningService>(&ProvisioningService::Stub::CreateTenant, request),
       "adding a tenant");
  WaitForDirectory(
      [&](directory::Directory& directory) { return directory.FindTenant(id).has_value(); },
      "the tenant");
}

void Gateway::Protect(const std::string& tenant, const std::string& person) {
  using provisioning::v1::ProvisioningService;
  provisioning::v1::UpdateTenantRequest request;
  request.mutable_tenant()->set_name(base::Cat("tenants/", tenant));
  provisioning::v1::Impersonation& impersonation =
      *request.mutable_tenant()->mutable_impersonation();
  impersonation.set_enabled(true);
  impersonation.add_protected_people()->set_name(person);
  request.mutable_update_mask()->add_paths("impersonation");
  Must(Call<ProvisioningService>(&ProvisioningService::Stub::UpdateTenant, request),
       "protecting a person");
  WaitForDirectory(
      [&](directory::Directory& directory) {
        return directory.FindTenant(tenant)->impersonation().enabled();
      },
      "the protected person");
}

void Gateway::AddDomain(const std::string& tenant, const std::string& domain,
                        bool accounts_required, const std::string& destination) {
  using provisioning::v1::ProvisioningService;
  provisioning::v1::CreateDomainRequest request;
  request.mutable_domain()->set_name(base::Cat("tenants/", tenant, "/domains/", domain));
  request.mutable_domain()->set_recipient_mode(
      accounts_required ? provisioning::v1::RECIPIENT_MODE_ACCOUNTS_REQUIRED
                        : provisioning::v1::RECIPIENT_MODE_ANY);
  const auto made =
      Must(Call<ProvisioningService>(&ProvisioningService::Stub::CreateDomain, request),
           "adding a domain");
  const std::string name = made.name().substr(made.name().rfind('/') + 1);
  WaitForDirectory(
      [&](directory::Directory& directory) { return directory.TenantOfDomain(name).has_value(); },
      "the domain");
  AddRoute(tenant, domain,
           destination.empty() ? base::Cat("127.0.0.1:", sink().port()) : destination);
}

void Gateway::AddUser(const std::string& tenant, const std::string& address,
                      std::vector<std::string> aliases) {
  using provisioning::v1::ProvisioningService;
  provisioning::v1::CreateUserRequest request;
  request.mutable_user()->set_name(base::Cat("tenants/", tenant, "/users/", address));
  for (const std::string& alias : aliases) request.mutable_user()->add_aliases(alias);
  Must(Call<ProvisioningService>(&ProvisioningService::Stub::CreateUser, request), "adding a user");
  const size_t at = address.find('@');
  WaitForDirectory(
      [&](directory::Directory& directory) {
        return directory.Find(address.substr(0, at), address.substr(at + 1)).standing ==
               directory::Recipient::Standing::kAccepted;
      },
      "the user");
}

void Gateway::SetPolicy(const std::string& tenant, const std::string& id,
                        const std::string& policy) {
  using policy::v1::PolicyService;
  policy::v1::UpdatePolicyRequest request;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(policy, request.mutable_policy()));
  request.mutable_policy()->set_name(base::Cat("tenants/", tenant, "/policies/", id));
  Must(Call<PolicyService>(&PolicyService::Stub::UpdatePolicy, request), "setting a policy");
}

void Gateway::AddRoute(const std::string& tenant, const std::string& domain,
                       const std::string& destination) {
  using provisioning::v1::ProvisioningService;
  provisioning::v1::CreateRouteRequest request;
  request.mutable_route()->set_name(base::Cat("tenants/", tenant, "/routes/", domain));
  request.mutable_route()->add_destinations(destination);
  const auto made =
      Must(Call<ProvisioningService>(&ProvisioningService::Stub::CreateRoute, request),
           "adding a route");
  const std::string name = made.name().substr(made.name().rfind('/') + 1);
  WaitForDirectory(
      [&](directory::Directory& directory) { return !directory.RouteOf(tenant, name).empty(); },
      "the route");
}

std::vector<mail::smtp::Outcome> Gateway::Send(const mail::smtp::Transaction& transaction,
                                               std::string_view content, bool bdat,
                                               const std::string& listener) {
  auto client = mail::smtp::BlockingClient::Connect(
      {.host = "127.0.0.1", .port = port(listener), .is_address = true},
      {.host_name = "client.example.net", .chunking = bdat});
  if (!client.ok()) {
    ADD_FAILURE() << client.status();
    return {};
  }
  std::vector<mail::smtp::Outcome> outcomes = (*client)->Send(transaction, content);
  (*client)->Quit();
  return outcomes;
}

std::vector<std::string> Gateway::Accept(const std::vector<std::string>& recipients,
                                         std::string_view content, const std::string& sender) {
  const auto outcomes = Send({.sender = sender, .recipients = recipients}, content);
  std::vector<std::string> ids;
  for (const mail::smtp::Outcome& outcome : outcomes)
    EXPECT_TRUE(outcome.delivered()) << ToText(outcome.reply);
  if (outcomes.empty()) return ids;
  const std::string reply = ToText(outcomes[0].reply);
  constexpr std::string_view kQueued = "queued as ";
  const size_t queued = reply.find(kQueued);
  for (size_t begin = queued; begin != std::string::npos; begin = reply.find(", ", begin)) {
    begin += begin == queued ? kQueued.size() : 2;
    ids.push_back(reply.substr(begin, 36));
  }
  EXPECT_FALSE(ids.empty()) << reply;
  if (ids.empty()) ids.emplace_back();  // the test has failed; it shall not crash
  return ids;
}

std::vector<quarantine::v1::Hold> Gateway::Holds(bool only_held) {
  using quarantine::v1::QuarantineService;
  quarantine::v1::ListHoldsRequest request;
  request.set_parent("tenants/-");
  request.set_only_held(only_held);
  const auto answer =
      Must(Call<QuarantineService>(&QuarantineService::Stub::ListHolds, request), "listing holds");
  return {answer.holds().begin(), answer.holds().end()};
}

quarantine::v1::Hold Gateway::Hold(const std::string& message) {
  using quarantine::v1::QuarantineService;
  quarantine::v1::GetHoldRequest request;
  request.set_name(base::Cat("tenants/-/holds/", message));
  absl::StatusOr<quarantine::v1::Hold> hold;
  WaitUntil(
      [&] {
        hold = Call<QuarantineService>(&QuarantineService::Stub::GetHold, request);
        return hold.ok();
      },
      "the hold");
  return Must(std::move(hold), "getting a hold");
}

absl::StatusOr<quarantine::v1::Hold> Gateway::Release(const std::string& message,
                                                      std::vector<std::string> recipients) {
  using quarantine::v1::QuarantineService;
  quarantine::v1::ReleaseHoldRequest request;
  request.set_name(base::Cat("tenants/-/holds/", message));
  for (const std::string& recipient : recipients) request.add_recipients(recipient);
  return Call<QuarantineService>(&QuarantineService::Stub::ReleaseHold, request);
}

absl::StatusOr<reporting::v1::Message> Gateway::Trace(const std::string& message) {
  using reporting::v1::ReportingService;
  reporting::v1::GetMessageRequest request;
  request.set_name(base::Cat("tenants/-/messages/", message));
  return Call<ReportingService>(&ReportingService::Stub::GetMessage, request);
}

std::vector<std::string> Gateway::Story(const std::string& message) {
  std::vector<std::string> story;
  const auto trace = Trace(message);
  if (!trace.ok()) return story;
  for (const reporting::v1::Entry& entry : trace->entries()) story.push_back(entry.what());
  return story;
}

void Gateway::WaitFor(const std::string& message, const std::string& what) {
  WaitUntil(
      [&] {
        const std::vector<std::string> story = Story(message);
        return std::find(story.begin(), story.end(), what) != story.end();
      },
      base::Cat("\"", what, "\" in the story"));
}

std::string Gateway::Details(const std::string& message) {
  std::string details;
  const auto trace = Trace(message);
  if (!trace.ok()) return details;
  for (const reporting::v1::Entry& entry : trace->entries()) details += entry.detail() + "\n";
  return details;
}

std::string Gateway::Operations(const std::string& path) {
  std::string answers;
  deployment_->ForEach([&](app::Process& process, const std::string&) {
    answers += Fetch(static_cast<uint16_t>(process.ports().at("operations")), path);
  });
  return answers;
}

double Gateway::Metric(std::string_view name) {
  std::istringstream lines(Operations("/metrics"));
  double sum = 0;
  for (std::string line; std::getline(lines, line);) {
    if (std::string_view(line).substr(0, line.find_first_of("{ ")) == name)
      sum += std::stod(line.substr(line.rfind(' ') + 1));
  }
  return sum;
}

std::vector<std::string> Gateway::MailLog() {
  std::vector<std::string> lines;
  deployment_->ForEach([&](app::Process&, const std::string& folder) {
    std::ifstream file(base::Cat(folder, "/mail.log"));
    for (std::string line; std::getline(file, line);) lines.push_back(line);
  });
  return lines;
}

int Gateway::Retry() {
  using egress::v1::EgressService;
  egress::v1::RetryDeliveriesRequest request;
  request.set_parent("tenants/-");
  return Must(Call<EgressService>(&EgressService::Stub::RetryDeliveries, request), "retrying")
      .retried();
}

bool Gateway::WaitUntil(const std::function<bool()>& is_true, std::string_view what,
                        absl::Duration patience) {
  const absl::Time deadline = absl::Now() + patience;
  while (!is_true()) {
    if (absl::Now() > deadline) {
      ADD_FAILURE() << "waited in vain for " << what;
      return false;
    }
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

std::string TextMail(std::string_view subject, std::string_view text) {
  return base::Cat(
      "From: <eve@example.net>\r\nTo: <ann@example.org>\r\nSubject: ", subject,
      "\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.net>\r\n\r\n", text,
      "\r\n");
}

std::string GtubeMail() { return cli::MakeSample({.sample = cli::Sample::kGtube}, absl::Now()); }
std::string EicarMail() { return cli::MakeSample({.sample = cli::Sample::kEicar}, absl::Now()); }

std::string WithoutTrace(const std::string& mail) {
  size_t begin = 0;
  const auto is_trace = [](std::string_view rest) {
    return rest.starts_with("Received:") || rest.starts_with("Authentication-Results:");
  };
  while (is_trace(std::string_view(mail).substr(begin))) {
    size_t end = mail.find("\r\n", begin);
    while (end != std::string::npos && end + 2 < mail.size() &&
           (mail[end + 2] == ' ' || mail[end + 2] == '\t'))
      end = mail.find("\r\n", end + 2);
    begin = end + 2;
  }
  return mail.substr(begin);
}

}  // namespace cleanmail::e2e
