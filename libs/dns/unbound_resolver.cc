#include "libs/dns/unbound_resolver.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>
#include <unordered_map>

#include <poll.h>
#include <sys/eventfd.h>
#include <unbound.h>
#include <unistd.h>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/dns/records.h"

namespace cleanmail::dns {
namespace {

using Done = absl::AnyInvocable<void(absl::StatusOr<Answer>) &&>;

std::string Words(const Question& question) {
  return base::Cat(base::Printable(question.name, 253), " ", TypeName(question.type));
}

absl::StatusOr<Answer> ToAnswer(const Question& question, int error, const ub_result& result) {
  if (error != 0)
    return absl::UnavailableError(
        base::Cat("asking DNS for ", Words(question), ": ", ub_strerror(error)));
  if (result.bogus != 0)
    return absl::UnavailableError(base::Cat("DNSSEC of ", Words(question), " is broken"));
  if (result.rcode != 0 && result.nxdomain == 0) {
    return absl::UnavailableError(
        base::Cat("DNS could not answer ", Words(question), " (rcode ", result.rcode, ")"));
  }
  if (result.havedata == 0) {
    return absl::NotFoundError(
        base::Cat(Words(question), result.nxdomain != 0 ? ": no such name" : ": no such record"));
  }
  Answer answer;
  answer.ttl = absl::Seconds(std::max(result.ttl, 0));
  answer.secure = result.secure != 0;
  for (int i = 0; result.data[i] != nullptr; ++i) {
    AddRecord(question.type, std::string_view(result.data[i], static_cast<size_t>(result.len[i])),
              answer);
  }
  SortAnswer(answer);
  return answer;
}

absl::Status Wrong(std::string_view what, std::string_view given, std::string_view wanted,
                   int error) {
  return absl::InvalidArgumentError(base::Cat("the ", what, " \"", base::Printable(given, 200),
                                              "\" is not ", wanted, ": ", ub_strerror(error)));
}

// Tells libunbound whom to ask, and what it knows without asking.
absl::Status NameServers(ub_ctx* context, const UnboundResolver::Options& options) {
  for (const std::string& forwarder : options.forwarders) {
    if (const int error = ub_ctx_set_fwd(context, forwarder.c_str()); error != 0)
      return Wrong("resolver", forwarder, "`address` or `address@port`", error);
  }
  if (options.forwarders.empty() && !options.records_only)
    ub_ctx_resolvconf(context, nullptr);  // without one it asks the root servers
  if (!options.trust_anchor_file.empty()) {
    if (const int error = ub_ctx_add_ta_file(context, options.trust_anchor_file.c_str());
        error != 0)
      return Wrong("file of trust anchors", options.trust_anchor_file, "readable", error);
  }
  // A thread, not a process. Must be said before the first zone: after that nothing can be set.
  ub_ctx_async(context, 1);
  // libunbound answers RFC 6761's test zone itself; here the forwarder is asked, so that a
  // laboratory can have one.
  if (!options.forwarders.empty()) ub_ctx_zone_add(context, "test.", "transparent");
  if (options.records_only) ub_ctx_zone_add(context, ".", "static");
  for (const std::string& record : options.records) {
    if (const int error = ub_ctx_data_add(context, record.c_str()); error != 0)
      return Wrong("record", record, "one of a master file (RFC 1035 section 5)", error);
  }
  return absl::OkStatus();
}

}  // namespace

struct UnboundResolver::State {
  // One question in libunbound's hands; lives until libunbound lets go of it, which may be after
  // `done` was called.
  struct Pending {
    State* state;
    uint64_t id;
    Question question;
    Done done;  // null once called
    absl::Time deadline;
  };

  ~State() {
    stop.store(true);
    Wake();
    if (thread.joinable()) thread.join();
    if (context != nullptr) ub_ctx_delete(context);
    for (auto& [id, pending] : all) {
      if (pending->done)
        std::move(pending->done)(absl::UnavailableError("the resolver is being closed"));
    }
    if (wake_fd >= 0) close(wake_fd);
  }

  void Wake() {
    const uint64_t one = 1;
    (void)!write(wake_fd, &one, sizeof one);
  }

  static void OnResult(void* data, int error, ub_result* result) {
    auto* pending = static_cast<Pending*>(data);
    State& state = *pending->state;
    absl::StatusOr<Answer> answer = absl::UnavailableError("no result");
    if (result != nullptr) {
      answer = ToAnswer(pending->question, error, *result);
      ub_resolve_free(result);
    } else {
      answer = absl::UnavailableError(base::Cat("asking DNS: ", ub_strerror(error)));
    }
    std::unique_ptr<Pending> owned;
    {
      absl::MutexLock lock(&state.mutex);
      auto node = state.all.extract(pending->id);
      owned = std::move(node.mapped());
      state.ForgetDeadline(*owned);
    }
    if (owned->done) std::move(owned->done)(std::move(answer));
  }

  void ForgetDeadline(const Pending& pending) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    auto [begin, end] = deadlines.equal_range(pending.deadline);
    for (auto it = begin; it != end; ++it) {
      if (it->second == pending.id) {
        deadlines.erase(it);
        return;
      }
    }
  }

  // Calls back what is due; returns how long poll may sleep, in milliseconds.
  int ExpireDue() {
    std::vector<std::pair<Question, Done>> due;
    int wait = 60'000;
    {
      absl::MutexLock lock(&mutex);
      const absl::Time now = absl::Now();
      while (!deadlines.empty() && deadlines.begin()->first <= now) {
        Pending& pending = *all.at(deadlines.begin()->second);
        due.emplace_back(pending.question, std::move(pending.done));
        pending.done = nullptr;
        deadlines.erase(deadlines.begin());
      }
      if (!deadlines.empty()) {
        wait = static_cast<int>(std::min(
            absl::ToInt64Milliseconds(deadlines.begin()->first - now) + 1, int64_t{60'000}));
      }
    }
    for (auto& [question, done] : due) {
      std::move(done)(
          absl::UnavailableError(base::Cat("DNS did not answer ", Words(question), " in time")));
    }
    return wait;
  }

  void Run() {
    while (!stop.load()) {
      pollfd fds[2] = {{.fd = ub_fd(context), .events = POLLIN, .revents = 0},
                       {.fd = wake_fd, .events = POLLIN, .revents = 0}};
      poll(fds, 2, ExpireDue());
      if ((fds[1].revents & POLLIN) != 0) {
        uint64_t count = 0;
        (void)!read(wake_fd, &count, sizeof count);
      }
      if ((fds[0].revents & POLLIN) != 0) ub_process(context);
    }
  }

  Options options;
  ub_ctx* context = nullptr;
  int wake_fd = -1;
  std::atomic<bool> stop{false};
  absl::Mutex mutex;
  uint64_t next_id ABSL_GUARDED_BY(mutex) = 0;
  std::unordered_map<uint64_t, std::unique_ptr<Pending>> all ABSL_GUARDED_BY(mutex);
  std::multimap<absl::Time, uint64_t> deadlines ABSL_GUARDED_BY(mutex);
  std::thread thread;
};

UnboundResolver::UnboundResolver(std::unique_ptr<State> state) : state_(std::move(state)) {}
UnboundResolver::~UnboundResolver() = default;

absl::StatusOr<std::unique_ptr<UnboundResolver>> UnboundResolver::Create(Options options) {
  auto state = std::make_unique<State>();
  state->options = std::move(options);
  state->context = ub_ctx_create();
  state->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (state->context == nullptr || state->wake_fd < 0)
    return absl::ResourceExhaustedError("libunbound cannot start");
  ub_ctx* const context = state->context;
  ub_ctx_debuglevel(context, 0);
  ub_ctx_set_option(context,
                    "do-not-query-localhost:", "no");  // a forwarder may be on this machine
  ub_ctx_set_option(context, "edns-buffer-size:", "1232");
  ub_ctx_set_option(context, "msg-cache-size:", "1m");  // CachingResolver is the cache
  ub_ctx_set_option(context, "rrset-cache-size:", "2m");
  ub_ctx_set_option(
      context, "unblock-lan-zones:", "yes");  // a forwarder may know the names of private addresses
  CLEANMAIL_RETURN_IF_ERROR(NameServers(context, state->options));
  state->thread = std::thread([raw = state.get()] { raw->Run(); });
  return std::unique_ptr<UnboundResolver>(new UnboundResolver(std::move(state)));
}

void UnboundResolver::Lookup(const Question& question, absl::Time deadline, Done done) {
  if (!IsAskable(question.name))
    return std::move(done)(absl::NotFoundError("not a name DNS can have"));
  deadline = std::min(deadline, absl::Now() + state_->options.timeout);
  State::Pending* pending = nullptr;
  uint64_t id = 0;
  {
    absl::MutexLock lock(&state_->mutex);
    if (state_->all.size() < state_->options.most_questions) {
      id = state_->next_id++;
      auto owned = std::make_unique<State::Pending>(
          State::Pending{state_.get(), id, question, std::move(done), deadline});
      pending = owned.get();
      state_->all.emplace(id, std::move(owned));
      state_->deadlines.emplace(deadline, id);
    }
  }
  if (pending == nullptr)
    return std::move(done)(absl::UnavailableError("too many questions to DNS at once"));
  const std::string name = question.name + ".";
  const int error = ub_resolve_async(state_->context, name.c_str(), static_cast<int>(question.type),
                                     /*class IN*/ 1, pending, &State::OnResult, nullptr);
  if (error != 0) return State::OnResult(pending, error, nullptr);
  state_->Wake();  // for the deadline
}

}  // namespace cleanmail::dns
