#include "services/ingress/intake/intake.h"

#include <algorithm>
#include <optional>

#include "absl/synchronization/mutex.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/uuid.h"
#include "libs/bus/events.h"
#include "libs/mail/auth/results/authentication_results.h"
#include "libs/mail/mime/encoded_word.h"
#include "proto/cleanmail/ingress/v1/events.pb.h"
#include "services/ingress/intake/received.h"

namespace cleanmail::ingress {
namespace {

constexpr std::string_view kOurFields = "X-Cleanmail-";
constexpr size_t kSubjectCharacters = 200;

std::string SubjectOf(const mail::mime::HeaderBlock& header) {
  const mail::mime::Field* subject = header.Find("Subject");
  return subject == nullptr ? std::string()
                            : mail::mime::CutCharacters(mail::mime::DecodeWords(subject->value()),
                                                        kSubjectCharacters);
}

// Bytes of `text` up to and with the empty line that ends the header; npos when it is not there.
// `from`: nothing before it needs to be looked at again.
size_t HeaderEnd(std::string_view text, size_t from) {
  if (text.starts_with("\r\n")) return 2;
  const size_t end = text.find("\r\n\r\n", from < 3 ? 0 : from - 3);
  return end == std::string_view::npos ? end : end + 4;
}

bool ContainsIgnoringCase(std::string_view text, std::string_view part) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return !std::ranges::search(text, part, {}, lower, lower).empty() || part.empty();
}

bool Matches(const mail::mime::DecodedField& field, const std::vector<HeaderTrigger>& triggers) {
  return std::ranges::any_of(triggers, [&](const HeaderTrigger& trigger) {
    if (trigger.name.empty()) return true;  // a rule that no single field can tell
    return field.name.size() == trigger.name.size() &&
           ContainsIgnoringCase(field.name, trigger.name) &&
           ContainsIgnoringCase(field.value, trigger.contains);
  });
}

// One tenant's copy.
struct Copy {
  std::string id;
  std::string tenant;
  std::vector<std::string> recipients;
  std::unique_ptr<blob::Writer> writer;
  std::unique_ptr<blob::Finished> finished;
  int64_t size = 0;
  int own_hops = 0;
};

// What callbacks of the stores, on any thread, may still need when the session is gone.
struct State {
  State(bus::Bus& b, base::Clock& c) : bus(b), clock(c) {}
  bus::Bus& bus;
  base::Clock& clock;
  Arrival arrival;
  std::vector<Copy>
      copies;  // touched by the session only until Finish, then by the last writer's callback
  std::string subject;
  std::optional<mail::v1::ScanResult> scan;

  absl::Mutex mutex;
  size_t waiting ABSL_GUARDED_BY(mutex) = 0;  // writers that said "wait"
  absl::AnyInvocable<void(bool) &&> ready ABSL_GUARDED_BY(mutex);
  size_t unfinished ABSL_GUARDED_BY(mutex) = 0;
  absl::Status failure ABSL_GUARDED_BY(mutex);
  absl::AnyInvocable<void(absl::StatusOr<Reception::Receipt>) &&> done;

  void WriterReady() {
    absl::AnyInvocable<void(bool) &&> call;
    {
      absl::MutexLock lock(&mutex);
      if (--waiting == 0 && ready) call = std::exchange(ready, nullptr);
    }
    if (call) std::move(call)(true);
  }

  v1::MailReceived EventOf(const Copy& copy, int64_t now_us) const {
    v1::MailReceived event;
    event.set_message_id(copy.id);
    *event.mutable_message() = MessageOf(copy, now_us);
    if (scan.has_value()) *event.mutable_scan() = *scan;
    return event;
  }

  mail::v1::Message MessageOf(const Copy& copy, int64_t now_us) const {
    mail::v1::Message message;
    message.set_id(copy.id);
    message.set_tenant(copy.tenant);
    message.set_direction(arrival.direction);
    mail::v1::Envelope& envelope = *message.mutable_envelope();
    envelope.set_sender(arrival.sender);
    for (const std::string& recipient : copy.recipients) envelope.add_recipients(recipient);
    envelope.set_smtp_utf8(arrival.smtp_utf8);
    envelope.set_eight_bit(arrival.eight_bit);
    envelope.set_dsn_return(arrival.dsn_return);
    envelope.set_dsn_envelope_id(arrival.dsn_envelope_id);
    for (const Addressee& addressee : arrival.recipients) {
      if (addressee.tenant != copy.tenant || !addressee.dsn.has_value()) continue;
      mail::v1::RecipientDsn& dsn = *envelope.add_recipient_dsn();
      dsn = *addressee.dsn;
      dsn.set_address(addressee.address);
    }
    *message.mutable_session() = arrival.session;
    message.set_size(copy.size);
    message.set_accepted_at_us(now_us);
    message.set_own_hops(copy.own_hops);
    message.set_subject(subject);
    if (arrival.spf.has_value()) *message.mutable_spf() = *arrival.spf;
    if (arrival.door.has_value()) *message.mutable_door() = *arrival.door;
    return message;
  }
};

// The last writer has finished: bodies and events go to the bus together.
void Publish(const std::shared_ptr<State>& state) {
  bus::Publication publication;
  Reception::Receipt receipt;
  const int64_t now_us = base::NowMicros(state->clock);
  for (Copy& copy : state->copies) {
    publication.records.push_back(
        bus::ToRecord(state->EventOf(copy, now_us), state->arrival.trace));
    publication.bodies.push_back(std::move(copy.finished));
    receipt.ids.push_back(copy.id);
    receipt.bytes += copy.size;
  }
  state->bus.Publish(std::move(publication),
                     [state, receipt = std::move(receipt)](absl::Status status) mutable {
                       if (!status.ok()) return std::move(state->done)(std::move(status));
                       std::move(state->done)(std::move(receipt));
                     });
}

void WriterFinished(const std::shared_ptr<State>& state, size_t index,
                    absl::StatusOr<std::unique_ptr<blob::Finished>> finished) {
  absl::Status failure;
  {
    absl::MutexLock lock(&state->mutex);
    if (finished.ok()) {
      state->copies[index].finished = *std::move(finished);
    } else if (state->failure.ok()) {
      state->failure = finished.status();
    }
    if (--state->unfinished > 0) return;
    failure = state->failure;
  }
  if (!failure.ok()) return std::move(state->done)(std::move(failure));
  Publish(state);
}

class ReceptionImpl final : public Reception {
 public:
  ReceptionImpl(const IntakeOptions& options, std::shared_ptr<State> state)
      : options_(options),
        state_(std::move(state)),
        scannable_(state_->arrival.scan_bytes > 0 && state_->copies.size() == 1) {}

  bool Append(std::string_view content) override {
    size_ += static_cast<int64_t>(content.size());
    if (header_done_) return Write(content);
    const size_t before = header_.size();
    std::string_view head = content;
    if (before > 0) {
      header_ += content;
      head = header_;
    }
    const size_t end = HeaderEnd(head, before);
    if (end == std::string_view::npos) {
      if (before == 0) header_ = content;
      return true;
    }
    const bool room = WriteHeader(head.substr(0, end), head.substr(end));
    header_ = {};
    return room;
  }

  void WhenReady(absl::AnyInvocable<void(bool) &&> ready) override {
    {
      absl::MutexLock lock(&state_->mutex);
      if (state_->waiting > 0) {
        state_->ready = std::move(ready);
        return;
      }
    }
    std::move(ready)(true);
  }

  std::vector<mail::mime::DecodedField> TriggeredHeader() override {
    if (!header_done_) WriteHeader(std::exchange(header_, {}), {});
    return std::move(triggered_);
  }

  std::optional<Scannable> ToScan() override {
    if (!header_done_) WriteHeader(std::exchange(header_, {}), {});
    if (!failure_.ok() || !scannable_) return std::nullopt;
    return Scannable{
        .message = state_->MessageOf(state_->copies[0], base::NowMicros(state_->clock)),
        .content = std::move(content_)};
  }

  void SetScan(mail::v1::ScanResult scan) override { state_->scan = std::move(scan); }

  int64_t size() const override { return size_; }

  void Finish(absl::AnyInvocable<void(absl::StatusOr<Receipt>) &&> done) override {
    if (!header_done_) WriteHeader(std::exchange(header_, {}), {});
    if (!failure_.ok()) return std::move(done)(failure_);
    const std::shared_ptr<State> state = state_;
    state->done = std::move(done);
    {
      absl::MutexLock lock(&state->mutex);
      state->unfinished = state->copies.size();
    }
    for (size_t i = 0; i < state->copies.size(); ++i) {
      state->copies[i].writer->Finish(
          [state, i](absl::StatusOr<std::unique_ptr<blob::Finished>> finished) {
            WriterFinished(state, i, std::move(finished));
          });
    }
  }

 private:
  bool WriteHeader(std::string_view header, std::string_view rest) {
    header_done_ = true;
    absl::StatusOr<mail::mime::HeaderBlock> block =
        mail::mime::HeaderBlock::Parse(header, options_.header);
    if (!block.ok()) {
      failure_ = absl::InvalidArgumentError(block.status().message());
      return true;
    }
    block->RemoveByPrefix(kOurFields);
    // What claims to be a finding of ours cannot be one yet (RFC 8601 §5).
    block->RemoveIf([&](const mail::mime::Field& field) {
      return mail::auth::results::IsForged(field, {&options_.host_name, 1}) ||
             mail::auth::results::IsForged(field, options_.authserv_ids);
    });
    state_->subject = SubjectOf(*block);
    FindTriggers(*block);
    const std::string kept = block->Bytes();
    bool room = true;
    for (Copy& copy : state_->copies) {
      copy.own_hops = CountOwnHops(*block, TenantMark(copy.tenant));
      room = WriteTo(copy, base::Cat(ReceivedOf(copy), kept, rest)) && room;
    }
    return room;
  }

  void FindTriggers(const mail::mime::HeaderBlock& block) {
    const std::vector<HeaderTrigger>& triggers = state_->arrival.triggers;
    if (triggers.empty()) return;
    std::vector<mail::mime::DecodedField> fields = mail::mime::DecodeFields(block);
    const auto matches = [&](const auto& field) { return Matches(field, triggers); };
    if (std::ranges::any_of(fields, matches)) triggered_ = std::move(fields);
  }

  std::string ReceivedOf(const Copy& copy) const {
    const Arrival& arrival = state_->arrival;
    return MakeReceived({.helo = arrival.session.helo(),
                         .client_address = arrival.session.client_address(),
                         .host_name = options_.host_name,
                         .tenant = copy.tenant,
                         .protocol = arrival.protocol,
                         .id = copy.id,
                         .tls = arrival.session.tls(),
                         // One recipient in all, not only in this copy: a name must not tell of the
                         // others (RFC 5321 §7.2).
                         .recipient = arrival.recipients.size() == 1 ? arrival.recipients[0].address
                                                                     : std::string(),
                         .time = state_->clock.Now()});
  }

  bool Write(std::string_view content) {
    bool room = true;
    if (!failure_.ok()) return room;
    for (Copy& copy : state_->copies) room = WriteTo(copy, content) && room;
    return room;
  }

  bool WriteTo(Copy& copy, std::string_view content) {
    copy.size += static_cast<int64_t>(content.size());
    Remember(content);
    {
      // Counted before the call, since the writer may be ready again before it returns.
      absl::MutexLock lock(&state_->mutex);
      ++state_->waiting;
    }
    const bool room = copy.writer->Append(content, [state = state_] { state->WriterReady(); });
    if (!room) return false;
    absl::MutexLock lock(&state_->mutex);
    --state_->waiting;
    return true;
  }

  // For a scan; what grows too long for one is given up at once.
  void Remember(std::string_view content) {
    if (!scannable_) return;
    scannable_ = content_.size() + content.size() <= state_->arrival.scan_bytes;
    if (scannable_) {
      content_ += content;
    } else {
      content_ = {};
    }
  }

  const IntakeOptions& options_;
  std::shared_ptr<State> state_;
  bool scannable_;
  std::string content_;  // as it is kept
  std::string header_;
  bool header_done_ = false;
  int64_t size_ = 0;
  std::vector<mail::mime::DecodedField> triggered_;
  absl::Status failure_;
};

}  // namespace

bool Intake::BeginsAtOnce(const Arrival& arrival) const {
  return std::ranges::all_of(arrival.recipients, [this](const Addressee& addressee) {
    return blobs_.CreatesAtOnce(addressee.tenant);
  });
}

absl::StatusOr<std::unique_ptr<Reception>> Intake::Begin(Arrival arrival) {
  auto state = std::make_shared<State>(bus_, clock_);
  for (const Addressee& addressee : arrival.recipients) {
    auto copy = std::find_if(state->copies.begin(), state->copies.end(),
                             [&](const Copy& c) { return c.tenant == addressee.tenant; });
    if (copy == state->copies.end()) {
      copy = state->copies.insert(copy, Copy{});
      copy->id = base::NewUuid(clock_, random_);
      copy->tenant = addressee.tenant;
    }
    if (std::find(copy->recipients.begin(), copy->recipients.end(), addressee.address) ==
        copy->recipients.end()) {
      copy->recipients.push_back(addressee.address);
    }
  }
  for (Copy& copy : state->copies) {
    CLEANMAIL_ASSIGN_OR_RETURN(copy.writer,
                               blobs_.Create({.tenant = copy.tenant, .message = copy.id}));
  }
  state->arrival = std::move(arrival);
  return std::make_unique<ReceptionImpl>(options_, std::move(state));
}

}  // namespace cleanmail::ingress
