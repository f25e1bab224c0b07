#include "libs/telemetry/metrics.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "libs/base/status_macros.h"

namespace cleanmail::telemetry {
namespace {

std::string NumberText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  return {text, error == std::errc() ? end : text};
}

// Backslash, line feed and, in label values, the quotation mark.
std::string Escaped(std::string_view text, bool quotes) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\n') {
      escaped += "\\n";
    } else {
      if (c == '\\' || (quotes && c == '"')) escaped += '\\';
      escaped += c;
    }
  }
  return escaped;
}

std::string LabelText(const Labels& labels, std::string_view more = {}) {
  if (labels.empty() && more.empty()) return {};
  std::string text = "{";
  for (const auto& [key, value] : labels)
    text += base::Cat(text.size() > 1 ? "," : "", key, "=\"", Escaped(value, true), "\"");
  if (!more.empty()) text += base::Cat(text.size() > 1 ? "," : "", more);
  return text + "}";
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), buckets_(new std::atomic<int64_t>[bounds_.size() + 1]) {
  for (size_t i = 0; i <= bounds_.size(); ++i) buckets_[i].store(0);
}

void Histogram::Observe(double value) {
  const size_t i = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  buckets_[i].fetch_add(1, std::memory_order_relaxed);
  count_.fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<double> LatencyBounds() {
  return {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
          0.1,    0.25,    0.5,    1,     2.5,    5,     10,   30,    60};
}

struct MetricsRegistry::Member {
  Labels labels;
  Counter counter;
  Gauge gauge;
  std::unique_ptr<Histogram> histogram;
  std::function<double()> read;
  double value = 0;  // what `read` last said, under callbacks_mutex_
  const void* owner = nullptr;
};

struct MetricsRegistry::Family {
  std::string name;
  std::string help;
  std::string type;
  std::deque<std::unique_ptr<Member>> members;

  Member& MemberOf(Labels labels) {
    for (const auto& member : members) {
      if (member->labels == labels && !member->read) return *member;
    }
    members.push_back(std::make_unique<Member>());
    members.back()->labels = std::move(labels);
    return *members.back();
  }
};

MetricsRegistry::MetricsRegistry() = default;
MetricsRegistry::~MetricsRegistry() = default;

MetricsRegistry::Family& MetricsRegistry::FamilyOf(std::string_view name, std::string_view help,
                                                   std::string_view type) {
  for (const auto& family : families_) {
    if (family->name != name) continue;
    CLEANMAIL_CHECK(family->type == type,
                    base::Cat("metric ", name, " is a ", family->type, " and a ", type));
    return *family;
  }
  families_.push_back(std::make_unique<Family>());
  families_.back()->name = name;
  families_.back()->help = help;
  families_.back()->type = type;
  return *families_.back();
}

Counter& MetricsRegistry::AddCounter(std::string_view name, std::string_view help, Labels labels) {
  absl::MutexLock lock(&mutex_);
  return FamilyOf(name, help, "counter").MemberOf(std::move(labels)).counter;
}

Gauge& MetricsRegistry::AddGauge(std::string_view name, std::string_view help, Labels labels) {
  absl::MutexLock lock(&mutex_);
  return FamilyOf(name, help, "gauge").MemberOf(std::move(labels)).gauge;
}

Histogram& MetricsRegistry::AddHistogram(std::string_view name, std::string_view help,
                                         std::vector<double> bounds, Labels labels) {
  absl::MutexLock lock(&mutex_);
  Member& member = FamilyOf(name, help, "histogram").MemberOf(std::move(labels));
  if (member.histogram == nullptr)
    member.histogram = std::make_unique<Histogram>(std::move(bounds));
  return *member.histogram;
}

void MetricsRegistry::AddCallback(const void* owner, std::string_view name, std::string_view help,
                                  Labels labels, std::function<double()> read) {
  absl::MutexLock callbacks(&callbacks_mutex_);
  absl::MutexLock lock(&mutex_);
  auto member = std::make_unique<Member>();
  member->labels = std::move(labels);
  member->read = std::move(read);
  member->owner = owner;
  FamilyOf(name, help, "gauge").members.push_back(std::move(member));
}

void MetricsRegistry::RemoveCallbacks(const void* owner) {
  absl::MutexLock callbacks(&callbacks_mutex_);
  absl::MutexLock lock(&mutex_);
  for (const auto& family : families_) {
    std::erase_if(family->members,
                  [owner](const auto& member) { return member->read && member->owner == owner; });
  }
}

std::string MetricsRegistry::Text() const {
  absl::MutexLock callbacks(&callbacks_mutex_);
  std::vector<Member*> computed;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& family : families_) {
      for (const auto& member : family->members) {
        if (member->read) computed.push_back(member.get());
      }
    }
  }
  for (Member* member : computed) member->value = member->read();
  absl::MutexLock lock(&mutex_);
  std::string text;
  for (const auto& family : families_) {
    text += base::Cat("# HELP ", family->name, " ", Escaped(family->help, false), "\n# TYPE ",
                      family->name, " ", family->type, "\n");
    for (const auto& member : family->members) {
      const std::string labels = LabelText(member->labels);
      if (family->type == "counter") {
        text += base::Cat(family->name, labels, " ", member->counter.value(), "\n");
      } else if (member->histogram == nullptr) {
        const std::string value =
            member->read ? NumberText(member->value) : std::to_string(member->gauge.value());
        text += base::Cat(family->name, labels, " ", value, "\n");
      } else {
        const Histogram& histogram = *member->histogram;
        int64_t below = 0;
        for (size_t i = 0; i <= histogram.bounds().size(); ++i) {
          below += histogram.bucket(i);
          const std::string bound =
              i < histogram.bounds().size() ? NumberText(histogram.bounds()[i]) : "+Inf";
          text += base::Cat(family->name, "_bucket",
                            LabelText(member->labels, base::Cat("le=\"", bound, "\"")), " ", below,
                            "\n");
        }
        // The count is the last bucket, so that a reader never sees the two differ.
        text += base::Cat(family->name, "_sum", labels, " ", NumberText(histogram.sum()), "\n",
                          family->name, "_count", labels, " ", below, "\n");
      }
    }
  }
  return text;
}

std::vector<std::string> MetricsRegistry::Names() const {
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> names;
  for (const auto& family : families_) names.push_back(family->name);
  return names;
}

}  // namespace cleanmail::telemetry
