// How fast people find a message among a million, and what writing them down costs.
//   bazel run -c opt //services/reporting:search_benchmark -- [messages]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include <unistd.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/store/sql/sqlite_database.h"
#include "services/reporting/consumer.h"
#include "services/reporting/search/store.h"
#include "services/reporting/store.h"

namespace cleanmail::reporting {
namespace {

constexpr int64_t kStart = int64_t{1'790'000'000} * 1'000'000;
constexpr int kBatch = 256;

double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

mail::v1::Message Mail(int i) {
  static constexpr const char* kWords[] = {"invoice",  "meeting", "offer",  "report", "holiday",
                                           "contract", "lunch",   "update", "order",  "reminder"};
  mail::v1::Message message;
  char id[40];
  std::snprintf(id, sizeof id, "0192f3a0-%04x-7000-8000-%012x", i >> 16, i);
  message.set_id(id);
  message.set_tenant(base::Cat("tenant", i % 20));
  message.set_direction(mail::v1::DIRECTION_INBOUND);
  message.set_subject(base::Cat(kWords[i % 10], " number ", i, " about the ", kWords[i / 10 % 10]));
  message.set_size(2000 + i % 100'000);
  message.set_accepted_at_us(kStart + int64_t{i} * 2'000'000);
  message.mutable_session()->set_client_address(base::Cat("192.0.2.", i % 250));
  message.mutable_envelope()->set_sender(base::Cat("sender", i % 50'000, "@remote.example"));
  message.mutable_envelope()->add_recipients(
      base::Cat("user", i / 20 % 5'000, "@domain", i % 20, ".example"));
  return message;
}

void TellAll(Store& store, int from, int to) {
  const AccountOf account_of = [](std::string_view address) { return std::string(address); };
  std::vector<ingress::v1::MailReceived> received(to - from);
  std::vector<scanner::v1::MailScanned> scanned(to - from);
  std::vector<policy::v1::MailDisposed> disposed(to - from);
  std::vector<egress::v1::DeliveryChanged> delivered(to - from);
  for (int i = from; i < to; ++i) {
    const mail::v1::Message mail = Mail(i);
    const int at = i - from;
    received[at].set_message_id(mail.id());
    *received[at].mutable_message() = mail;
    scanned[at].set_message_id(mail.id());
    *scanned[at].mutable_message() = mail;
    scanned[at].set_generation(1);
    scanned[at].set_scanned_at_us(mail.accepted_at_us() + 1);
    scanned[at].add_findings()->set_name("CLEAN_SENDER");
    disposed[at].set_message_id(mail.id());
    *disposed[at].mutable_message() = mail;
    disposed[at].set_generation(1);
    disposed[at].set_disposed_at_us(mail.accepted_at_us() + 2);
    mail::v1::RecipientGroup& group = *disposed[at].add_groups();
    *group.mutable_recipients() = mail.envelope().recipients();
    const bool is_held = i % 10 == 0;
    group.set_disposition(is_held ? mail::v1::DISPOSITION_KIND_HOLD
                                  : mail::v1::DISPOSITION_KIND_DELIVER);
    group.set_rule("standard/score-at-least-5.0");
    group.set_reason("The score reached the line.");
    group.set_policy("standard");
    group.set_policy_version(i / 100'000);
    delivered[at].set_message_id(mail.id());
    delivered[at].set_tenant(mail.tenant());
    delivered[at].set_attempt(1);
    delivered[at].set_at_us(mail.accepted_at_us() + 3);
    if (is_held) continue;
    egress::v1::RecipientDelivery& recipient = *delivered[at].add_recipients();
    recipient.set_address(mail.envelope().recipients(0));
    recipient.set_state(egress::v1::DELIVERY_STATE_DELIVERED);
    recipient.set_reply("250 2.0.0 Ok: queued");
  }
  std::vector<Changes> changes;
  const auto add = [&](const auto& events) {
    for (const auto& event : events) changes.push_back(ChangesOf(event, account_of));
  };
  add(received);
  add(scanned);
  add(disposed);
  add(delivered);
  const absl::Status recorded = store.Record(changes);
  if (recorded.ok()) return;
  std::fprintf(stderr, "%s\n", recorded.ToString().c_str());
  std::exit(1);
}

// Asks each filter several times; prints the slowest page of each, and p95 over all.
void Measure(Search& search, std::string_view tenant) {
  std::vector<double> all;
  for (const std::string filter :
       {"", "sender = sender77@remote.example", "recipient = user123@domain7.example",
        "invoice AND verdict = held", "verdict = held AND time >= 2026-10-01", "\"number 424247\"",
        "client_address = 192.0.2.7 AND size > 50000", "subject:contract OR subject:holiday",
        "policy_version = 3 AND NOT verdict = delivered",
        "id = 0192f3a0-0006-7000-8000-000000067932", "sender:sender49999", "verdict = failed",
        "time < 2026-09-25 AND score < 1", "rule = nothing"}) {
    const auto parsed = rpc::resource::ParseFilter(filter, MessageSchema());
    double slowest = 0;
    size_t found = 0;
    int pages = 0;
    std::string after;
    for (; pages < 20; ++pages) {
      const absl::Time begin = absl::Now();
      const auto page = search.Messages(
          {.tenant = std::string(tenant), .visible = {.all_tenants = true, .all_domains = true}},
          *parsed, {.after = after, .size = 100});
      const double took = absl::ToDoubleMilliseconds(absl::Now() - begin);
      all.push_back(took);
      slowest = std::max(slowest, took);
      if (!page.ok()) std::fprintf(stderr, "%s\n", page.status().ToString().c_str());
      found += page->items.size();
      after = page->next;
      if (after.empty()) break;
    }
    std::printf("  %-55s slowest page %6.1f ms, %4zu found in %d pages%s\n", filter.c_str(),
                slowest, found, pages + 1, after.empty() ? "" : " (and more)");
  }
  std::sort(all.begin(), all.end());
  std::printf("%s: pages asked %zu, p50 %.1f ms, p95 %.1f ms, slowest %.1f ms\n",
              tenant.empty() ? "all tenants" : std::string(tenant).c_str(), all.size(),
              all[all.size() / 2], all[all.size() * 95 / 100], all.back());
}

int Run(int messages) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / base::Cat("search_benchmark-", getpid());
  std::filesystem::create_directories(folder);
  {
    auto database = sql::OpenSqlite((folder / "reporting.db").string());
    if (!database.ok() || !sql::Migrate(**database, Migrations()).ok()) return 1;
    Store store(**database);
    const absl::Time begin = absl::Now();
    const double cpu = CpuSeconds();
    for (int i = 0; i < messages; i += kBatch) TellAll(store, i, std::min(i + kBatch, messages));
    std::printf("%d messages, four events each: %.0f us of CPU a message, %.0f us of time\n",
                messages, (CpuSeconds() - cpu) * 1e6 / messages,
                absl::ToDoubleMicroseconds(absl::Now() - begin) / messages);
    Search search(**database, {});
    Measure(search, "tenant7");
    Measure(search, "");
  }
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace cleanmail::reporting

int main(int argc, char** argv) {
  return cleanmail::reporting::Run(argc > 1 ? std::atoi(argv[1]) : 1'000'000);
}
