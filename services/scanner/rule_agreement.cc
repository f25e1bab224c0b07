#include "services/scanner/rule_agreement.h"

#include <optional>
#include <utility>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::scanner {
namespace {

constexpr std::string_view kKey = "scanner/rules";
constexpr absl::Duration kLife = absl::Minutes(10);

std::string DigestOf(const std::optional<spam::RuleSets::Version>& version) {
  return version ? version->digest : "";
}

}  // namespace

void RuleAgreement::Tell() {
  const std::string digest = DigestOf(sets_.present());
  const absl::MutexLock lock(&mutex_);
  done_ = digest;
  const absl::Status told = kv_.Set(kKey, digest, kLife);
  if (told.ok()) return;
  log_.Warning("scanner.rules.not_told",
               {{"error", base::View(told.message())},
                {"advice", "other scanners keep their rules: reload them again, or restart them"}});
}

void RuleAgreement::Follow() {
  absl::StatusOr<std::string> wanted = kv_.Get(kKey);
  if (!wanted.ok()) return;
  {
    const absl::MutexLock lock(&mutex_);
    if (*wanted == done_) return;
    done_ = *wanted;
  }
  const absl::Status used = Use(*wanted);
  if (used.ok()) return;
  log_.Warning(
      "scanner.rules.differ",
      {{"error", base::View(used.message())},
       {"advice", "another scanner was told to change its rules: give all the same folders"}});
}

absl::Status RuleAgreement::Use(const std::string& digest) {
  if (DigestOf(sets_.present()) == digest) return absl::OkStatus();
  if (DigestOf(sets_.previous()) == digest) return sets_.GoBack();
  CLEANMAIL_RETURN_IF_ERROR(sets_.Load());
  if (DigestOf(sets_.present()) == digest) return absl::OkStatus();
  return absl::FailedPreconditionError("the folders of rules hold other files here");
}

}  // namespace cleanmail::scanner
