#include "services/scanner/analyzers/spam/reading/dates.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"

namespace cleanmail::scanner::spam {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};

// Zone names that mail used, and the hours they mean.
constexpr std::array<std::pair<std::string_view, int>, 22> kZones = {{
    {"UT", 0},     {"UTC", 0},     {"GMT", 0},     {"AST", -400},  {"ADT", -300}, {"EST", -500},
    {"EDT", -400}, {"CST", -600},  {"CDT", -500},  {"MST", -700},  {"MDT", -600}, {"PST", -800},
    {"PDT", -700}, {"HST", -1000}, {"AKST", -900}, {"AKDT", -800}, {"WET", 0},    {"MET", 100},
    {"CET", 100},  {"EET", 200},   {"JST", 900},   {"KST", 900},
}};

bool AllDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsDigit);
}

int MonthOf(std::string_view word) {
  for (size_t i = 0; i < kMonths.size(); ++i) {
    if (SameLetters(word, kMonths[i])) return static_cast<int>(i) + 1;
  }
  return 0;
}

int IntOf(std::string_view text) { return std::atoi(std::string(text.substr(0, 9)).c_str()); }

struct Day {
  int year = 0;
  int month = 0;
  int day = 0;
  size_t at = 0;     // of its first word
  size_t words = 0;  // how many it took
};

// "1 Jan 2026" or "Jan 1 10:00:00 2026".
std::optional<Day> FindDay(const std::vector<std::string_view>& words) {
  for (size_t i = 0; i + 2 < words.size(); ++i) {
    const int month = MonthOf(words[i + 1]);
    if (AllDigits(words[i]) && month > 0 && AllDigits(words[i + 2]) && words[i + 2].size() == 4)
      return Day{IntOf(words[i + 2]), month, IntOf(words[i]), i, 3};
  }
  for (size_t i = 0; i + 3 < words.size(); ++i) {
    const int month = MonthOf(words[i]);
    if (month > 0 && AllDigits(words[i + 1]) && words[i + 2].find(':') != std::string_view::npos &&
        AllDigits(words[i + 3]) && words[i + 3].size() == 4)
      return Day{IntOf(words[i + 3]), month, IntOf(words[i + 1]), i, 0};
  }
  for (size_t i = 0; i + 2 < words.size(); ++i) {
    const int month = MonthOf(words[i + 1]);
    const size_t digits = words[i + 2].size();
    if (!AllDigits(words[i]) || month == 0 || !AllDigits(words[i + 2]) || digits < 2 || digits > 3)
      continue;
    const int year = IntOf(words[i + 2]);
    return Day{digits == 2 && year < 50 ? year + 2000 : year + 1900, month, IntOf(words[i]), i, 3};
  }
  return std::nullopt;
}

struct Clock {
  int hour = 0;
  int minute = 0;
  int second = 0;
};

std::optional<Clock> ClockOf(std::string_view word) {
  const std::vector<std::string_view> parts = Pieces(word, ':');
  if (parts.size() < 2 || parts.size() > 3 || parts[0].size() > 2) return std::nullopt;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!AllDigits(parts[i]) || (i > 0 && parts[i].size() != 2)) return std::nullopt;
  }
  return Clock{std::min(IntOf(parts[0]), 23), std::min(IntOf(parts[1]), 59),
               parts.size() == 3 ? std::min(IntOf(parts[2]), 59) : 0};
}

// Hours and minutes east as +HHMM.
int ZoneOf(const std::vector<std::string_view>& words) {
  for (const std::string_view word : words) {
    if (word.size() == 5 && (word[0] == '+' || word[0] == '-') && AllDigits(word.substr(1))) {
      const int zone = IntOf(word.substr(1));
      return word[0] == '-' ? -zone : zone;
    }
  }
  for (const std::string_view word : words) {
    std::string_view name = word;
    while (!name.empty() && !IsWord(name.front())) name.remove_prefix(1);
    while (!name.empty() && !IsWord(name.back())) name.remove_suffix(1);
    const auto* zone = std::find_if(kZones.begin(), kZones.end(),
                                    [&](const auto& entry) { return entry.first == name; });
    if (zone != kZones.end()) return zone->second;
  }
  return 0;
}

}  // namespace

std::optional<int64_t> ReadMailDate(std::string_view given) {
  std::string text(given);
  std::replace(text.begin(), text.end(), ',', ' ');
  std::vector<std::string_view> words = Words(text);
  std::optional<Day> day = FindDay(words);
  if (!day) return std::nullopt;
  if (day->words > 0) {
    words.erase(words.begin() + static_cast<ptrdiff_t>(day->at),
                words.begin() + static_cast<ptrdiff_t>(day->at + day->words));
  }
  Clock clock;
  for (const std::string_view word : words) {
    if (const std::optional<Clock> found = ClockOf(word)) {
      clock = *found;
      break;
    }
  }
  int year = day->year;
  int month = day->month;
  int number = day->day;
  const int longest = static_cast<int>(absl::CivilDay(absl::CivilMonth(year, month) + 1) -
                                       absl::CivilDay(absl::CivilMonth(year, month)));
  if (number > longest) {
    number = 1;
    if (++month > 12) {
      month = 1;
      ++year;
    }
  }
  if (number < 1) return std::nullopt;
  year = std::clamp(year, 1970, 2037);
  const absl::CivilSecond civil(year, month, number, clock.hour, clock.minute, clock.second);
  const int64_t time = absl::ToUnixSeconds(absl::FromCivil(civil, absl::UTCTimeZone()));
  const int zone = ZoneOf(words);
  const int64_t east = (std::abs(zone) / 100 * 60 + std::abs(zone) % 100) * 60;
  if (zone < 0) return time + east;
  return std::max<int64_t>(0, time - east);
}

std::string_view DateInReceived(std::string_view line) {
  for (size_t at = 0; at < line.size(); ++at) {
    if (!IsBlank(line[at])) continue;
    size_t end = at + 1;
    if (end < line.size() && !IsDigit(line[end])) ++end;
    while (end < line.size() && IsDigit(line[end])) ++end;
    if (end >= line.size() || !IsBlank(line[end]) || !IsDigit(line[end - 1])) continue;
    const std::vector<std::string_view> words = Words(line.substr(at).substr(0, 60));
    if (words.size() < 5) continue;
    const std::string_view day = words[0].substr(IsDigit(words[0][0]) ? 0 : 1);
    if (AllDigits(day) && words[1].size() == 3 && AllDigits(words[2]) && ClockOf(words[3]) &&
        Pieces(words[3], ':').size() == 3) {
      const char* behind = words[4].data() + words[4].size();
      return line.substr(at, static_cast<size_t>(behind - line.data()) - at);
    }
  }
  return {};
}

}  // namespace cleanmail::scanner::spam
