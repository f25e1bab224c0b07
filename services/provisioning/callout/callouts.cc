#include "services/provisioning/callout/callouts.h"

#include <utility>

#include "absl/time/clock.h"
#include "libs/authz/authorizer.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/uuid.h"
#include "services/provisioning/rules.h"

namespace cleanmail::provisioning::callout {
namespace {

constexpr absl::Duration kWindow = absl::Minutes(10);
constexpr size_t kManyDenied = 5;   // in the window: an alert
constexpr size_t kFewestAsked = 5;  // from which on a share counts
constexpr size_t kShareDenied = 5;  // one in five of the known good that were asked for
constexpr absl::Duration kKeptExpired = absl::Hours(30 * 24);  // to know who was good once
constexpr size_t kMostWatches = 100'000;
constexpr std::string_view kAcceptsAll = "the destination takes every address";

Entry NewEntry(const std::string& tenant, const std::string& address, const std::string& domain,
               const Finding& finding, int64_t now, absl::Duration life) {
  return {.address = address,
          .tenant = tenant,
          .domain = domain,
          .answer = finding.verdict.answer,
          .reply = finding.verdict.words,
          .server = finding.server,
          .asked_us = now,
          .expires_us = now + absl::ToInt64Microseconds(life)};
}

}  // namespace

absl::StatusOr<std::optional<Answered>> Callouts::FromMemory(std::string_view tenant,
                                                             const std::string& address,
                                                             std::string_view domain) {
  const int64_t now = base::NowMicros(parts_.clock);
  CLEANMAIL_ASSIGN_OR_RETURN(const std::optional<Entry> entry, parts_.store.Find(tenant, address));
  if (entry.has_value() && entry->expires_us > now) {
    return Answered{.verdict = {.answer = entry->answer, .words = entry->reply},
                    .remembered = true};
  }
  CLEANMAIL_ASSIGN_OR_RETURN(const std::optional<Status> status, parts_.store.StatusOf(domain));
  if (status.has_value() && status->accepts_all_until_us > now) {
    return Answered{.verdict = {.answer = Answer::kExists, .words = std::string(kAcceptsAll)},
                    .remembered = true};
  }
  return std::nullopt;
}

absl::StatusOr<Answered> Callouts::Check(std::string_view tenant, std::string_view asked,
                                         absl::Time deadline) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string address, NormalAddress("address", asked));
  const std::string domain(DomainOf(address));
  const auto facts = parts_.directory.FindDomain(domain);
  if (!facts.has_value() || facts->tenant != tenant) return authz::NoSuchResource();
  CLEANMAIL_ASSIGN_OR_RETURN(const std::optional<Answered> known,
                             FromMemory(tenant, address, domain));
  if (known.has_value()) {
    parts_.metrics.callouts_remembered.Add();
    return *known;
  }
  const std::shared_ptr<Pending> pending = Start(std::string(tenant), address, domain);
  Answered answered{
      .verdict = {.answer = Answer::kUnknown, .words = "too many questions are out already"}};
  if (pending != nullptr) {
    const absl::MutexLock lock(&mutex_);
    const absl::Time until = std::min(deadline, absl::Now() + options_.timeout);
    if (pending->done || waiting_ < options_.waiters) {
      ++waiting_;
      answered.verdict.words = "the destination has not answered in time";
      if (mutex_.AwaitWithDeadline(absl::Condition(&pending->done), until))
        answered.verdict = pending->verdict;
      --waiting_;
    }
  }
  switch (answered.verdict.answer) {
    case Answer::kExists:
      parts_.metrics.callouts_exists.Add();
      break;
    case Answer::kDoesNotExist:
      parts_.metrics.callouts_not.Add();
      break;
    case Answer::kUnknown:
      parts_.metrics.callouts_unknown.Add();
      break;
  }
  return answered;
}

std::shared_ptr<Callouts::Pending> Callouts::Start(const std::string& tenant,
                                                   const std::string& address,
                                                   const std::string& domain) {
  bool check_accept_all = false;
  std::shared_ptr<Pending> pending;
  {
    const absl::MutexLock lock(&mutex_);
    if (const auto it = pending_.find(address); it != pending_.end()) return it->second;
    int& busy = busy_[domain];
    if (stopping_ || static_cast<int>(pending_.size()) >= options_.connections ||
        busy >= options_.per_domain) {
      if (busy == 0) busy_.erase(domain);
      return nullptr;
    }
    ++busy;
    pending = pending_[address] = std::make_shared<Pending>();
    if (watches_.size() > kMostWatches) watches_.clear();
    check_accept_all =
        watches_[domain].accept_all_checked + options_.accept_all_life < parts_.clock.Now();
  }
  const absl::Time asked = absl::Now();
  ask_(Make(tenant, address, domain, check_accept_all), asked + options_.timeout,
       [this, tenant, address, domain, asked](Finding finding) {
         Learn(tenant, address, domain, asked, std::move(finding));
       });
  return pending;
}

Question Callouts::Make(const std::string& tenant, const std::string& address,
                        const std::string& domain, bool check_accept_all) {
  Question question{.domain = domain,
                    .route = parts_.directory.RouteOf(tenant, domain),
                    .address = address,
                    .known_good = {}};
  // An alias domain's MX is us: it is asked for where the domain it stands for is at home.
  if (const auto facts = parts_.directory.FindDomain(domain);
      question.route.empty() && facts.has_value() && !facts->alias_of.empty()) {
    question.home = facts->alias_of;
    question.route = parts_.directory.RouteOf(tenant, facts->alias_of);
  }
  const absl::StatusOr<std::string> good = parts_.store.SomeGood(domain);
  if (good.ok() && *good != address) question.known_good = *good;
  // What the destination said itself is surer than what was written down here.
  if (question.known_good.empty()) question.known_good = known_good_(tenant, domain);
  if (check_accept_all) {
    question.impossible =
        base::Cat("no-such-user-", base::NewUuid(parts_.clock, parts_.random), "@", domain);
  }
  return question;
}

bool Callouts::Watching(const std::string& tenant, const std::string& domain, bool known_good,
                        bool denied, const std::string& words) {
  const absl::Time now = parts_.clock.Now();
  const auto trim = [now](std::deque<absl::Time>& times) {
    while (!times.empty() && times.front() < now - kWindow) times.pop_front();
    while (times.size() > 1000) times.pop_front();
  };
  size_t asked_lately = 0;
  size_t denied_lately = 0;
  {
    const absl::MutexLock lock(&mutex_);
    Watch& watch = watches_[domain];
    if (known_good) watch.asked.push_back(now);
    if (denied) watch.denied.push_back(now);
    trim(watch.asked);
    trim(watch.denied);
    asked_lately = watch.asked.size();
    denied_lately = watch.denied.size();
  }
  const bool burst =
      denied_lately >= kManyDenied || (denied_lately > 1 && asked_lately >= kFewestAsked &&
                                       denied_lately * kShareDenied >= asked_lately);
  Status status{.domain = domain, .tenant = tenant};
  const auto kept = parts_.store.StatusOf(domain);
  if (kept.ok() && kept->has_value()) status = **kept;
  const bool alerted = status.alert_since_us > 0;
  if (!burst && (!alerted || denied_lately > 0)) return alerted;
  if (burst == alerted && !denied) return alerted;
  if (burst) {
    status.alert = base::Cat(denied_lately, " recipients known as good were denied within ",
                             absl::ToInt64Minutes(kWindow), " minutes; the last with: ", words);
    if (!alerted) {
      status.alert_since_us = absl::ToUnixMicros(now);
      parts_.metrics.callout_alerts.Add();
      parts_.log.Error("callout.alert",
                       {{"tenant", tenant}, {"domain", domain}, {"why", status.alert}});
      // What was believed while it began.
      (void)parts_.store.DeleteNegatives(domain, absl::ToUnixMicros(now - kWindow));
    }
  } else {
    status.alert_since_us = 0;
    status.alert.clear();
    parts_.log.Info("callout.alert_over", {{"tenant", tenant}, {"domain", domain}});
  }
  (void)parts_.store.Put(status);
  return burst;
}

Verdict Callouts::Remember(const std::string& tenant, const std::string& address,
                           const std::string& domain, const Finding& finding) {
  Verdict verdict = finding.verdict;
  const int64_t now = base::NowMicros(parts_.clock);
  const auto before = parts_.store.Find(tenant, address);
  const bool was_good = before.ok() && before->has_value() && (*before)->answer == Answer::kExists;
  const bool no = verdict.answer == Answer::kDoesNotExist;
  const bool denied = (was_good && no) || finding.good_was_refused;
  const bool known_good =
      (was_good && verdict.answer != Answer::kUnknown) || finding.good_was_refused;
  const bool alert = Watching(tenant, domain, known_good, denied, verdict.words);
  if (no && alert) {
    return {.answer = Answer::kUnknown,
            .words = base::Cat("not believed while the destination denies known recipients: ",
                               verdict.words)};
  }
  if (verdict.answer == Answer::kUnknown) return verdict;
  if (finding.accepts_all) {
    Status status{.domain = domain, .tenant = tenant};
    const auto kept = parts_.store.StatusOf(domain);
    if (kept.ok() && kept->has_value()) status = **kept;
    status.accepts_all_until_us = now + absl::ToInt64Microseconds(options_.accept_all_life);
    (void)parts_.store.Put(status);
    return verdict;  // says nothing of this one
  }
  const Entry entry = NewEntry(tenant, address, domain, finding, now,
                               no ? options_.negative_life : options_.positive_life);
  const absl::Status put = parts_.store.Put(entry);
  if (!put.ok())
    parts_.log.Warning("callout.not_remembered", {{"error", base::View(put.message())}});
  return verdict;
}

void Callouts::Learn(const std::string& tenant, const std::string& address,
                     const std::string& domain, absl::Time asked, Finding finding) {
  parts_.metrics.callout_seconds.Observe(absl::ToDoubleSeconds(absl::Now() - asked));
  const bool answered = finding.verdict.answer == Answer::kExists;
  Verdict verdict = Remember(tenant, address, domain, finding);
  const absl::MutexLock lock(&mutex_);
  if (answered) watches_[domain].accept_all_checked = parts_.clock.Now();
  const auto it = pending_.find(address);
  it->second->verdict = std::move(verdict);
  it->second->done = true;
  pending_.erase(it);
  if (--busy_[domain] == 0) busy_.erase(domain);
}

absl::StatusOr<int64_t> Callouts::Clear(std::string_view tenant, std::string_view domain) {
  {
    const absl::MutexLock lock(&mutex_);
    const auto it = watches_.find(domain);
    if (it != watches_.end()) watches_.erase(it);
  }
  return parts_.store.Clear(tenant, domain);
}

void Callouts::Forget() {
  const absl::Status forgotten =
      parts_.store.Forget(base::NowMicros(parts_.clock) - absl::ToInt64Microseconds(kKeptExpired));
  if (!forgotten.ok())
    parts_.log.Warning("callout.not_forgotten", {{"error", base::View(forgotten.message())}});
}

void Callouts::Stop() {
  const absl::MutexLock lock(&mutex_);
  stopping_ = true;
  const auto none = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return pending_.empty(); };
  mutex_.Await(absl::Condition(&none));
}

}  // namespace cleanmail::provisioning::callout
