// Sends mail by SMTP as fast as it is taken, or at a rate, and says how it went, as JSON on one
// line.
//   source ADDRESS:PORT [--messages N] [--connections N] [--size BYTES | --files LIST] [--from A]
//          [--to A] [--rate PER_SECOND] [--per-connection N] [--clients N] [--ids FILE]
//          [--seconds N]
// Every mail has an X-Load-Id of its own; --ids appends the ids that were answered with 250, each
// before the next is sent. --files: the mails whose paths stand in LIST, one a line, in turn,
// instead of made ones; line ends become CRLF. --clients: a PROXY header before each session says
// that it comes from one of so many addresses (at most 250) of 192.88.99.0/24, which RFC 7526 has
// taken back: nobody's, and not private. Bounded: by --messages, and by --seconds (default 600).
#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/mail/smtp/shell/blocking_client.h"

namespace {

using cleanmail::base::Cat;
using cleanmail::mail::smtp::BlockingClient;

struct Options {
  cleanmail::net::HostPort server;
  int64_t messages = 1000;
  int connections = 20;
  int64_t size = 4096;
  std::string from = "load@example.net";
  std::string to = "ann@example.org";
  double rate = 0;
  int per_connection = 1;
  std::string ids;
  std::string files;
  int clients = 0;
  int64_t seconds = 600;
};

// The text all mails of a run share: `size` bytes that look like text.
std::string MakeText(int64_t size) {
  std::string text;
  while (static_cast<int64_t>(text.size()) < size) {
    text += "The quick brown fox jumps over the lazy dog, again and again and again.\r\n";
  }
  return text;
}

// A file as SMTP wants it: lines end with CRLF.
std::string ReadMail(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::string mail;
  mail.reserve(bytes.size() + bytes.size() / 32 + 2);
  for (const char c : bytes) {
    if (c == '\r') continue;
    if (c == '\n') mail += '\r';
    mail += c;
  }
  if (!mail.ends_with('\n')) mail += "\r\n";
  return mail;
}

std::vector<std::string> ReadMails(const std::string& list) {
  std::vector<std::string> mails;
  std::ifstream paths(list);
  for (std::string path; std::getline(paths, path);) mails.push_back(ReadMail(path));
  return mails;
}

// A mail of its own, about as large as its text.
std::string MakeMail(const std::string& text, const std::string& id, const Options& options) {
  return Cat("From: <", options.from, ">\r\nTo: <", options.to, ">\r\nSubject: Load ", id,
             "\r\nX-Load-Id: ", id, "\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <",
             id, "@load.example>\r\nMIME-Version: 1.0\r\n",
             "Content-Type: text/plain; charset=us-ascii\r\n\r\n", text);
}

// What goes before the conversation: who the client is said to be, one of `clients`.
std::string Opening(int clients, int64_t number) {
  if (clients == 0) return "";
  return Cat("PROXY TCP4 192.88.99.", 1 + number % clients, " 192.0.2.25 40000 25\r\n");
}

// What all senders share.
struct Run {
  explicit Run(const Options& o) : options(o), id_file(o.ids, std::ios::app) {}

  void Send() {
    std::unique_ptr<BlockingClient> client;
    int sent_over = 0;
    for (int64_t number = next.fetch_add(1); number < options.messages && absl::Now() < deadline;
         number = next.fetch_add(1)) {
      if (options.rate > 0)
        absl::SleepFor(begin + absl::Seconds(1) * (static_cast<double>(number) / options.rate) -
                       absl::Now());
      if (client == nullptr) {
        auto connected =
            BlockingClient::Connect(options.server, {.host_name = "load.example.net"},
                                    absl::Minutes(1), Opening(options.clients, number));
        if (!connected.ok()) {
          failed.fetch_add(1);
          absl::SleepFor(absl::Milliseconds(20));  // killed or full: do not spin
          continue;
        }
        client = *std::move(connected);
        sent_over = 0;
      }
      const std::string id = Cat(prefix, "-", number);
      const std::string mail = Mail(number, id);
      const auto outcomes = client->Send({.sender = options.from,
                                          .recipients = {options.to},
                                          .eight_bit = !mails.empty(),
                                          .size = static_cast<int64_t>(mail.size())},
                                         mail);
      if (!outcomes.empty() && outcomes[0].delivered()) {
        Delivered(id, absl::Now() - client->data_sent());
      } else {
        failed.fetch_add(1);
      }
      if (++sent_over >= options.per_connection || !client->usable()) {
        client->Quit();
        client.reset();
      }
    }
  }

  std::string Mail(int64_t number, const std::string& id) const {
    if (mails.empty()) return MakeMail(text, id, options);
    return Cat("X-Load-Id: ", id, "\r\n", mails[static_cast<size_t>(number) % mails.size()]);
  }

  void Delivered(const std::string& id, absl::Duration delay) {
    const absl::MutexLock lock(&mutex);
    delays.push_back(absl::ToInt64Microseconds(delay));
    if (!options.ids.empty()) id_file << id << std::endl;
  }

  int64_t Percentile(double share) {
    if (delays.empty()) return 0;
    std::ranges::sort(delays);
    return delays[std::min(delays.size() - 1,
                           static_cast<size_t>(share * static_cast<double>(delays.size())))];
  }

  const Options options;
  const std::string text = MakeText(options.size);
  const std::vector<std::string> mails = ReadMails(options.files);
  const absl::Time begin = absl::Now();
  const absl::Time deadline = begin + absl::Seconds(options.seconds);
  const std::string prefix = Cat(absl::ToUnixMicros(begin));
  std::atomic<int64_t> next{0};
  std::atomic<int64_t> failed{0};
  absl::Mutex mutex;
  std::vector<int64_t> delays;
  std::ofstream id_file;
};

bool Parse(int argc, char** argv, Options& options) {
  std::map<std::string, std::string> flags;
  for (int i = 2; i + 1 < argc; i += 2) flags[argv[i]] = argv[i + 1];
  const auto server = cleanmail::net::ParseHostPort(argc > 1 ? argv[1] : "", 25);
  if (!server.ok() || argc % 2 != 0) return false;
  options.server = *server;
  for (const auto& [flag, value] : flags) {
    if (flag == "--messages")
      options.messages = std::stoll(value);
    else if (flag == "--connections")
      options.connections = std::stoi(value);
    else if (flag == "--size")
      options.size = std::stoll(value);
    else if (flag == "--from")
      options.from = value;
    else if (flag == "--to")
      options.to = value;
    else if (flag == "--rate")
      options.rate = std::stod(value);
    else if (flag == "--per-connection")
      options.per_connection = std::stoi(value);
    else if (flag == "--ids")
      options.ids = value;
    else if (flag == "--files")
      options.files = value;
    else if (flag == "--clients")
      options.clients = std::clamp(std::stoi(value), 0, 250);
    else if (flag == "--seconds")
      options.seconds = std::stoll(value);
    else
      return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!Parse(argc, argv, options)) {
    std::cerr << "usage: source ADDRESS:PORT [--messages N] [--connections N] [--size BYTES | "
                 "--files LIST] [--from A] [--to A] [--rate PER_SECOND] [--per-connection N] "
                 "[--clients N] [--ids FILE] [--seconds N]\n";
    return 2;
  }
  Run run(options);
  if (!options.files.empty() && run.mails.empty()) {
    std::cerr << "source: no mails in " << options.files << '\n';
    return 2;
  }
  std::vector<std::thread> senders;
  for (int i = 0; i < options.connections; ++i) senders.emplace_back([&run] { run.Send(); });
  for (std::thread& sender : senders) sender.join();
  const double seconds = absl::ToDoubleSeconds(absl::Now() - run.begin);
  std::printf(
      "{\"acknowledged\": %zu, \"failed\": %ld, \"seconds\": %.3f, \"p50_us\": %ld, \"p99_us\": "
      "%ld}\n",
      run.delays.size(), run.failed.load(), seconds, run.Percentile(0.5), run.Percentile(0.99));
  return 0;
}
