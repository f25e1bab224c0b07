#pragma once

#include <string_view>

// How mail servers write where a message came from, behind "from ". In these forms
//   %h %H  what the client called itself (%H may be missing)    %r  its name by DNS
//   %i     its IP address                                       %b  the server that took it
//   %u     a user named by ident (may be missing)               %w  a word we do not need
//   %(     rest of a parenthesis, read for helo= and ident=     %*  anything, as little as possible
//   %+     anything, as much as possible                        %[ %]  a bracket that may be
//   missing
//   %$     end of the line
// and all other characters stand for themselves.

namespace cleanmail::scanner::spam {

struct ReceivedFormat {
  std::string_view form;
  bool looked_up = false;     // the server asks DNS: no name means there is none
  bool helo_is_rdns = false;  // it writes the client's own name only where that differs
};

// Forms of particular servers, tried where the line has `needs` (a final # stands for a version,
// which a remark in parentheses may precede); the first that has decides whether others are looked
// at.
struct ReceivedServer {
  std::string_view needs;
  std::string_view forms[3];
  bool looked_up;
  bool drops_id;
};

inline constexpr ReceivedServer kServers[] = {
    {" SMTPSVC", {"%H ([%i]%*) by %b with Microsoft SMTPSVC"}, false, false},
    {" with Microsoft SMTP Server #", {"%h (%[%i%]) by %b "}, false, true},
    {" with mapi id #", {"%h (%[%i%]) by %b "}, false, true},
    {"[XMail ", {"%h (%[%i%]:%w) by %b "}, false, false},
    {"(ecelerity", {"([%i:%w] helo=%h) by %b ", "%w ([%i:%w]) by %b "}, false, false},
    {" (Postfix) with", {"%h (%r [%i]) by %b ", "%h (%r[%i]) by %b "}, true, false},
    {"(Scalix SMTP Relay", {"%h (%*%i) by %b"}, false, false},
    {" (Lotus Domino ", {"%h ([%i]) by %b (Lotus"}, false, false},
};

// Lines of programs that fetch mail (POP3, IMAP) and have none of the forms before this one tell of
// no handover.
inline constexpr std::string_view kFetchedHere = "";

inline constexpr ReceivedFormat kFormats[] = {
    {"%h (%r [%i]%+) by %b (", true},
    {"%h (%r [%i]) by %b with %w (", true},
    {"%r ([%i] helo=%h) by %b with "},
    {"%h (<unknown%u>[%i]) by %b "},
    {"%h (%r[%i]) by %b ", true},
    {"%h (%u@[%i]%+) by %b (", true},
    {"%r (HELO %H) (%i) by %b (qpsmtpd"},
    {"%r (LHLO %H) (%i) by %b with LMTP"},
    {"%r (HELO %H) [%i] by %b (%*) with "},
    {"%r (EHLO %H) [%i] by %b (%*) with "},
    {"%h ([%i]) by %b via smtpd (for %w) with SMTP("},
    {"%w ( [%i])%* by %b "},
    {"(%h [%i]) by %b "},
    {"[%i] by %b "},
    {"[%i] by %b via HTTP%$"},
    {"(%[%i%]) by %b "},
    {"%h [%i] by %b [%w] with ", true},
    {"%h [(%i)] by %b (%w) "},
    {"%h ([%i]) by %b (", true},
    {"%h (%r [%i])%* by %b", true},
    {"%h ([%i])%* by %b ", true},
    {"%h ([%i:%w])%* by %b ", true},
    {kFetchedHere},
    {"%r (HELO %H) (%u@%[%i%])%+ by %b ", true},
    {"%r (EHLO %H) (%u@%[%i%])%+ by %b ", true},
    {"%r (HELO %H) (%[%i%])%+ by %b ", true},
    {"%r (EHLO %H) (%[%i%])%+ by %b ", true},
    {"%r (HELO %H) (%[%i%]) by %b ", true},
    {"%r (EHLO %H) (%[%i%]) by %b ", true},
    {"%r (%u@%[%i%])%+ by %b ", true, true},
    {"%r (%u@%[%i%]) by %b ", true, true},
    {"%r (%[%i%])%+ by %b ", true, true},
    {"%r (%[%i%]) by %b ", true, true},
    {"%r(%i) by %b via smap ", true},
    {"%i by %b (SMTPL"},
    {"%i by %b (InterScan"},
    {"[%i] (HELO %H) by %b ("},
    {"[%i] (EHLO %H) by %b ("},
    {"[%i] (account %w HELO %H) by %b ("},
    {"%h ([%i] verified) by %b ("},
    {"([%i]) by %b with "},
    {"%h ([%i] [%w]) by %b with "},
    {"%i by %b with "},
    {"[%i]%w (HELO %H) by %b "},
    {"%i (HELO %H) by %b "},
    {"%i (EHLO %H) by %b "},
    {"%h [%i] by %b "},
    {"%r(%i) by %b "},
    {"%h (unverified [%i]) by %b "},
    {"[%i] (%() by %b "},
};

// Beginnings of lines that tell of no handover over the network.
inline constexpr std::string_view kNoHandover[] = {
    "%w by %w with BSMTP",
    "%w (%w) by %w (Content Technologies ",
    "%w %w by %w with local-",
    "%w@%w by %w ",
    "Unknown/Local (",
    "%w (%w@localhost) by %w (",
    "localhost (localhost ",
    "(AUTH: %w) by %w with ",
    "%w by %w with Novell_GroupWise",
    "no.name.available by %w via smtpd (for ",
    "%w by %w with",
    "%w by %w via",
    "%w by %w for",
    "%w by %w (",
    "%w with %w by ",
    "%w via %w by ",
    "%w for %w by ",
    "%w (unverified) by ",
    "%w (unknown) by %w (SG) with ",
    "%w (%w [local]) by %w (OpenSMTPD) with ",
    "facebook.com (%*) by facebook.com with Thrift id %w%$",
    "%w named %w by gmailapi.google.com with HTTPREST%$",
    "%w id %w%$",
};

}  // namespace cleanmail::scanner::spam
