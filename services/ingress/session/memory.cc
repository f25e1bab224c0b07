// What a session remembers of its client for others, and how that client is made to wait.
#include <algorithm>
#include <array>

#include "libs/base/cat.h"
#include "services/ingress/session/reply_of.h"
#include "services/ingress/session/session.h"

namespace cleanmail::ingress {
namespace {

// Whether a refusal says that the client guesses, or asks us to relay.
bool IsGuess(const mail::smtp::Reply& refusal) {
  return std::ranges::any_of(std::array{refusals::kUnknownUser.code, refusals::kUnknownThere.code,
                                        refusals::kNoRelay.code},
                             [&](std::string_view code) { return refusal.text.starts_with(code); });
}

}  // namespace

net::Task<void> Session::RecallReputation(mail::v1::DoorFacts& facts) {
  if (parts_.reputations == nullptr) co_return;
  // Named, since gcc 12 destroys a temporary with captures in a co_await expression twice.
  auto recall = [this, &facts] {
    parts_.reputations->Recall(connection_->peer().address, facts);
    return true;
  };
  if (!parts_.reputations->waits()) {
    recall();
    co_return;
  }
  (void)co_await net::OnPool(parts_.loops, loop_, std::move(recall));
}

// Of strangers only.
void Session::NoteReputation(reputation::Reputations::Event event, double count) {
  if (parts_.reputations == nullptr || settings_.door.off || !IsStranger() ||
      connection_->peer().address.IsPrivate())
    return;
  parts_.loops.RunSlow([reputations = parts_.reputations, client = connection_->peer().address,
                        event, count] { reputations->Note(client, event, count); });
}

void Session::NoteGuesses(const std::vector<Doorman::Verdict>& verdicts) {
  const auto guesses = std::ranges::count_if(verdicts, [](const Doorman::Verdict& verdict) {
    return verdict.refusal.has_value() && IsGuess(*verdict.refusal);
  });
  if (guesses > 0)
    NoteReputation(reputation::Reputations::Event::kRefused, static_cast<double>(guesses));
}

// Of clients that were asked about only: who a provider's server is, its name tells.
net::Task<void> Session::AskGreylist(std::vector<Doorman::Verdict>& verdicts) {
  const net::IpAddress client = connection_->peer().address;
  if (parts_.greylist == nullptr || !door_.has_value() || parts_.greylist->Spares(client, *door_))
    co_return;
  std::vector<Doorman::Verdict*> asked;
  std::vector<std::string> recipients;
  for (Doorman::Verdict& verdict : verdicts) {
    if (verdict.refusal || IsRelayFor({verdict.addressee.address})) continue;
    asked.push_back(&verdict);
    recipients.push_back(verdict.addressee.address);
  }
  if (asked.empty()) co_return;
  const std::string sender = ToText(machine_.sender());
  // Named, since gcc 12 destroys a temporary with captures in a co_await expression twice.
  auto ask = [this, &client, &sender, &recipients] {
    return parts_.greylist->Ask(client, sender, recipients);
  };
  const std::vector<bool> waits = co_await net::OnPool(parts_.loops, loop_, std::move(ask));
  for (size_t i = 0; i < asked.size(); ++i) {
    (waits[i] ? parts_.metrics.greylist_later : parts_.metrics.greylist_passed).Add();
    if (!waits[i]) continue;
    asked[i]->refusal = ReplyOf(refusals::kGreylisted);
    asked[i]->reason = "not seen before with this sender and recipient";
  }
}

// Lets a client that has erred once more wait for its answer.
net::Task<void> Session::HoldUp() {
  if (parts_.tarpit == nullptr || machine_.errors() == errors_held_ || !IsStranger()) co_return;
  errors_held_ = machine_.errors();
  const absl::Duration delay = parts_.tarpit->DelayAfter(errors_held_, connection_->peer().address);
  if (delay == absl::ZeroDuration()) co_return;
  const Tarpit::Place place = parts_.tarpit->Enter();
  if (!place) co_return;
  parts_.metrics.held_up.Add();
  const absl::Time until = std::min(absl::Now() + delay, began_ + settings_.timeouts.session);
  // In short naps, so that nobody waits for us when the process shall end.
  for (absl::Duration left = until - absl::Now();
       left > absl::ZeroDuration() && !sessions_.draining(); left = until - absl::Now())
    co_await net::Sleep(loop_, std::min(left, absl::Milliseconds(500)));
}

}  // namespace cleanmail::ingress
