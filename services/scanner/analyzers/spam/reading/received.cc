#include "services/scanner/analyzers/spam/reading/received.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "libs/base/cat.h"
#include "libs/regex/regex.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/reading/domains.h"
#include "services/scanner/analyzers/spam/reading/received_formats.h"

namespace cleanmail::scanner::spam {
namespace {

using regex::CompiledIn;
using regex::Match;
using regex::Outcome;
using regex::Regex;

constexpr std::string_view kIp =
    "((?:ipv6:)?(?:\\d{1,3}(?:\\.\\d{1,3}){3}\\b|[0-9a-f]{0,4}:[0-9a-f:]*(?:\\d{1,3}(?:\\.\\d{1,3})"
    "{3})?"
    "(?:%[A-Z0-9._~-]*)?))";

// A form of received_formats.h as a pattern, with the letters of its groups.
struct Form {
  Regex pattern;
  std::string groups;
};

Form CompileForm(std::string_view form) {
  std::string pattern = "^";
  std::string groups;
  for (size_t i = 0; i < form.size(); ++i) {
    if (form[i] != '%') {
      if (!IsWord(form[i]) && form[i] != ' ') pattern += '\\';
      pattern += form[i];
      continue;
    }
    const char kind = form[++i];
    switch (kind) {
      case 'i':
        pattern += base::Cat("(?i:", kIp, ")");
        groups += 'i';
        break;
      case 'h':
      case 'r':
      case 'b':
        pattern += "(\\S+)";
        groups += kind;
        break;
      case 'H':
        pattern += "([^ ()]*)";
        groups += 'h';
        break;
      case 'u':
        pattern += "([^\\s@>]*)";
        groups += 'u';
        break;
      case '(':
        pattern += "([^)]*)";
        groups += '(';
        break;
      case 'w':
        pattern += "\\S+";
        break;
      case '*':
        pattern += ".*?";
        break;
      case '+':
        pattern += ".*";
        break;
      case '[':
        pattern += "\\[?";
        break;
      case ']':
        pattern += "\\]?";
        break;
      default:
        pattern += '$';
    }
  }
  return {CompiledIn(pattern), groups};
}

struct GeneralForm {
  Form form;
  bool looked_up;
  bool helo_is_rdns;
  bool fetched_here;
};
struct ServerForms {
  std::string_view needs;
  std::vector<Form> forms;
  bool looked_up;
  bool drops_id;
};

// All patterns, compiled once.
struct Patterns {
  std::vector<ServerForms> servers;
  std::vector<GeneralForm> general;
  std::vector<Form> no_handover;
  Regex date =
      CompiledIn("[\\s;]+(?:[A-Z][a-z]{2}, )?\\d+ [A-Z][a-z]{2} \\d+ \\d+:\\d+(?::\\d+)? \\S+$");
  Regex id = CompiledIn(" id <?([^\\s<>;]{3,})");
  Regex helo = CompiledIn("\\bhelo=([-\\w.^+&:=?!@%*$\\\\/]+)(?![-\\w.^+&:=?!@%*$\\\\/])");
  Regex helo_word = CompiledIn("\\b(?:HELO|EHLO) ([-\\w.^+&:=?!@%*$\\\\/]+)");
  Regex by = CompiledIn(" by (\\S+)(?:[^-A-Za-z0-9;.]|$)");
  Regex auth_protocol = CompiledIn(" with ((?:ES|L|UTF8S|UTF8L)MTPS?A|ASMTP|HTTP[SU]?)(?: |;|$)",
                                   {.ignore_case = true});
  Regex auth_sasl = CompiledIn("^from .*?(?:\\]\\)|\\)\\]) \\(AUTH: ([A-Z0-9-]+) \\S+.*?\\) by ");
  Regex auth_sendmail =
      CompiledIn("^from .*?(?:\\](?: \\([^)]*\\))?\\)|\\)\\]) .*?\\(.*?authenticated.*?\\).*? by");
  Regex auth_gmx = CompiledIn(
      "from \\S* \\((?:HELO|EHLO) \\S*\\) \\[[^\\]]+\\] by (mail\\.gmx\\.(?:net|com)) "
      "\\([^)]+\\) with (E?SMTP)");
  Regex auth_postfix =
      CompiledIn("\\) \\(Authenticated sender: \\S+\\) by \\S+ \\(([^)]+)\\) with ");
  Regex auth_via_http = CompiledIn(" \\(via (HTTP.?)\\)(?: |;|$)", {.ignore_case = true});
  Regex envelope =
      CompiledIn("(?:return-path:? |envelope-(?:sender|from)[ =])(\\S+)\\b", {.ignore_case = true});
  Regex exim_bracket = CompiledIn(base::Cat("^\\[(?i:", kIp, ")\\] \\((.*?)\\) by (\\S+) "));
  Regex exim_named = CompiledIn(base::Cat("^(\\S+) \\(\\[(?i:", kIp, ")\\](.*?)\\) by (\\S+) "));
  Regex exim_plain = CompiledIn(base::Cat("^(\\S+) \\[(?i:", kIp, ")\\](?::\\d+)? by (\\S+) "));
  Regex any_bracketed_ip = CompiledIn(base::Cat("\\[(?i:", kIp, ")\\]"));
  Regex ident = CompiledIn("ident=(\\S*)");
  Regex helo_in_comment = CompiledIn("helo=(\\S+)");

  Patterns() {
    for (const ReceivedServer& server : kServers) {
      ServerForms forms{server.needs, {}, server.looked_up, server.drops_id};
      for (const std::string_view form : server.forms) {
        if (!form.empty()) forms.forms.push_back(CompileForm(form));
      }
      servers.push_back(std::move(forms));
    }
    for (const ReceivedFormat& format : kFormats)
      general.push_back({CompileForm(format.form), format.looked_up, format.helo_is_rdns,
                         format.form == kFetchedHere});
    for (const std::string_view form : kNoHandover) no_handover.push_back(CompileForm(form));
  }
};

const Patterns& ThePatterns() {
  static const Patterns patterns;
  return patterns;
}

bool Has(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

// Whether a line shows what a server's lines have; see kServers.
bool IsOf(std::string_view needs, std::string_view line) {
  const bool versioned = needs.ends_with('#');
  if (versioned) needs.remove_suffix(1);
  const size_t at = line.find(needs);
  if (at == std::string_view::npos || !versioned) return at != std::string_view::npos;
  std::string_view rest = line.substr(at + needs.size());
  if (rest.starts_with('('))
    rest = TrimLeft(rest.substr(std::min(rest.find(')'), rest.size() - 1) + 1));
  return !rest.empty() && IsDigit(rest[0]);
}

std::string FirstGroup(const Regex& regex, std::string_view text) {
  Match match;
  return regex.Find(text, 0, &match) == Outcome::kMatch ? std::string(match.Text(text, 1)) : "";
}

// How the client signed in, where the line tells.
std::string AuthOf(std::string_view line) {
  const Patterns& p = ThePatterns();
  std::string found;
  if (Has(line, " by ") && !(found = FirstGroup(p.auth_protocol, line)).empty()) return found;
  if (!(found = FirstGroup(p.auth_sasl, line)).empty()) return found;
  if (Has(line, "authenticated") && p.auth_sendmail.Matches(line)) return "Sendmail";
  Match match;
  if (p.auth_gmx.Find(line, 0, &match) == Outcome::kMatch)
    return base::Cat("GMX (", match.Text(line, 2), " / ", match.Text(line, 1), ")");
  if (p.auth_postfix.Find(line, 0, &match) == Outcome::kMatch) {
    const std::string_view server = match.Text(line, 1);
    return server == "Postfix" ? std::string(server) : base::Cat("Postfix (", server, ")");
  }
  if (Has(line, "CommuniGate Pro ") && Has(line, "(account ")) return "Communigate";
  if (Has(line, " with Microsoft Exchange Server HTTP-DAV")) return "HTTP-DAV";
  return Has(line, " by ") ? FirstGroup(p.auth_via_http, line) : "";
}

// What a line says, while it is read.
class Reading {
 public:
  explicit Reading(std::string_view line) : line_(line) {}

  ReceivedLine Run() {
    if (!BeginsWith(line_, "from ") && !BeginsWith(line_, "(from "))
      return Of(ReceivedKind::kNoHandover);
    if (Has(line_, " with local for ") || IsBareHandover()) return Of(ReceivedKind::kNoHandover);
    ReadGeneralFacts();
    std::string_view rest = line_;
    ReceivedKind kind = ReceivedKind::kUnreadable;
    if (rest.starts_with("from ")) {
      rest.remove_prefix(5);
      kind = ReadFrom(rest);
    } else if (rest.starts_with("(from ")) {
      kind = Has(rest, "@") ? ReceivedKind::kNoHandover : ReceivedKind::kUnreadable;
    }
    if (kind != ReceivedKind::kUnreadable)
      return kind == ReceivedKind::kRelay ? Finish() : Of(kind);
    if (relay_.ip.empty()) relay_.ip = FirstGroup(ThePatterns().any_bracketed_ip, rest);
    return !relay_.ip.empty() && !relay_.by.empty() ? Finish() : Of(ReceivedKind::kUnreadable);
  }

 private:
  static ReceivedLine Of(ReceivedKind kind) { return {kind, {}}; }

  // "from NAME by NAME;": nothing is known of how it came.
  bool IsBareHandover() {
    const std::vector<std::string_view> words = Words(line_);
    if (words.size() < 4 || words[2] != "by" || words[1].starts_with('[')) return false;
    if (words[3].size() > 1 && words[3].find(';') == words[3].size() - 1) return true;
    return words[3].find(';') == std::string_view::npos && words.size() > 4 &&
           words[4].starts_with(';');
  }

  void ReadGeneralFacts() {
    const Patterns& p = ThePatterns();
    Match match;
    if (p.date.Find(line_, 0, &match) == Outcome::kMatch) line_.resize(match.groups[0].begin);
    line_ = Replaced(std::move(line_), ")by ", ") by ");
    relay_.id = FirstGroup(p.id, line_);
    relay_.helo = FirstGroup(p.helo, line_);
    if (relay_.helo.empty()) relay_.helo = FirstGroup(p.helo_word, line_);
    relay_.by = FirstGroup(p.by, line_);
    relay_.auth = AuthOf(line_);
    if (p.envelope.Find(line_, 0, &match) == Outcome::kMatch)
      relay_.envelope_from = std::string(match.Text(line_, 1));
  }

  bool Take(const Form& form, std::string_view rest) {
    Match match;
    if (form.pattern.Find(rest, 0, &match) != Outcome::kMatch) return false;
    for (size_t i = 0; i < form.groups.size(); ++i) {
      const std::string text(match.Text(rest, i + 1));
      switch (form.groups[i]) {
        case 'i':
          relay_.ip = text;
          break;
        case 'h':
          relay_.helo = text;
          break;
        case 'r':
          relay_.rdns = text;
          break;
        case 'b':
          relay_.by = text;
          break;
        case 'u':
          relay_.ident = text;
          break;
        default:
          ReadComment(text);
      }
    }
    return true;
  }

  void ReadComment(std::string_view comment) {
    const Patterns& p = ThePatterns();
    if (std::string helo = FirstGroup(p.helo_in_comment, comment); !helo.empty())
      relay_.helo = std::move(helo);
    Match match;
    if (p.ident.Find(comment, 0, &match) == Outcome::kMatch) relay_.ident = match.Text(comment, 1);
  }

  bool TakeExim(std::string_view rest) {
    const Patterns& p = ThePatterns();
    Match match;
    if (p.exim_bracket.Find(rest, 0, &match) == Outcome::kMatch) {
      relay_.ip = match.Text(rest, 1);
      ReadComment(match.Text(rest, 2));
      relay_.by = match.Text(rest, 3);
      return true;
    }
    if (p.exim_named.Find(rest, 0, &match) == Outcome::kMatch) {
      relay_.rdns = relay_.helo = match.Text(rest, 1);
      relay_.ip = match.Text(rest, 2);
      ReadComment(match.Text(rest, 3));
      relay_.by = match.Text(rest, 4);
      return true;
    }
    if (p.exim_plain.Find(rest, 0, &match) == Outcome::kMatch) {
      relay_.rdns = relay_.helo = match.Text(rest, 1);
      relay_.ip = match.Text(rest, 2);
      relay_.by = match.Text(rest, 3);
      return true;
    }
    const std::vector<std::string_view> words = Words(rest);
    if (!words.empty()) relay_.rdns = words[0];
    for (const std::string_view word : words) {
      if (word.size() > 2 && word.starts_with('(') && word.ends_with(')')) {
        relay_.helo = word.substr(1, word.size() - 2);
        break;
      }
    }
    relay_.ip = FirstGroup(p.any_bracketed_ip, rest);
    return !relay_.ip.empty() && !relay_.by.empty();
  }

  ReceivedKind ReadFrom(std::string_view rest) {
    const Patterns& p = ThePatterns();
    if (rest.starts_with("mail pickup service by ") && Has(rest, " with Microsoft SMTPSVC"))
      return ReceivedKind::kNoHandover;
    bool known_server = false;
    for (const ServerForms& server : p.servers) {
      if (known_server || !IsOf(server.needs, rest)) continue;
      known_server = true;
      for (const Form& form : server.forms) {
        if (!Take(form, rest)) continue;
        looked_up_ = server.looked_up;
        if (server.drops_id) relay_.id.clear();
        return ReceivedKind::kRelay;
      }
    }
    if (!known_server && Has(rest, "Exim")) {
      if (Has(rest, "with local ") || Has(rest, "with local-")) return ReceivedKind::kNoHandover;
      if (TakeExim(rest)) return ReceivedKind::kRelay;
    }
    if (rest.starts_with("X-Originating-IP: ")) {
      relay_.ip = rest.substr(18);
      relay_.by.clear();
      return ReceivedKind::kRelay;
    }
    return ReadGeneralForms(rest);
  }

  ReceivedKind ReadGeneralForms(std::string_view rest) {
    const Patterns& p = ThePatterns();
    const bool fetched = Has(rest, "with POP3") || Has(rest, "with IMAP");
    for (const GeneralForm& general : p.general) {
      if (general.fetched_here && fetched) return ReceivedKind::kFetched;
      if (general.fetched_here || !Take(general.form, rest)) continue;
      looked_up_ = general.looked_up;
      if (general.helo_is_rdns && relay_.helo.empty()) relay_.helo = relay_.rdns;
      if (relay_.rdns == "softdnserr") {
        looked_up_ = false;
        relay_.rdns.clear();
      }
      const size_t at = relay_.rdns.find('@');
      if (at != std::string::npos) {
        const bool marked = relay_.rdns.starts_with("IDENT:");
        relay_.ident = relay_.rdns.substr(marked ? 6 : 0, at - (marked ? 6 : 0));
        relay_.rdns.erase(0, at + 1);
      }
      // qmail writes "unknown" where it did not look.
      if (general.helo_is_rdns && relay_.rdns == "unknown") looked_up_ = false;
      return ReceivedKind::kRelay;
    }
    for (const Form& form : p.no_handover) {
      if (form.pattern.Matches(rest)) return ReceivedKind::kNoHandover;
    }
    return ReceivedKind::kUnreadable;
  }

  ReceivedLine Finish() {
    while (relay_.rdns.ends_with('.')) relay_.rdns.pop_back();
    if (SameLetters(relay_.rdns, "unknown") || relay_.rdns.starts_with('[')) relay_.rdns.clear();
    if (BeginsWith(relay_.ip, "ipv6:")) relay_.ip.erase(0, 5);
    relay_.ip.resize(std::min(relay_.ip.find('%'), relay_.ip.size()));
    if (const size_t mapped = FindLetters(relay_.ip, "ffff:");
        mapped != std::string::npos && mapped + 5 < relay_.ip.size() &&
        relay_.ip.find('.') != std::string::npos && relay_.ip.find_first_not_of("0:") == mapped)
      relay_.ip.erase(0, mapped + 5);
    if (relay_.by.ends_with(';')) relay_.by.pop_back();
    for (std::string* text : {&relay_.ip, &relay_.rdns, &relay_.helo, &relay_.by, &relay_.ident})
      Neutralize(*text);
    if (relay_.envelope_from) {
      std::string_view from = Trim(*relay_.envelope_from);
      while (from.starts_with('<')) from.remove_prefix(1);
      while (from.ends_with('>')) from.remove_suffix(1);
      relay_.envelope_from = std::string(from);
      Neutralize(*relay_.envelope_from);
    }
    relay_.no_reverse_dns = relay_.rdns.empty() && looked_up_;
    relay_.ip_private = IsPrivateIp(relay_.ip);
    return {ReceivedKind::kRelay, std::move(relay_)};
  }

  // Characters that have a meaning in the pseudo headers.
  static void Neutralize(std::string& text) {
    for (char& c : text) {
      if (IsBlank(c) || c == '\0' || std::string_view("#[]()<>|").find(c) != std::string_view::npos)
        c = '!';
    }
  }

  std::string line_;
  Relay relay_;
  bool looked_up_ = false;
};

}  // namespace

std::string Relay::ToString() const {
  return base::Cat("[ ip=", ip, " rdns=", rdns, " helo=", helo, " by=", by, " ident=", ident,
                   " envfrom=", envelope_from.value_or(""), " intl=", internal ? 1 : 0, " id=", id,
                   " auth=", auth, " msa=", msa ? 1 : 0, " ]");
}

std::string Relays::ToString(const std::vector<Relay>& relays) {
  std::string text;
  for (const Relay& relay : relays) {
    if (!text.empty()) text += ' ';
    text += relay.ToString();
  }
  return text;
}

ReceivedLine ReadReceived(std::string_view value) {
  std::string line = Squeezed(Trim(value));
  while (line.ends_with(';')) {
    line.pop_back();
    if (line.ends_with(' ')) line.pop_back();
  }
  return Reading(line).Run();
}

namespace {

// Whether trust goes on behind `relay`; changes `internal` and `msa` with it.
bool GoesOn(Relay& relay, const TrustSettings& trust, bool& internal, bool& behind_msa) {
  if (!trust.configured) {
    const bool goes_on = relay.ip_private || !relay.auth.empty();
    internal = internal && goes_on;
    return goes_on;
  }
  if (relay.auth.empty() && !trust.trusted(relay.ip)) {
    internal = false;
    return false;
  }
  if (relay.auth.empty() && !trust.internal(relay.ip)) internal = false;
  if (trust.msa && trust.msa(relay.ip)) {
    behind_msa = true;
    relay.msa = true;
  }
  return true;
}

bool NamesClient(const std::vector<std::string>& lines, std::string_view client) {
  return std::any_of(lines.begin(), lines.end(), [client](const std::string& line) {
    const ReceivedLine read = ReadReceived(line);
    return read.kind == ReceivedKind::kRelay && read.relay.ip == client;
  });
}

}  // namespace

Relays ReadRelays(const std::vector<std::string>& lines,
                  const std::vector<std::string>& originating, const TrustSettings& trust,
                  std::string_view client) {
  Relays relays;
  bool trusted = true;
  bool internal = true;
  bool behind_msa = false;
  bool fetch_counts = true;
  // Else a field that was forged or cannot be read would make all relays ours.
  bool is_before_client = !client.empty() && NamesClient(lines, client);
  std::vector<std::string> all = lines;
  for (const std::string& ip : originating) all.push_back("from X-Originating-IP: " + ip);
  for (const std::string& line : all) {
    ReceivedLine read = ReadReceived(line);
    if (read.kind == ReceivedKind::kFetched && fetch_counts) {
      relays.trusted.clear();
      relays.internal.clear();
      relays.external.clear();
    }
    if (read.kind != ReceivedKind::kRelay) {
      relays.unreadable += read.kind == ReceivedKind::kUnreadable ? 1 : 0;
      relays.last_trusted += trusted ? 1 : 0;
      relays.last_internal += internal ? 1 : 0;
      continue;
    }
    Relay& relay = read.relay;
    is_before_client = is_before_client && relay.ip != client;
    if (trusted && !behind_msa && !is_before_client)
      trusted = GoesOn(relay, trust, internal, behind_msa);
    relay.internal = internal;
    fetch_counts = trusted;
    if (trusted) ++relays.last_trusted;
    if (internal) ++relays.last_internal;
    (trusted ? relays.trusted : relays.untrusted).push_back(relay);
    (internal ? relays.internal : relays.external).push_back(relay);
  }
  return relays;
}

}  // namespace cleanmail::scanner::spam
