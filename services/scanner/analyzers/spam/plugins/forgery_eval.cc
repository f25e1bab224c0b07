#include <algorithm>

#include "services/scanner/analyzers/spam/plugins/eval.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"

// Whether mail that claims a large provider came by one of the ways that provider's mail comes.

namespace cleanmail::scanner::spam {
namespace {

using regex::CompiledIn;
using regex::Regex;

std::string Received(const MailView& mail) { return Squeezed(mail.GetText("Received")); }

bool HasIp(const std::string& text) {
  static const Regex ip = CompiledIn(
      "\\b\\d{1,3}(?:\\.\\d{1,3}){3}\\b|[0-9a-f]*:[0-9a-f:]+:[0-9a-f]+", {.ignore_case = true});
  return ip.Matches(text);
}

bool FromEndsWith(const MailView& mail, std::string_view domain) {
  const std::string from = mail.GetText("From:addr");
  return EndsWith(from, domain) &&
         (from.size() == domain.size() || !IsWord(from[from.size() - domain.size() - 1]));
}

// A mailing list or gateway that removes Received lines: nothing can be told then.
bool LosesReceived(const MailView& mail) {
  static const Regex ezmlm = CompiledIn("^contact \\S+@\\S+; run by ezmlm$", {.multi_line = true});
  static const Regex qmail =
      CompiledIn("qmail \\d+ invoked (?:from network|by .{3,20})\\); \\d+ ... \\d+");
  static const Regex list = CompiledIn("^mailing list \\S+@\\S+", {.multi_line = true});
  if (!mail.Has("Received")) return true;
  if (mail.Has("Mailing-List") && ezmlm.Matches(mail.GetText("Mailing-List")) &&
      list.Matches(mail.GetText("Delivered-To")) && qmail.Matches(mail.GetText("Received")))
    return true;
  static const Regex groups = CompiledIn("from groups\\.msn\\.com \\(\\S+\\.msn\\.com ");
  return groups.Matches(mail.GetText("Received"));
}

struct Hotmail {
  bool forged_received = false;
  bool no_received = false;
};

bool CameByHotmail(const MailView& mail, const std::string& received) {
  static const Regex named = CompiledIn(
      "from (?:\\S*\\.)?hotmail.com \\(\\S+\\.hotmail(?:\\.msn)?\\.com[ )]|"
      "from \\S*\\.hotmail.com \\(\\[[^\\]]+\\][ ):]|"
      "from \\S+ by \\S+\\.hotmail(?:\\.msn)?\\.com with HTTP;|"
      "from \\[66\\.218.\\S+\\] by \\S+\\.yahoo\\.com");
  static const Regex outlook = CompiledIn(
      "from \\S*\\.outbound\\.protection\\.outlook\\.com "
      "\\(\\S+\\.outbound\\.protection\\.outlook\\.com[ )]|"
      "from \\S*\\.(?:eur|nam)prd\\d+\\.prod\\.outlook\\.com \\([0-9a-f.:]+\\)");
  if (received.find("from mail pickup service by hotmail.com with Microsoft SMTPSVC;") !=
      std::string::npos)
    return true;
  const std::string organisation = mail.GetText("X-OriginatorOrg");
  if ((organisation.find("hotmail.com") != std::string::npos ||
       organisation.find("msonline-outlook") != std::string::npos) &&
      outlook.Matches(received))
    return true;
  return HasIp(mail.GetText("X-Originating-Ip")) && named.Matches(received);
}

Hotmail HotmailOf(const MailView& mail) {
  static const Regex claims = CompiledIn("(?:from |HELO |helo=)\\S*hotmail\\.com\\b");
  Hotmail hotmail;
  const std::string received = Received(mail);
  if (LosesReceived(mail) || CameByHotmail(mail, received)) return hotmail;
  if (claims.Matches(received)) {
    hotmail.forged_received = true;
  } else {
    hotmail.no_received = FromEndsWith(mail, "hotmail.com");
  }
  return hotmail;
}

double ForgedHotmail(const EvalCall& call) {
  return call.mail.Remember<Hotmail>(HotmailOf).forged_received ? 1 : 0;
}
double NoHotmail(const EvalCall& call) {
  return call.mail.Remember<Hotmail>(HotmailOf).no_received ? 1 : 0;
}

double ForgedYahoo(const EvalCall& call) {
  static const Regex ways = CompiledIn(
      "by web\\S+\\.mail\\S*\\.yahoo\\.com via HTTP|by sonic\\S+\\.consmr\\.mail\\S*\\.yahoo\\.com "
      "with HTTP|"
      "by smtp\\S+\\.yahoo\\.com with SMTP|"
      "from \\[[0-9a-f.:]+\\] by \\S+\\.(?:groups|scd|dcn)\\.yahoo\\.com with NNFMP|"
      "by \\w+\\.\\w+\\.yahoo\\.com \\(\\d+\\.\\d+\\.\\d+/\\d+\\.\\d+\\.\\d+\\)(?: with ESMTP)? id "
      "\\w+");
  static const Regex trusted = CompiledIn(" rdns=\\S+\\.yahoo\\.com ");
  static const Regex untrusted = CompiledIn("^[^\\]]+ rdns=\\S+\\.yahoo\\.com ");
  const MailView& mail = call.mail;
  if (!FromEndsWith(mail, "yahoo.com") || LosesReceived(mail)) return 0;
  std::string received = Received(mail);
  if (mail.Has("Resent-From") && mail.Has("Resent-To") && mail.Has("X-Received"))
    received = Squeezed(mail.GetText("X-Received"));
  if (trusted.Matches(Relays::ToString(mail.relays().trusted)) ||
      untrusted.Matches(Relays::ToString(mail.relays().untrusted)))
    return 0;
  static const Regex bulk = CompiledIn("\\bmailer\\d+\\.bulk\\.scd\\.yahoo\\.com\\b");
  if (bulk.Matches(received) && EndsWith(mail.GetText("From:addr"), "@reply.yahoo.com")) return 0;
  return ways.Matches(received) ? 0 : 1;
}

double ForgedJuno(const EvalCall& call) {
  static const Regex way = CompiledIn(
      "from.*\\b(?:juno|untd)\\.com.*[\\[(][0-9a-f.:]+[\\])].*by| cookie\\.(?:juno|untd)\\.com ");
  static const Regex mail_com = CompiledIn("from.*\\bmail\\.com.*\\[[0-9a-f.:]+\\].*by");
  static const Regex webmail =
      CompiledIn("from (webmail\\S+\\.untd\\.com) \\(\\1 \\[[0-9a-f.:]+\\]\\) by");
  const MailView& mail = call.mail;
  if (!FromEndsWith(mail, "juno.com") || LosesReceived(mail)) return 0;
  const std::string origin = mail.GetText("X-Originating-IP");
  const std::string mailer = mail.GetText("X-Mailer");
  const std::string received = mail.GetText("Received");
  if (!origin.empty())
    return !way.Matches(received) || mailer.find("Juno ") == std::string::npos ? 1 : 0;
  if (mail_com.Matches(received)) {
    if (mailer.find("mail.com") == std::string::npos) return 1;
  } else if (!webmail.Matches(received) || !mailer.starts_with("Webmail Version ")) {
    return 1;
  }
  return 1;  // the address it came from is missing
}

double ForgedGmail(const EvalCall& call) {
  static const Regex relayed =
      CompiledIn("by (?:10\\.\\S+|2002:a\\d\\d:\\w+:\\S+) with SMTP id \\S+");
  static const Regex submitted = CompiledIn("by smtp\\.googlemail\\.com with ESMTPSA id \\S+");
  const MailView& mail = call.mail;
  if (!FromEndsWith(mail, "gmail.com")) return 0;
  if (relayed.Matches(mail.GetText("X-Received")) || submitted.Matches(mail.GetText("Received")))
    return 0;
  const bool marked = mail.GetText("X-Gm-Message-State").size() >= 60 &&
                      mail.GetText("X-Google-Smtp-Source").size() >= 60;
  return marked ? 0 : 1;
}

double ForgedEudoramail(const EvalCall& call) {
  const MailView& mail = call.mail;
  if (!FromEndsWith(mail, "eudoramail.com") || LosesReceived(mail)) return 0;
  static const Regex way = CompiledIn("by \\S*whowhere.com;");
  return way.Matches(Received(mail)) && HasIp(mail.GetText("X-Sender-Ip")) ? 0 : 1;
}

double FakeAolRelay(const EvalCall& call) {
  static const Regex relay = CompiledIn(" rly-[a-z][a-z]\\d\\d\\.", {.ignore_case = true});
  static const Regex real =
      CompiledIn("/AOL-\\d+\\.\\d+\\.\\d+\\)|ESMTP id (?:RELAY|MAILRELAY|MAILIN)");
  const std::string received = Received(call.mail);
  return relay.Matches(received) && !real.Matches(received) ? 1 : 0;
}

double GatedThrough(const EvalCall& call) { return LosesReceived(call.mail) ? 1 : 0; }

constexpr EvalFunction kFunctions[] = {
    {"check_for_forged_hotmail_received_headers", ForgedHotmail},
    {"check_for_no_hotmail_received_headers", NoHotmail},
    {"check_for_forged_yahoo_received_headers", ForgedYahoo},
    {"check_for_forged_juno_received_headers", ForgedJuno},
    {"check_for_forged_gmail_received_headers", ForgedGmail},
    {"check_for_forged_eudoramail_received_headers", ForgedEudoramail},
    {"check_for_fake_aol_relay_in_rcvd", FakeAolRelay},
    {"gated_through_received_hdr_remover", GatedThrough},
};

}  // namespace

std::span<const EvalFunction> ForgeryFunctions() { return kFunctions; }

}  // namespace cleanmail::scanner::spam
