#include "libs/mail/auth/arc/verifier.h"

#include "libs/base/cat.h"

namespace cleanmail::mail::auth::arc {

Verifier::Verifier(const dkim::HeaderIndex& header, dkim::BodyHashes& body, int min_rsa_bits)
    : header_(header), body_(body), min_rsa_bits_(min_rsa_bits), sets_(ReadSets(header)) {
  if (!sets_.problem.empty()) return;
  for (const Set& set : sets_.list) {
    Parsed parsed{
        .message = dkim::ParseSignature(set.message->raw_value(), dkim::Flavour::kArcMessage),
        .seal = ParseSeal(set.seal->raw_value())};
    parsed_.push_back(std::move(parsed));
  }
  // The newest first: the number of hashes is limited, and that one decides.
  for (auto parsed = parsed_.rbegin(); parsed != parsed_.rend(); ++parsed)
    if (parsed->message.ok())
      parsed->body_place = body.Want(parsed->message->body_form, parsed->message->body_limit);
}

std::string Verifier::FormProblem() const {
  if (!sets_.problem.empty()) return sets_.problem;
  for (size_t i = 0; i < parsed_.size(); ++i) {
    const auto& [message, seal, place] = parsed_[i];
    if (!seal.ok()) return base::Cat("seal ", i + 1, ": ", seal.status().message());
    if (seal->claimed == Status::kFail) return base::Cat("seal ", i + 1, " says that it failed");
    if ((seal->claimed == Status::kNone) != (i == 0))
      return base::Cat("seal ", i + 1, " has the wrong cv=");
  }
  const auto& newest = parsed_.back();
  if (!newest.message.ok())
    return base::Cat("message signature: ", newest.message.status().message());
  return newest.body_place.has_value() ? "" : "too many ways to hash the body";
}

std::string Verifier::MessageProblem(size_t index, const dkim::FoundKey& key) const {
  const auto& [message, seal, place] = parsed_[index];
  if (!message.ok()) return std::string(message.status().message());
  if (!place.has_value()) return "too many ways to hash the body";
  if (key.result != dkim::Result::kPass) return key.reason;
  const dkim::BodyHash& body = body_.at(*place);
  if (message->body_limit.has_value()) return "l= is not accepted";
  if (body.hash() != message->body_hash) return "the body was changed";
  std::string text = header_.Signed(message->header_form, message->names);
  text += dkim::CanonicalField(message->header_form,
                               dkim::WithoutSignature(sets_.list[index].message->raw));
  text.resize(text.size() - 2);
  return dkim::Verifies(*key.key, message->algorithm, text, message->signature)
             ? ""
             : "the signature does not fit the header";
}

std::string Verifier::SealProblem(size_t index, const dkim::FoundKey& key) const {
  if (key.result != dkim::Result::kPass) return key.reason;
  const std::vector<Set> until(sets_.list.begin(),
                               sets_.list.begin() + static_cast<long>(index) + 1);
  const Seal& seal = *parsed_[index].seal;
  return dkim::Verifies(*key.key, seal.algorithm, SealedText(until), seal.signature)
             ? ""
             : "the signature does not fit";
}

// The keys of message signatures, newest first, were looked up as far as they could be.
int Verifier::OldestPass(const std::vector<dkim::FoundKey>& keys) const {
  for (size_t i = parsed_.size(); i-- > 0;)
    if (!MessageProblem(i, keys[i]).empty()) return static_cast<int>(i) + 2;
  return 0;
}

std::optional<Verdict> Verifier::Check(Lookups& lookups) const {
  Verdict verdict;
  if (sets_.problem.empty() && sets_.list.empty()) return verdict;
  verdict.status = Status::kFail;
  verdict.may_be_sealed = MayBeSealed(sets_);
  verdict.reason = FormProblem();
  if (!verdict.reason.empty()) return verdict;
  std::vector<dkim::FoundKey> message_keys, seal_keys;
  bool waiting = false;
  for (const auto& [message, seal, place] : parsed_) {
    const auto find = [&](std::string_view domain, std::string_view selector,
                          dkim::Algorithm algorithm, std::vector<dkim::FoundKey>& keys) {
      auto key = dkim::FindKey(domain, selector, algorithm, min_rsa_bits_, lookups);
      waiting |= !key.has_value();
      keys.push_back(key.has_value() ? *std::move(key) : dkim::FoundKey{});
    };
    find(seal->domain, seal->selector, seal->algorithm, seal_keys);
    if (message.ok())
      find(message->domain, message->selector, message->algorithm, message_keys);
    else
      message_keys.push_back({.result = dkim::Result::kPermerror});
  }
  if (waiting) return std::nullopt;
  for (size_t i = 0; i < parsed_.size(); ++i) {
    Link link{.domain = parsed_[i].seal->domain, .selector = parsed_[i].seal->selector};
    const auto instanced = ReadInstance(sets_.list[i].results->raw_value());
    auto results = results::Parse(instanced->rest);
    if (results.ok()) link.results = *std::move(results);
    verdict.links.push_back(std::move(link));
  }
  const size_t newest = parsed_.size() - 1;
  verdict.reason = MessageProblem(newest, message_keys[newest]);
  verdict.temporary = message_keys[newest].result == dkim::Result::kTemperror;
  for (size_t i = newest + 1; verdict.reason.empty() && i-- > 0;) {
    const std::string problem = SealProblem(i, seal_keys[i]);
    if (!problem.empty()) verdict.reason = base::Cat("seal ", i + 1, ": ", problem);
    verdict.temporary = seal_keys[i].result == dkim::Result::kTemperror;
  }
  if (!verdict.reason.empty()) return verdict;
  verdict.status = Status::kPass;
  verdict.oldest_pass = OldestPass(message_keys);
  return verdict;
}

}  // namespace cleanmail::mail::auth::arc
