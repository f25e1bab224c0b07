#include "services/policy/history/memory.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_format.h"
#include "libs/base/status_macros.h"
#include "services/policy/rules/pattern.h"

namespace cleanmail::policy::history {
namespace {

constexpr size_t kMostWaiting = 20'000;
constexpr size_t kWrittenAtOnce = 2'000;
constexpr int64_t kForgottenAtOnce = 5'000;
constexpr size_t kLongestValue = 200;

bool IsTrace(std::string_view name) {
  constexpr std::array<std::string_view, 8> kTrace = {
      "received",     "dkim-signature", "authentication-results",  "domainkey-signature",
      "received-spf", "x-received",     "x-google-dkim-signature", "autocrypt"};
  const std::string lowered = Lower(name);
  return lowered.starts_with("arc-") || lowered.starts_with("x-ms-exchange") ||
         lowered.starts_with("x-microsoft-") || std::ranges::find(kTrace, lowered) != kTrace.end();
}

// Cut at a character's beginning: proto strings are UTF-8.
std::string Cut(const std::string& text) {
  if (text.size() <= kLongestValue) return text;
  size_t end = kLongestValue;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

mail::v1::MessageFacts Shortened(const mail::v1::MessageFacts& facts) {
  mail::v1::MessageFacts kept;
  for (const mail::v1::HeaderField& field : facts.headers()) {
    if (IsTrace(field.name())) continue;
    mail::v1::HeaderField& copy = *kept.add_headers();
    copy.set_name(field.name());
    copy.set_value(Cut(field.value()));
  }
  *kept.mutable_attachments() = facts.attachments();
  *kept.mutable_authentication() = facts.authentication();
  kept.set_signed_(facts.signed_());
  kept.set_encrypted(facts.encrypted());
  kept.set_category(facts.category());
  kept.set_category_reason(facts.category_reason());
  return kept;
}

std::string FirstIdAt(absl::Time time) {
  const auto millis = static_cast<uint64_t>(std::max<int64_t>(0, absl::ToUnixMillis(time)));
  const std::string hex = absl::StrFormat("%012x", millis & 0xffffffffffff);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-7000-8000-000000000000";
}

void Memory::Note(const v1::Judged& judged) {
  sql::Parameters row = {{"tenant", judged.message().tenant()},
                         {"message", judged.message().id()},
                         {"generation", int64_t{judged.generation()}},
                         {"body", Pack(judged)}};
  absl::MutexLock lock(&mutex_);
  if (waiting_.size() >= kMostWaiting) {
    metrics_.not_remembered.Add();
    return;
  }
  waiting_.push_back(std::move(row));
}

absl::Status Memory::Write() {
  std::vector<sql::Parameters> rows;
  {
    absl::MutexLock lock(&mutex_);
    rows.swap(waiting_);
  }
  absl::Status result;
  for (size_t at = 0; at < rows.size(); at += kWrittenAtOnce) {
    const size_t end = std::min(rows.size(), at + kWrittenAtOnce);
    const std::vector<sql::Parameters> batch(
        std::make_move_iterator(rows.begin() + static_cast<ptrdiff_t>(at)),
        std::make_move_iterator(rows.begin() + static_cast<ptrdiff_t>(end)));
    const absl::Status status = store_.Remember(batch);
    (status.ok() ? metrics_.remembered : metrics_.not_remembered)
        .Add(static_cast<int64_t>(batch.size()));
    if (!status.ok()) result = status;
  }
  return result;
}

absl::Status Memory::Forget() {
  std::string tenant;
  while (true) {
    CLEANMAIL_ASSIGN_OR_RETURN(tenant, store_.NextTenant(tenant));
    if (tenant.empty()) break;
    const absl::Duration kept = absl::Hours(24 * book_.SettingsOf(tenant)->remember_days());
    const std::string before = FirstIdAt(clock_.Now() - kept);
    for (int64_t deleted = kForgottenAtOnce; deleted >= kForgottenAtOnce;) {
      CLEANMAIL_ASSIGN_OR_RETURN(deleted, store_.Forget(tenant, before, kForgottenAtOnce));
    }
  }
  return store_.DeleteDryRuns(base::NowMicros(clock_) - int64_t{7} * 24 * 3600 * 1'000'000);
}

}  // namespace cleanmail::policy::history
