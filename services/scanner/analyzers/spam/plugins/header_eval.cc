#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <set>

#include "libs/base/json.h"
#include "services/scanner/analyzers/spam/plugins/eval.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/reading/dates.h"

namespace cleanmail::scanner::spam {
namespace {

using regex::CompiledIn;
using regex::Regex;

// How far the Date field is from when servers took the message, in seconds; nullopt where either is
// missing.
struct DateShift {
  double seconds = 0;
};

std::vector<std::string> ReceivedForDates(const MailView& mail) {
  static const Regex local = CompiledIn(
      "\\bfrom (?:localhost\\s|(?:\\S+ ){1,2}\\S*\\b127\\.0\\.0\\.1\\b)|qmail \\d+ invoked by uid "
      "\\d+");
  std::vector<std::string> lines = mail.Get("Received");
  const bool own = !lines.empty() && local.Matches(lines[0]);
  const size_t next = own ? 1 : 0;
  // What fetchmail writes is when it was fetched, not when it came.
  const bool fetched = lines.size() > next &&
                       lines[next].find("by localhost with ") != std::string::npos &&
                       lines[next].find("(fetchmail-") != std::string::npos;
  if (fetched) lines.erase(lines.begin(), lines.begin() + static_cast<ptrdiff_t>(next) + 1);
  return lines;
}

DateShift ShiftOf(const MailView& mail) {
  std::optional<int64_t> date;
  for (const char* field : {"Resent-Date", "Date"}) {
    for (const std::string& value : mail.Get(field)) {
      if (!Trim(value).empty()) date = ReadMailDate(value);
      if (date) break;
    }
    if (date) break;
  }
  if (!date) return {};
  std::vector<double> shifts;
  for (const std::string& line : ReceivedForDates(mail)) {
    const std::string_view text = DateInReceived(line);
    if (text.empty()) continue;
    if (const auto time = ReadMailDate(text)) shifts.push_back(static_cast<double>(*date - *time));
  }
  if (shifts.empty()) return {};
  // The first server often shares the sender's clock.
  if (shifts.size() > 1 && shifts.back() == 0) shifts.pop_back();
  return {*std::min_element(shifts.begin(), shifts.end(),
                            [](double a, double b) { return std::abs(a) < std::abs(b); })};
}

double ShiftedDate(const EvalCall& call) {
  const double shift = call.mail.Remember<DateShift>(ShiftOf).seconds;
  const bool above = call.Text(0) == "undef" || shift >= 3600 * call.Number(0, 0);
  const bool below = call.Text(1) == "undef" || shift < 3600 * call.Number(1, 0);
  return above && below ? 1 : 0;
}

double IllegalCharacters(const EvalCall& call) {
  std::string field = call.Text(0);
  if (!field.ends_with(":raw")) field += ":raw";
  const std::string text = call.mail.GetText(field);
  if (Trim(text).empty()) return 0;
  const auto is_control = [](unsigned char byte) {
    return byte < 9 || byte == 11 || byte == 12 || (byte >= 14 && byte < 32);
  };
  const bool controls = std::any_of(text.begin(), text.end(), is_control);
  if (!IsAscii(text) && base::IsUtf8(text) && !controls) return 0;
  double illegal =
      static_cast<double>(std::count_if(text.begin(), text.end(), [&](unsigned char byte) {
        return is_control(byte) || byte >= 0x7f;
      }));
  if (illegal > 0 && SameLetters(field, "subject:raw")) {
    const auto signs = std::count_if(text.begin(), text.end(), [](unsigned char byte) {
      return byte == 0xa2 || byte == 0xa3 || byte == 0xae;
    });
    if (signs == 1) --illegal;
  }
  return illegal / static_cast<double>(text.size()) >= call.Number(1, 0) &&
                 illegal >= call.Number(2, 0)
             ? 1
             : 0;
}

// Recipients in To, Cc and Bcc: whether they stand in order, and how alike they are.
struct Recipients {
  bool sorted = false;
  double similar = 0;
};

Recipients RecipientsOf(const MailView& mail) {
  std::vector<std::string> all;
  for (const char* request : {"ToCc:addr", "Bcc:addr"}) {
    const std::vector<std::string>& found = mail.Get(request);
    all.insert(all.end(), found.begin(), found.end());
    if (all.size() >= 5) break;
  }
  std::vector<std::string> addresses;
  for (const std::string& address : all) {
    if (addresses.empty() ? !address.empty() : !SameLetters(address, addresses.back()))
      addresses.push_back(address);
    if (addresses.size() == 256) break;
  }
  Recipients recipients;
  recipients.sorted = addresses.size() >= 7 && std::is_sorted(addresses.begin(), addresses.end());
  if (addresses.size() < 5) return recipients;
  const auto host = [](const std::string& address) {
    const size_t at = address.find('@');
    return at == std::string::npos ? std::string() : address.substr(at + 1);
  };
  double hits = 0;
  double pairs = 0;
  for (size_t i = 0; i < addresses.size(); ++i) {
    for (size_t j = i + 1; j < addresses.size(); ++j) {
      if (addresses[i].substr(0, 2) == addresses[j].substr(0, 2)) ++hits;
      const std::string one = host(addresses[i]);
      const std::string other = host(addresses[j]);
      if (one.substr(0, 2) == other.substr(0, 2) && one != other) ++hits;
      ++pairs;
    }
  }
  recipients.similar = hits / pairs;
  return recipients;
}

double SortedRecipients(const EvalCall& call) {
  return call.mail.Remember<Recipients>(RecipientsOf).sorted ? 1 : 0;
}

double SimilarRecipients(const EvalCall& call) {
  const double similar = call.mail.Remember<Recipients>(RecipientsOf).similar;
  const bool above = call.Text(0) == "undef" || similar >= call.Number(0, 0);
  const bool below = call.Text(1) == "undef" || similar < call.Number(1, 0);
  return above && below ? 1 : 0;
}

double MissingTo(const EvalCall& call) {
  return call.mail.GetText("To").empty() && call.mail.GetText("Apparently-To").empty() ? 1 : 0;
}

double SubjectAllCaps(const EvalCall& call) {
  static const Regex prefixes =
      CompiledIn("^(?:(?:Re|Fwd|Fw|Aw|Antwort|WG|SV|VB|VS|VL):\\s*)+", {.ignore_case = true});
  // Sets whose text looks like capitals to who cannot read it.
  static const Regex unsafe_charset = CompiledIn(
      "=\\?[-\\w]*(?:koi|jp|jis|euc|gb|big5|isoir|cp1251|windows-1251|georgianps|pt154|tis)[-\\w]*"
      "\\?",
      {.ignore_case = true});
  const std::string whole = call.mail.GetText("Subject");
  std::string_view subject = Trim(whole);
  regex::Match match;
  if (prefixes.Find(subject, 0, &match) == regex::Outcome::kMatch)
    subject.remove_prefix(match.groups[0].end);
  if (subject.size() < 10 || std::none_of(subject.begin(), subject.end(), IsBlank)) return 0;
  std::string letters;
  for (const char c : subject) {
    if (IsLetter(c)) letters += c;
  }
  if (unsafe_charset.Matches(call.mail.GetText("Subject:raw"))) return 0;
  return !letters.empty() && std::none_of(letters.begin(), letters.end(),
                                          [](char c) { return c >= 'a' && c <= 'z'; })
             ? 1
             : 0;
}

bool BeginsAsReply(std::string_view subject, const std::string& user) {
  // "re: user", "fw: word user" at the end; "user," at the beginning; the user alone.
  for (const std::string_view prefix : {"re:", "fw:"}) {
    if (!BeginsWith(subject, prefix)) continue;
    const std::vector<std::string_view> words = Words(subject.substr(3));
    if (words.size() == 1 && SameLetters(words[0], user)) return true;
    if (words.size() == 2 && SameLetters(words[1], user)) return true;
  }
  return SameLetters(subject, user);
}

double ToInSubject(const EvalCall& call) {
  const std::string to = call.mail.GetText("To:addr");
  if (to.empty()) return 0;
  const std::string whole = call.mail.GetText("Subject");
  if (call.Text(0) == "address") {
    for (size_t at = FindLetters(whole, to); at != std::string::npos;
         at = FindLetters(whole, to, at + 1)) {
      const bool before = at > 0 && IsWord(whole[at - 1]);
      const size_t end = at + to.size();
      const bool behind = end < whole.size() && IsWord(whole[end]);
      if (before != IsWord(to.front()) && behind != IsWord(to.back())) return 1;
    }
    return 0;
  }
  const std::string user = to.substr(0, to.find('@'));
  std::string_view subject = whole;
  while (subject.ends_with('\n')) subject.remove_suffix(1);
  if (BeginsAsReply(subject, user)) return 1;
  if (subject.starts_with(user)) {
    const std::string_view rest = TrimLeft(subject.substr(user.size()));
    if (!rest.empty() && std::string_view(",:;!?-").find(rest[0]) != std::string_view::npos &&
        (rest.size() == 1 || IsBlank(rest[1])))
      return 1;
  }
  if (!subject.starts_with(',')) return 0;
  const std::string_view rest = TrimLeft(subject.substr(1));
  return BeginsWith(rest, user) && rest.size() == user.size() + 1 &&
                 std::string_view(",:;!?-").find(rest.back()) != std::string_view::npos
             ? 1
             : 0;
}

double HeaderCount(const EvalCall& call) {
  std::set<std::string> values;
  for (const Fields::Field* field : call.mail.tree().root().header.All(call.Text(0)))
    values.insert(field->value);
  const auto count = static_cast<double>(values.size());
  return count >= call.Number(1, 0) && count <= call.Number(2, 0) ? 1 : 0;
}

double UnresolvedTemplate(const EvalCall& call) {
  static const Regex placeholder = CompiledIn("%[A-Z][A-Z_-]");
  static constexpr std::array<std::string_view, 12> kExempt = {
      "X-VMS-To", "X-UIDL",     "X-Face",      "To",         "Cc",           "From",
      "Subject",  "References", "In-Reply-To", "Message-Id", "X-Message-Id", "Resent-Message-Id"};
  for (const Fields::Field& field : call.mail.tree().root().header.list()) {
    if (field.value.find('%') == std::string::npos && field.name.find('%') == std::string::npos)
      continue;
    const bool exempt = SameLetters(field.name, "X-Original-Message-Id") ||
                        std::any_of(kExempt.begin(), kExempt.end(), [&](std::string_view name) {
                          return SameLetters(name, field.name);
                        });
    if (!exempt && placeholder.Matches(field.name + ": " + field.value)) return 1;
  }
  return 0;
}

std::string DomainBehindAt(const std::string& address) {
  const size_t at = address.rfind('@');
  if (at == std::string::npos) return "";
  const std::vector<std::string_view> labels =
      Pieces(std::string_view(address).substr(at + 1), '.');
  const size_t count = labels.size();
  if (count <= 2 || labels[count - 1].empty() || labels[count - 2].empty())
    return address.substr(at + 1);
  return std::string(labels[count - 2]) + "." + std::string(labels[count - 1]);
}

double EqualFromDomains(const EvalCall& call) {
  const std::string from = DomainBehindAt(call.mail.GetText("From:addr"));
  const std::string envelope = DomainBehindAt(call.mail.GetText("EnvelopeFrom:addr"));
  return !from.empty() && !envelope.empty() && !SameLetters(from, envelope) ? 1 : 0;
}

double MatchingEnvelopeAndFrom(const EvalCall& call) {
  return SameLetters(call.mail.GetText("EnvelopeFrom:addr"), call.mail.GetText("From:addr")) ? 1
                                                                                             : 0;
}

double OutlookMessageId(const EvalCall& call) {
  static const Regex form = CompiledIn("^<[0-9a-f]{4}([0-9a-f]{8})\\$[0-9a-f]{8}\\$[0-9a-f]{8}@");
  const std::string id = call.mail.GetText("MESSAGEID");
  regex::Match match;
  if (form.Find(id, 0, &match) != regex::Outcome::kMatch) return 0;
  // The middle of the id is the time in units of 2^32 times 100 ns since 1601.
  const auto token =
      static_cast<double>(std::strtoul(std::string(match.Text(id, 1)).c_str(), nullptr, 16));
  const auto differs = [token](int64_t time) {
    return std::abs(token - std::floor(static_cast<double>(time) * 0.0023283064365387 +
                                       27111902.8329849)) >= 250;
  };
  if (!differs(ReadMailDate(call.mail.GetText("Date")).value_or(0))) return 0;
  return differs(ReadMailDate(call.mail.GetText("Received")).value_or(0)) ? 1 : 0;
}

double RatwareNameId(const EvalCall& call) {
  static const Regex form = CompiledIn("<[A-Z]{28}\\.([^>]+?)>");
  const std::string id = call.mail.GetText("MESSAGEID");
  regex::Match match;
  if (form.Find(id, 0, &match) != regex::Outcome::kMatch) return 0;
  const std::string from = call.mail.GetText("From");
  const std::string bracketed = "<" + std::string(match.Text(id, 1)) + ">";
  const size_t at = from.find(bracketed);
  if (at == std::string::npos) return 0;
  const std::string_view before = TrimRight(std::string_view(from).substr(0, at));
  return before.ends_with('"') && before.size() > 2 && before.find('"') + 1 < before.size() - 1 ? 1
                                                                                                : 0;
}

double RatwareEnvelopeFrom(const EvalCall& call) {
  const std::string to = Lower(call.mail.GetText("To:addr"));
  const std::string from = Lower(call.mail.GetText("EnvelopeFrom:addr"));
  const size_t at = to.find('@');
  if (from.empty() || at == std::string::npos || at == 0) return 0;
  if (from.size() > 4 && from.starts_with("srs") && IsDigit(from[3])) return 0;
  const std::string domain = call.mail.domains().Trimmed(to.substr(at + 1));
  if (!call.mail.domains().IsValid(domain)) return 0;
  const std::string user = to.substr(0, at) + "@";
  for (size_t where = from.find(domain); where != std::string::npos;
       where = from.find(domain, where + 1)) {
    const size_t behind = where + domain.size() + 1;
    const bool edge = where == 0 || !IsWord(from[where - 1]);
    if (edge && behind < from.size() && from.compare(behind, user.size(), user) == 0) return 1;
  }
  return 0;
}

double AllLocales(const EvalCall&) {
  return 0;
}  // ok_locales is "all" unless an operator says else

constexpr EvalFunction kFunctions[] = {
    {"check_for_shifted_date", ShiftedDate},
    {"check_illegal_chars", IllegalCharacters},
    {"sorted_recipients", SortedRecipients},
    {"similar_recipients", SimilarRecipients},
    {"check_for_missing_to_header", MissingTo},
    {"subject_is_all_caps", SubjectAllCaps},
    {"check_for_to_in_subject", ToInSubject},
    {"check_header_count_range", HeaderCount},
    {"check_unresolved_template", UnresolvedTemplate},
    {"check_equal_from_domains", EqualFromDomains},
    {"check_for_matching_env_and_hdr_from", MatchingEnvelopeAndFrom},
    {"check_outlook_message_id", OutlookMessageId},
    {"check_ratware_name_id", RatwareNameId},
    {"check_ratware_envelope_from", RatwareEnvelopeFrom},
    {"check_for_faraway_charset_in_headers", AllLocales},
};

}  // namespace

std::span<const EvalFunction> HeaderFunctions() { return kFunctions; }

}  // namespace cleanmail::scanner::spam
