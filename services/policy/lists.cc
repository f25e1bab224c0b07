#include "services/policy/lists.h"

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/base/uuid.h"
#include "services/policy/import_lines.h"
#include "services/policy/masked.h"
#include "services/policy/sender_lists.h"

namespace cleanmail::policy {
namespace {

constexpr int64_t kMostEntries = 100'000;
constexpr int64_t kSweptAtOnce = 1000;

absl::Status Taken() {
  return absl::AlreadyExistsError("list_entry: one for this kind, scope and sender is there");
}

void Fill(google::protobuf::Timestamp& time, int64_t micros) {
  time.set_seconds(micros / 1'000'000);
  time.set_nanos(static_cast<int32_t>(micros % 1'000'000 * 1000));
}

std::string Cell(std::string_view text) {
  std::string cell = "\"";
  // A spreadsheet takes these for the beginning of a formula.
  if (!text.empty() && std::string_view("=+-@").find(text[0]) != std::string_view::npos) cell += "'";
  for (const char c : text) {
    if (c == '"') cell += '"';
    cell += c;
  }
  return cell + "\"";
}

using Response = v1::ImportListEntriesResponse;

// An entry of an import that may be written, and its line in the answer.
struct Candidate {
  v1::ListEntry entry;
  int line;
};

std::string WarningFor(const std::vector<Candidate>& candidates) {
  int64_t allows = 0;
  for (const Candidate& candidate : candidates)
    allows += candidate.entry.kind() == v1::ListEntry::KIND_ALLOW ? 1 : 0;
  if (allows == 0) return "";
  return base::Cat(
      allows,
      " senders would no longer be checked for spam. An old list taken over as a whole weakens the "
      "filter: senders change hands and are hacked. Start without it, and add what is missed; "
      "entries that never decide anything can be listed later (never_hit) and deleted.");
}

}  // namespace

std::string ToCsv(const std::vector<v1::ListEntry>& entries) {
  std::string csv = "sender,kind,scope,comment,networks,expire_time\r\n";
  for (const v1::ListEntry& entry : entries) {
    std::string networks;
    for (const std::string& network : entry.networks())
      networks += base::Cat(networks.empty() ? "" : " ", network);
    const std::string end =
        entry.has_expire_time()
            ? absl::FormatTime(absl::RFC3339_sec, absl::FromUnixSeconds(entry.expire_time().seconds()),
                               absl::UTCTimeZone())
            : "";
    csv += base::Cat(Cell(entry.sender()), ",",
                     entry.kind() == v1::ListEntry::KIND_ALLOW ? "allow" : "block", ",",
                     Cell(entry.scope()), ",", Cell(entry.comment()), ",", Cell(networks), ",", end,
                     "\r\n");
  }
  return csv;
}

void Lists::Begin(std::string_view tenant, std::string_view author, v1::ListEntry& entry) {
  entry.set_name(
      base::Cat("tenants/", tenant, "/listEntries/", base::NewUuid(clock_, random_)));
  entry.set_author(std::string(author));
  Fill(*entry.mutable_create_time(), base::NowMicros(clock_));
  entry.clear_hits();
  entry.clear_last_hit_time();
  entry.set_etag(EtagOf(1));
}

absl::StatusOr<v1::ListEntry> Lists::Create(std::string_view tenant, v1::ListEntry entry,
                                            std::string_view author) {
  CLEANMAIL_RETURN_IF_ERROR(Normalize(entry));
  Begin(tenant, author, entry);
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<bool> made,
                             store_.InsertEntries(tenant, {entry}, kMostEntries));
  if (!made[0]) return Taken();
  return entry;
}

absl::StatusOr<Change<v1::ListEntry>> Lists::Update(std::string_view tenant, std::string_view id,
                                                    const v1::ListEntry& entry,
                                                    const google::protobuf::FieldMask& mask) {
  v1::ListEntry before;
  absl::StatusOr<v1::ListEntry> after = store_.ChangeEntry(
      tenant, id, [&](const v1::ListEntry& current) -> absl::StatusOr<v1::ListEntry> {
        before = current;
        CLEANMAIL_RETURN_IF_ERROR(CheckEtag(entry.etag(), current.etag()));
        CLEANMAIL_ASSIGN_OR_RETURN(v1::ListEntry merged, Masked(current, entry, mask));
        merged.set_name(current.name());
        merged.set_scope(current.scope());
        merged.set_author(current.author());
        *merged.mutable_create_time() = current.create_time();
        CLEANMAIL_RETURN_IF_ERROR(Normalize(merged));
        return merged;
      });
  if (absl::IsAlreadyExists(after.status())) return Taken();
  CLEANMAIL_RETURN_IF_ERROR(after.status());
  return Change<v1::ListEntry>{.before = std::move(before), .after = *std::move(after)};
}

absl::StatusOr<v1::ListEntry> Lists::Delete(std::string_view tenant, std::string_view id,
                                            std::string_view etag) {
  return store_.DeleteEntry(tenant, id, [&](const v1::ListEntry& current) {
    return CheckEtag(etag, current.etag());
  });
}

absl::StatusOr<Response> Lists::Import(std::string_view tenant,
                                       const v1::ImportListEntriesRequest& request,
                                       std::string_view author,
                                       absl::FunctionRef<bool(std::string_view)> may_have) {
  CLEANMAIL_ASSIGN_OR_RETURN(std::vector<ImportLine> lines, ReadImport(request.content()));
  Response response;
  std::vector<Candidate> candidates;
  for (ImportLine& line : lines) {
    Response::Line& said = *response.add_lines();
    said.set_number(line.number);
    absl::Status status = line.entry.status();
    if (status.ok()) {
      v1::ListEntry& entry = *line.entry;
      if (entry.kind() == v1::ListEntry::KIND_UNSPECIFIED) entry.set_kind(request.kind());
      if (entry.scope().empty()) entry.set_scope(request.scope());
      if (!entry.has_expire_time() && request.has_expire_time())
        *entry.mutable_expire_time() = request.expire_time();
      status = Normalize(entry);
      if (status.ok() && !may_have(entry.scope()))
        status = absl::PermissionDeniedError("list_entry.scope: not yours");
    }
    if (!status.ok()) {
      said.set_result(Response::Line::RESULT_REFUSED);
      said.set_error(base::Printable(base::View(status.message()), 300));
      continue;
    }
    Begin(tenant, author, *line.entry);
    candidates.push_back({.entry = *std::move(line.entry), .line = response.lines_size() - 1});
  }
  std::vector<v1::ListEntry> entries;
  for (const Candidate& candidate : candidates) entries.push_back(candidate.entry);
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<bool> made,
                             request.validate_only()
                                 ? store_.WouldInsert(tenant, entries)
                                 : store_.InsertEntries(tenant, entries, kMostEntries));
  for (size_t i = 0; i < candidates.size(); ++i)
    response.mutable_lines(candidates[i].line)
        ->set_result(made[i] ? Response::Line::RESULT_CREATED : Response::Line::RESULT_UNCHANGED);
  for (const Response::Line& line : response.lines()) {
    response.set_created(response.created() +
                         (line.result() == Response::Line::RESULT_CREATED ? 1 : 0));
    response.set_unchanged(response.unchanged() +
                           (line.result() == Response::Line::RESULT_UNCHANGED ? 1 : 0));
    response.set_refused(response.refused() +
                         (line.result() == Response::Line::RESULT_REFUSED ? 1 : 0));
  }
  response.set_warning(WarningFor(candidates));
  return response;
}

absl::Status Lists::KeepHits(ListHits& hits) {
  const std::map<std::string, ListHits::Hit> taken = hits.Take();
  if (taken.empty()) return absl::OkStatus();
  return store_.AddHits(taken);
}

absl::Status Lists::Sweep() {
  const int64_t yesterday = base::NowMicros(clock_) - int64_t{24} * 3600 * 1'000'000;
  for (int64_t swept = kSweptAtOnce; swept == kSweptAtOnce;) {
    CLEANMAIL_ASSIGN_OR_RETURN(swept, store_.DeleteEnded(yesterday, kSweptAtOnce));
  }
  return absl::OkStatus();
}

}  // namespace cleanmail::policy
