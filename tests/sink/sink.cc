#include "tests/sink/sink.h"

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/net/connection.h"
#include "libs/net/coroutines.h"

namespace cleanmail::sink {
namespace {

using mail::smtp::Reply;
using mail::smtp::ServerEvent;
namespace replies = mail::smtp::replies;

constexpr absl::Duration kPatience = absl::Minutes(2);

}  // namespace

// One connection; the coroutine owns it.
struct Sink::Conversation {
  Conversation(Sink& s, std::unique_ptr<net::Connection> c)
      : sink(s), connection(std::move(c)), machine(s.server_options_) {}

  // False: the connection is to be closed at once.
  bool Answer(ServerEvent event) {
    const Mode mode = sink.mode_.load();
    switch (event) {
      case ServerEvent::kMail:
        mail = {.sender = ToText(machine.sender()), .recipients = {}, .content = {}};
        machine.AnswerMail(replies::SenderOk());
        return true;
      case ServerEvent::kRecipients:
        return AnswerRecipients(mode);
      case ServerEvent::kData:
        machine.AnswerData(std::nullopt);
        return true;
      case ServerEvent::kContent:
        if (mail.content.size() < sink.options_.content_limit) mail.content += machine.content();
        return mode != Mode::kCloseMidData;
      case ServerEvent::kMessageEnd:
        return AnswerMessage(mode);
      case ServerEvent::kClose:
        return false;
      default:
        return true;
    }
  }

  bool AnswerRecipients(Mode mode) {
    std::vector<Reply> answers;
    for (const mail::address::Mailbox& recipient : machine.recipients()) {
      mail.recipients.push_back(ToText(recipient));
      answers.push_back(
          mode == Mode::kDefer
              ? Reply{.code = 451, .enhanced = "4.3.2", .text = "Mailbox server is being serviced"}
          : mode == Mode::kRefuse
              ? Reply{.code = 550, .enhanced = "5.1.1", .text = "No such mailbox"}
              : replies::RecipientOk());
    }
    machine.AnswerRecipients(answers);
    return true;
  }

  bool AnswerMessage(Mode mode) {
    if (mode == Mode::kCloseUnacked) return false;
    if (mode == Mode::kDeferAtEnd) {
      machine.AnswerMessage({.code = 451, .enhanced = "4.2.2", .text = "Mailbox is full for now"});
      return true;
    }
    if (sink.options_.on_mail) sink.options_.on_mail(mail);
    if (sink.options_.keep) {
      const absl::MutexLock lock(&sink.mutex_);
      sink.mails_.push_back(std::move(mail));
    }
    sink.count_.fetch_add(1);
    machine.AnswerMessage(replies::Ok());
    return true;
  }

  net::Task<void> Run() {
    if (sink.mode_.load() == Mode::kHang) {
      (void)co_await connection->ReadSome(absl::Now() +
                                          kPatience);  // until the other side has had enough
      co_return;
    }
    for (;;) {
      const std::string output = machine.TakeOutput();
      if (!output.empty() && !(co_await connection->Write(output, absl::Now() + kPatience)).ok())
        co_return;
      const auto bytes = co_await connection->ReadSome(absl::Now() + kPatience);
      if (!bytes.ok() || bytes->empty()) co_return;
      std::string_view input = *bytes;
      for (ServerEvent event = machine.Next(input); event != ServerEvent::kNeedInput;
           event = machine.Next(input)) {
        if (!Answer(event)) {
          const std::string last = machine.TakeOutput();
          (void)co_await connection->Write(last, absl::Now() + kPatience);
          co_return;
        }
      }
    }
  }

  Sink& sink;
  const std::unique_ptr<net::Connection> connection;
  mail::smtp::ServerMachine machine;
  Mail mail;
};

Sink::Sink(net::Loops& loops, Options options) : loops_(loops), options_(std::move(options)) {
  server_options_.host_name = "sink.example";
  server_options_.message.bytes = options_.message_bytes;
  server_options_.recipients = 0;
  server_options_.messages = 0;
}

Sink::~Sink() = default;

absl::StatusOr<std::unique_ptr<Sink>> Sink::Start(net::Loops& loops, Options options) {
  auto sink = std::unique_ptr<Sink>(new Sink(loops, std::move(options)));
  CLEANMAIL_ASSIGN_OR_RETURN(
      sink->listener_,
      net::Listener::Open(
          loops, {.name = "sink", .address = sink->options_.address, .proxy_from = {}},
          [sink = sink.get()](auto connection) { sink->Converse(std::move(connection)); }));
  return sink;
}

void Sink::Converse(std::unique_ptr<net::Connection> connection) {
  connections_.fetch_add(1);
  net::Loop& loop = connection->loop();
  auto conversation = std::make_unique<Conversation>(*this, std::move(connection));
  net::Spawn(loop, [conversation = std::move(conversation)]() { return conversation->Run(); });
}

std::vector<Mail> Sink::Mails() const {
  const absl::MutexLock lock(&mutex_);
  return mails_;
}

bool Sink::WaitFor(int64_t number, absl::Duration patience) const {
  const absl::Time deadline = absl::Now() + patience;
  while (count() < number) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

}  // namespace cleanmail::sink
