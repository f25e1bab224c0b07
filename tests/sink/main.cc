// A mailbox server for trying things out: prints a line for each mail that arrives, and keeps them
// in a folder if told.
//   sink ADDRESS:PORT [--folder FOLDER] [--ids FILE] [--quiet]
// --ids appends the value of each mail's X-Load-Id header to a file.
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>

#include "absl/synchronization/mutex.h"
#include "libs/base/cat.h"
#include "libs/base/text.h"
#include "tests/sink/sink.h"

namespace {

constexpr size_t kHeaderBytes = 16 * 1024;  // enough of a mail when only its header is asked for

// Value of a header field, empty without it.
std::string HeaderOf(const std::string& content, std::string_view name) {
  const std::string_view header = std::string_view(content).substr(0, content.find("\r\n\r\n"));
  for (size_t line = 0; line < header.size();) {
    const size_t end = std::min(header.find("\r\n", line), header.size());
    const std::string_view field = header.substr(line, end - line);
    if (field.starts_with(name) && field.size() > name.size() && field[name.size()] == ':')
      return std::string(field.substr(name.size() + 2));
    line = end + 2;
  }
  return "";
}

}  // namespace

int main(int argc, char** argv) {
  std::string address = "127.0.0.1:2526";
  std::string folder;
  std::string ids;
  bool quiet = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--quiet")
      quiet = true;
    else if (argument == "--folder" && i + 1 < argc)
      folder = argv[++i];
    else if (argument == "--ids" && i + 1 < argc)
      ids = argv[++i];
    else
      address = argument;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  absl::Mutex mutex;
  int number = 0;
  std::ofstream id_file(ids, std::ios::app);
  const auto on_mail = [&](const cleanmail::sink::Mail& mail) {
    const absl::MutexLock lock(&mutex);
    ++number;
    if (!ids.empty()) id_file << HeaderOf(mail.content, "X-Load-Id") << std::endl;
    if (!folder.empty())
      std::ofstream(cleanmail::base::Cat(folder, "/", number, ".eml"), std::ios::binary)
          << mail.content;
    if (quiet) return;
    std::cout << "arrived: from <" << cleanmail::base::Printable(mail.sender) << ">";
    for (const std::string& recipient : mail.recipients)
      std::cout << " to <" << cleanmail::base::Printable(recipient) << ">";
    std::cout << ": " << cleanmail::base::Printable(HeaderOf(mail.content, "Subject")) << std::endl;
  };
  const auto loops = cleanmail::net::Loops::Create(1, 1);
  auto sink = cleanmail::sink::Sink::Start(
      *loops, {.address = address,
               .keep = false,
               .content_limit = folder.empty() ? kHeaderBytes : SIZE_MAX,
               .on_mail = on_mail});
  if (!sink.ok()) {
    std::cerr << "sink: " << sink.status().message() << "\n";
    return 1;
  }
  std::cout << "sink listens on port " << (*sink)->port() << std::endl;
  int signal = 0;
  sigwait(&signals, &signal);
  loops->Stop(absl::Now() + absl::Seconds(1));
  return 0;
}
