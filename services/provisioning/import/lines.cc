#include "services/provisioning/import/lines.h"

#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "services/provisioning/import/csv.h"

namespace cleanmail::provisioning::import {
namespace {

constexpr size_t kLongestName = 60;  // of an unknown column, in what is said of it

// Columns by what people call them, without spaces, hyphens and underscores.
constexpr std::array<std::pair<std::string_view, std::string_view>, 34> kColumns = {{
    {"address", "address"},
    {"email", "address"},
    {"mail", "address"},
    {"emailaddress", "address"},
    {"mailaddress", "address"},
    {"primaryaddress", "address"},
    {"adresse", "address"},
    {"emailadresse", "address"},
    {"mailadresse", "address"},
    {"hauptadresse", "address"},
    {"displayname", "display_name"},
    {"name", "display_name"},
    {"fullname", "display_name"},
    {"anzeigename", "display_name"},
    {"aliases", "aliases"},
    {"alias", "aliases"},
    {"aliasaddresses", "aliases"},
    {"aliasadressen", "aliases"},
    {"aliasse", "aliases"},
    {"weitereadressen", "aliases"},
    {"groups", "groups"},
    {"group", "groups"},
    {"gruppen", "groups"},
    {"gruppe", "groups"},
    {"policy", "policy"},
    {"richtlinie", "policy"},
    {"messages", "messages"},
    {"count", "messages"},
    {"anzahl", "messages"},
    {"nachrichten", "messages"},
    {"lastseen", "last_seen"},
    {"zuletzt", "last_seen"},
    {"zuletztgesehen", "last_seen"},
    {"letztenachricht", "last_seen"},
}};

std::string_view ColumnOf(std::string_view header, Kind kind) {
  std::string plain;
  for (const char c : header) {
    if (c != ' ' && c != '-' && c != '_') plain += absl::ascii_tolower(static_cast<uint8_t>(c));
  }
  for (const auto& [name, column] : kColumns) {
    if (name != plain) continue;
    const bool of_observed = column == "messages" || column == "last_seen";
    if (column == "address" || of_observed == (kind == Kind::kObserved)) return column;
  }
  return {};
}

// Words parted by spaces, commas, semicolons or line ends.
std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  constexpr std::string_view kBetween = " ,;\t\n";
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(kBetween), text.size()));
    if (text.empty()) return words;
    const size_t end = std::min(text.find_first_of(kBetween), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::optional<absl::Time> ParseTime(const std::string& text) {
  absl::Time time;
  for (const char* format : {"%Y-%m-%dT%H:%M:%E*S%Ez", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d",
                             "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y"}) {
    if (absl::ParseTime(format, text, &time, nullptr)) return time;
  }
  return std::nullopt;
}

class CsvFile final : public File {
 public:
  CsvFile(Text text, char separator)
      : text_(std::move(text)), separator_(separator), reader_(text_.utf8, separator) {}

  absl::Status ReadHeader(Kind kind) {
    const std::optional<Record> header = reader_.Next();
    if (!header.has_value()) return absl::InvalidArgumentError("the file is empty");
    std::string left_out;
    for (size_t i = 0; i < header->fields.size(); ++i) {
      const std::string_view column = ColumnOf(header->fields[i], kind);
      if (column.empty()) {
        left_out += base::Cat(left_out.empty() ? "; left out: " : ", ",
                              base::Printable(header->fields[i], kLongestName));
      } else if (!columns_.try_emplace(column, i).second) {
        return absl::InvalidArgumentError(base::Cat("two columns are called ", column));
      }
    }
    if (!columns_.contains("address")) {
      return absl::InvalidArgumentError(
          "the first line must name the columns, and none is called address (Adresse, E-Mail)");
    }
    reading_ = base::Cat(
        text_.charset, ", fields parted by ",
        separator_ == '\t' ? std::string("tabs") : base::Cat("'", std::string(1, separator_), "'"),
        left_out);
    Reader counter = reader_;
    while (counter.Next().has_value()) ++total_;
    return absl::OkStatus();
  }

  const std::string& reading() const override { return reading_; }
  int64_t total() const override { return total_; }

  std::optional<UserLine> NextUser() override {
    const std::optional<Record> record = reader_.Next();
    if (!record.has_value()) return std::nullopt;
    UserLine user{.line = record->line};
    user.problem = Begin(*record, user.address);
    user.display_name = FieldOf(*record, "display_name");
    user.policy = FieldOf(*record, "policy");
    if (const auto words = FieldOf(*record, "aliases")) user.aliases = Words(*words);
    if (const auto words = FieldOf(*record, "groups")) user.groups = Words(*words);
    return user;
  }

  std::optional<ObservedLine> NextObserved() override {
    const std::optional<Record> record = reader_.Next();
    if (!record.has_value()) return std::nullopt;
    ObservedLine observed{.line = record->line};
    observed.problem = Begin(*record, observed.address);
    if (const auto text = FieldOf(*record, "messages"); text.has_value() && !text->empty()) {
      int64_t messages = 0;
      const char* const end = text->data() + text->size();
      const auto parsed = std::from_chars(text->data(), end, messages);
      if (parsed.ec == std::errc() && parsed.ptr == end && messages >= 0) {
        observed.messages = messages;
      } else if (observed.problem.ok()) {
        observed.problem = absl::InvalidArgumentError("messages: not a number");
      }
    }
    if (const auto text = FieldOf(*record, "last_seen"); text.has_value() && !text->empty()) {
      observed.last_seen = ParseTime(*text);
      if (!observed.last_seen.has_value() && observed.problem.ok())
        observed.problem = absl::InvalidArgumentError("last_seen: not a date, as in 2026-01-31");
    }
    return observed;
  }

 private:
  // Not set: no such column; a record that is too short has empty fields.
  std::optional<std::string> FieldOf(const Record& record, std::string_view column) const {
    const auto it = columns_.find(column);
    if (it == columns_.end()) return std::nullopt;
    if (it->second >= record.fields.size()) return std::string();
    return std::string(WithoutApostrophe(record.fields[it->second]));
  }

  absl::Status Begin(const Record& record, std::string& address) {
    address = FieldOf(record, "address").value_or("");
    if (!record.problem.empty()) return absl::InvalidArgumentError(base::AbslView(record.problem));
    if (address.empty()) return absl::InvalidArgumentError("address: is empty");
    const auto [it, first] = seen_.try_emplace(absl::AsciiStrToLower(address), record.line);
    if (first) return absl::OkStatus();
    return absl::InvalidArgumentError(
        base::Cat("address: stands on line ", it->second, " already"));
  }

  const Text text_;
  const char separator_;
  Reader reader_;
  std::map<std::string_view, size_t> columns_;
  absl::flat_hash_map<std::string, int64_t> seen_;
  std::string reading_;
  int64_t total_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<File>> File::Open(std::string_view bytes, Kind kind) {
  CLEANMAIL_ASSIGN_OR_RETURN(Text text, ToUtf8(bytes));
  const char separator = DetectSeparator(text.utf8);
  auto file = std::make_unique<CsvFile>(std::move(text), separator);
  CLEANMAIL_RETURN_IF_ERROR(file->ReadHeader(kind));
  return file;
}

}  // namespace cleanmail::provisioning::import
