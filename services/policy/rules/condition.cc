#include "services/policy/rules/condition.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/net/prefix.h"
#include "services/policy/rules/pattern.h"

namespace cleanmail::policy {
namespace {

constexpr int kMostNetworks = 200;
constexpr size_t kLongestFindingName = 100;
constexpr int kMinutesOfDay = 24 * 60;

// A test made of a function: most tests are one line.
template <class Function>
class FunctionTest final : public Test {
 public:
  explicit FunctionTest(Function function) : function_(std::move(function)) {}
  bool Holds(const Subject& subject, std::string_view recipient) const override {
    return function_(subject, recipient);
  }

 private:
  Function function_;
};

// A compiled test and what Condition says of it.
struct Compiled {
  std::shared_ptr<const Test> test;
  Stage stage = Stage::kEnvelope;
  int cost = 0;
};

template <class Function>
Compiled Make(Stage stage, int cost, Function function) {
  return {.test = std::make_shared<const FunctionTest<Function>>(std::move(function)),
          .stage = stage,
          .cost = cost};
}

absl::Status Wrong(std::string_view field, std::string_view why) {
  return absl::InvalidArgumentError(base::Cat(field, ": ", why));
}

bool IsFieldName(std::string_view name) {
  return !name.empty() && name.size() <= 100 &&
         std::ranges::all_of(name, [](char c) { return c > 0x20 && c < 0x7f && c != ':'; });
}

absl::StatusOr<Compiled> CompileFinding(const std::string& name) {
  if (name.empty() || name.size() > kLongestFindingName)
    return Wrong("finding", "1 to 100 characters are needed");
  return Make(Stage::kScanned, 1, [name](const Subject& subject, std::string_view) {
    return subject.HasFinding(name);
  });
}

absl::StatusOr<Compiled> CompileCategory(mail::v1::FindingCategory category) {
  if (!mail::v1::FindingCategory_IsValid(category) ||
      category == mail::v1::FINDING_CATEGORY_UNSPECIFIED)
    return Wrong("category", "not a category");
  return Make(Stage::kScanned, 0, [category](const Subject& subject, std::string_view) {
    return subject.HasCategory(category);
  });
}

absl::StatusOr<Compiled> CompileMessageCategory(mail::v1::MessageCategory category) {
  if (!mail::v1::MessageCategory_IsValid(category) ||
      category == mail::v1::MESSAGE_CATEGORY_UNSPECIFIED)
    return Wrong("message_category", "not a category");
  return Make(Stage::kScanned, 0, [category](const Subject& subject, std::string_view) {
    return subject.facts() != nullptr && subject.facts()->category() == category;
  });
}

absl::StatusOr<Compiled> CompileScore(double least) {
  if (!std::isfinite(least)) return Wrong("score_at_least", "a number is needed");
  return Make(Stage::kScanned, 0, [least](const Subject& subject, std::string_view) {
    return subject.score() >= least;
  });
}

absl::StatusOr<Compiled> CompileSender(const std::string& text) {
  const absl::StatusOr<AddressPattern> pattern = AddressPattern::Parse(text);
  if (!pattern.ok()) return base::Annotate(pattern.status(), "sender");
  return Make(Stage::kEnvelope, 1, [pattern = *pattern](const Subject& subject, std::string_view) {
    return pattern.Matches(subject.sender(), subject.sender_domain());
  });
}

absl::StatusOr<Compiled> CompileRecipient(const std::string& text) {
  const absl::StatusOr<AddressPattern> pattern = AddressPattern::Parse(text);
  if (!pattern.ok()) return base::Annotate(pattern.status(), "recipient");
  return Make(Stage::kEnvelope, 1, [pattern = *pattern](const Subject&, std::string_view address) {
    return pattern.Matches(address, DomainOf(address));
  });
}

absl::StatusOr<Compiled> CompileSenderDomain(const std::string& text) {
  const absl::StatusOr<AddressPattern> pattern = AddressPattern::Parse(text);
  if (!pattern.ok()) return base::Annotate(pattern.status(), "sender_domain");
  if (text.find('@') != std::string::npos || text == "<>" || pattern->is_glob())
    return Wrong("sender_domain", "a domain or *.domain is needed");
  return Make(Stage::kEnvelope, 1, [pattern = *pattern](const Subject& subject, std::string_view) {
    return pattern.Matches({}, subject.sender_domain()) && !subject.sender_domain().empty();
  });
}

absl::StatusOr<Compiled> CompileNetwork(const v1::Networks& networks) {
  if (networks.networks().empty() || networks.networks_size() > kMostNetworks)
    return Wrong("network.networks", "1 to 200 are needed");
  net::PrefixSet prefixes;
  for (int i = 0; i < networks.networks_size(); ++i) {
    const absl::StatusOr<net::Prefix> prefix = net::Prefix::Parse(networks.networks(i));
    if (!prefix.ok())
      return base::Annotate(prefix.status(), base::Cat("network.networks[", i, "]"));
    prefixes.Add(*prefix);
  }
  return Make(Stage::kEnvelope, 1,
              [prefixes = std::move(prefixes)](const Subject& subject, std::string_view) {
                return subject.client().has_value() && prefixes.Contains(*subject.client());
              });
}

absl::StatusOr<TextPattern> CompileHeaderValue(const v1::HeaderCondition& header) {
  switch (header.match_case()) {
    case v1::HeaderCondition::kGlob:
      return TextPattern::Glob(header.glob());
    case v1::HeaderCondition::kRegex:
      return TextPattern::Regex(header.regex());
    case v1::HeaderCondition::kContains:
    case v1::HeaderCondition::MATCH_NOT_SET:
      return TextPattern::Contains(header.contains());
  }
  return Wrong("match", "not one we know");
}

absl::StatusOr<Compiled> CompileHeader(const v1::HeaderCondition& header) {
  if (!IsFieldName(header.name())) return Wrong("header.name", "not the name of a header field");
  const absl::StatusOr<TextPattern> pattern = CompileHeaderValue(header);
  if (!pattern.ok()) {
    const bool regex = header.match_case() == v1::HeaderCondition::kRegex;
    const bool glob = header.match_case() == v1::HeaderCondition::kGlob;
    return base::Annotate(pattern.status(), base::Cat("header.", regex  ? "regex"
                                                                 : glob ? "glob"
                                                                        : "contains"));
  }
  return Make(
      Stage::kHeaders, header.match_case() == v1::HeaderCondition::kRegex ? 4 : 3,
      [name = Lower(header.name()), pattern = *pattern](const Subject& subject, std::string_view) {
        return std::ranges::any_of(subject.FieldsNamed(name), [&](const Subject::Field& field) {
          return pattern.Matches(field.value);
        });
      });
}

absl::StatusOr<Compiled> CompileAttachment(const v1::AttachmentCondition& attachment) {
  const std::string& name = attachment.name();
  const std::string& type = attachment.content_type();
  const absl::StatusOr<TextPattern> names = TextPattern::Glob(name.empty() ? "*" : name);
  if (!names.ok()) return base::Annotate(names.status(), "attachment.name");
  const absl::StatusOr<TextPattern> types = TextPattern::Glob(type.empty() ? "*" : type);
  if (!types.ok()) return base::Annotate(types.status(), "attachment.content_type");
  return Make(Stage::kScanned, 2,
              [names = *names, types = *types](const Subject& subject, std::string_view) {
                return std::ranges::any_of(
                    subject.attachments(), [&](const Subject::AttachmentText& a) {
                      return names.Matches(a.name) && types.Matches(a.content_type);
                    });
              });
}

absl::StatusOr<Compiled> CompileSize(int64_t least) {
  if (least < 0) return Wrong("size_at_least", "a number of bytes, not below 0, is needed");
  return Make(Stage::kHeaders, 0, [least](const Subject& subject, std::string_view) {
    return subject.size() >= least;
  });
}

absl::StatusOr<Compiled> CompileDirection(mail::v1::Direction direction) {
  if (direction != mail::v1::DIRECTION_INBOUND && direction != mail::v1::DIRECTION_OUTBOUND)
    return Wrong("direction", "DIRECTION_INBOUND or DIRECTION_OUTBOUND is needed");
  return Make(Stage::kEnvelope, 0, [direction](const Subject& subject, std::string_view) {
    return subject.direction() == direction;
  });
}

bool Said(const Subject& subject, const v1::AuthenticationCondition& asked) {
  bool tried = false;
  if (subject.facts() != nullptr) {
    for (const mail::v1::AuthenticationResult& said : subject.facts()->authentication()) {
      if (said.method() != asked.method()) continue;
      tried = true;
      if (asked.aligned() && !IsWithin(subject.sender_domain(), said.domain())) continue;
      if (std::ranges::find(asked.results(), said.result()) != asked.results().end()) return true;
    }
  }
  return !tried && !asked.aligned() &&
         std::ranges::find(asked.results(), "none") != asked.results().end();
}

absl::StatusOr<Compiled> CompileAuthentication(const v1::AuthenticationCondition& asked) {
  constexpr std::array<std::string_view, 4> kMethods = {"spf", "dkim", "dmarc", "arc"};
  constexpr std::array<std::string_view, 7> kResults = {"pass", "fail",      "softfail", "neutral",
                                                        "none", "temperror", "permerror"};
  if (std::ranges::find(kMethods, asked.method()) == kMethods.end())
    return Wrong("authentication.method", "spf, dkim, dmarc or arc is needed");
  if (asked.results().empty() || asked.results_size() > 7)
    return Wrong("authentication.results", "1 to 7 are needed");
  for (int i = 0; i < asked.results_size(); ++i) {
    if (std::ranges::find(kResults, asked.results(i)) == kResults.end())
      return Wrong(base::Cat("authentication.results[", i, "]"), "not a result of RFC 8601");
  }
  return Make(Stage::kScanned, 2,
              [asked](const Subject& subject, std::string_view) { return Said(subject, asked); });
}

// Minutes since midnight of `HH:MM`, -1 for anything else. "24:00" is the end of the day.
int MinutesOf(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return -1;
  int digits[4] = {};
  for (const auto& [at, index] : {std::pair{0, 0}, {1, 1}, {3, 2}, {4, 3}}) {
    const char c = text[static_cast<size_t>(at)];
    if (c < '0' || c > '9') return -1;
    digits[index] = c - '0';
  }
  const int hours = digits[0] * 10 + digits[1];
  const int minutes = digits[2] * 10 + digits[3];
  const int total = hours * 60 + minutes;
  return minutes > 59 || total > kMinutesOfDay ? -1 : total;
}

// Days and a span, as bits and minutes.
struct Span {
  uint32_t days = 0xfe;  // bit 1 is Monday
  int from = 0;
  int to = kMinutesOfDay;

  bool Contains(const absl::CivilSecond& time) const {
    const int minute = time.hour() * 60 + time.minute();
    const int day = static_cast<int>(absl::GetWeekday(time)) + 1;  // absl: Monday is 0
    const int before = day == 1 ? 7 : day - 1;
    if (from < to) return OnDay(day) && minute >= from && minute < to;
    return (OnDay(day) && minute >= from) || (OnDay(before) && minute < to);
  }
  bool OnDay(int day) const { return (days >> day & 1u) != 0; }
};

absl::StatusOr<Compiled> CompileTimeOfDay(const v1::TimeOfDay& time) {
  Span span;
  if (!time.days().empty()) span.days = 0;
  if (time.days_size() > 7) return Wrong("time_of_day.days", "at most 7");
  for (int i = 0; i < time.days_size(); ++i) {
    if (time.days(i) < 1 || time.days(i) > 7)
      return Wrong(base::Cat("time_of_day.days[", i, "]"), "1 (Monday) to 7 (Sunday) is needed");
    span.days |= 1u << time.days(i);
  }
  if (!time.from().empty() || !time.to().empty()) {
    span.from = MinutesOf(time.from());
    span.to = MinutesOf(time.to());
    if (span.from < 0 || span.from == kMinutesOfDay)
      return Wrong("time_of_day.from", "HH:MM is needed");
    if (span.to < 0) return Wrong("time_of_day.to", "HH:MM is needed");
    if (span.from == span.to) return Wrong("time_of_day.to", "differs from `from`");
  }
  return Make(Stage::kEnvelope, 1, [span](const Subject& subject, std::string_view) {
    return span.Contains(subject.local_time().cs);
  });
}

absl::StatusOr<Compiled> CompileKind(const v1::Condition& condition) {
  switch (condition.kind_case()) {
    case v1::Condition::kFinding:
      return CompileFinding(condition.finding());
    case v1::Condition::kCategory:
      return CompileCategory(condition.category());
    case v1::Condition::kScoreAtLeast:
      return CompileScore(condition.score_at_least());
    case v1::Condition::kSender:
      return CompileSender(condition.sender());
    case v1::Condition::kRecipient:
      return CompileRecipient(condition.recipient());
    case v1::Condition::kSenderDomain:
      return CompileSenderDomain(condition.sender_domain());
    case v1::Condition::kNetwork:
      return CompileNetwork(condition.network());
    case v1::Condition::kHeader:
      return CompileHeader(condition.header());
    case v1::Condition::kAttachment:
      return CompileAttachment(condition.attachment());
    case v1::Condition::kSizeAtLeast:
      return CompileSize(condition.size_at_least());
    case v1::Condition::kDirection:
      return CompileDirection(condition.direction());
    case v1::Condition::kAuthentication:
      return CompileAuthentication(condition.authentication());
    case v1::Condition::kTimeOfDay:
      return CompileTimeOfDay(condition.time_of_day());
    case v1::Condition::kMessageCategory:
      return CompileMessageCategory(condition.message_category());
    case v1::Condition::KIND_NOT_SET:
      return absl::InvalidArgumentError("one kind of condition is needed");
  }
  return absl::InvalidArgumentError("not a condition we know");
}

}  // namespace

absl::StatusOr<Condition> Condition::Compile(const v1::Condition& condition,
                                             std::string_view path) {
  absl::StatusOr<Compiled> compiled = CompileKind(condition);
  if (!compiled.ok()) {
    const bool whole = condition.kind_case() == v1::Condition::KIND_NOT_SET;
    return absl::Status(compiled.status().code(),
                        base::Cat(path, whole ? ": " : ".", compiled.status().message()));
  }
  Condition result;
  result.test_ = std::move(compiled->test);
  result.stage_ = compiled->stage;
  result.cost_ = compiled->cost;
  result.negated_ = condition.negated();
  result.of_recipient_ = condition.kind_case() == v1::Condition::kRecipient;
  result.of_attachment_ = condition.kind_case() == v1::Condition::kAttachment;
  return result;
}

}  // namespace cleanmail::policy
