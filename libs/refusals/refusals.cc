#include "libs/refusals/refusals.h"

#include <algorithm>
#include <array>

#include "libs/base/cat.h"

namespace cleanmail::refusals {
namespace {

constexpr std::array kAll = {
    kTooManySessions, kNoRoom,         kTryLater,       kLoading, kNotYourNetwork, kNotYourDomain,
    kForgedSender,    kSenderUnproven, kBlocked,        kNoRelay, kNoTenant,       kUnknownUser,
    kUnknownThere,    kCannotCheck,    kGreylisted,     kStaged,  kAnotherTime,    kNoSmtpUtf8There,
    kTooBigThere,     kHeaderTooBig,   kOutlookExpress, kRule,
};

}  // namespace

std::span<const Refusal> All() { return kAll; }

const Refusal* Find(std::string_view code) {
  const auto found = std::ranges::find(kAll, code, &Refusal::code);
  return found == kAll.end() ? nullptr : &*found;
}

std::string TextOf(const Refusal& refusal, std::string_view own) {
  return base::Cat(refusal.code, " ", own.empty() ? refusal.sentence : own);
}

}  // namespace cleanmail::refusals
