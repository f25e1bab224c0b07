#pragma once

#include <span>
#include <string>
#include <string_view>

// Every code that stands in a refusal of ours: what it says, what it means, what can be done. A
// code, once out, keeps its meaning: senders search for it, and the portal has a page for each.
namespace cleanmail::refusals {

struct Refusal {
  std::string_view code;      // "CMR-RCP-UNKNOWN"
  int reply = 0;              // basic code (RFC 5321 §4.2)
  std::string_view enhanced;  // RFC 3463
  std::string_view sentence;  // ASCII: it goes into the reply
  std::string_view meaning;   // for whoever looks the code up
  std::string_view advice;
};

// Sessions and storage.
inline constexpr Refusal kTooManySessions = {
    .code = "CMR-SES-LIMIT",
    .reply = 421,
    .enhanced = "4.7.0",
    .sentence = "Too many sessions at once, try again later",
    .meaning = "This address or its network has more connections open than one may have.",
    .advice =
        "Nothing is lost: the sending server tries again. If it goes on, its administrator "
        "should lower the number of parallel connections."};
inline constexpr Refusal kNoRoom = {
    .code = "CMR-SYS-ROOM",
    .reply = 452,
    .enhanced = "4.3.1",
    .sentence = "No room for more mail at the moment, try again",
    .meaning = "The gateway's disk is filled beyond the mark that is set for it.",
    .advice = "The sending server tries again by itself. The gateway's operator should make room."};
inline constexpr Refusal kTryLater = {
    .code = "CMR-SYS-LATER",
    .reply = 451,
    .enhanced = "4.3.0",
    .sentence = "Not possible at the moment, try again later",
    .meaning = "A part of the gateway does not answer. Nothing was accepted.",
    .advice =
        "The sending server tries again by itself. The gateway's operator finds the reason "
        "in the log."};
inline constexpr Refusal kLoading = {
    .code = "CMR-SYS-LOADING",
    .reply = 451,
    .enhanced = "4.3.0",
    .sentence = "The directory is not loaded yet, try again",
    .meaning = "The gateway has just been started and does not know yet whose mail it takes.",
    .advice = "The sending server tries again by itself."};

// Senders.
inline constexpr Refusal kNotYourNetwork = {
    .code = "CMR-SND-NETWORK",
    .reply = 550,
    .enhanced = "5.7.1",
    .sentence = "This gateway does not take outbound mail from your network",
    .meaning = "The sending address is in none of the networks a customer has named as his own.",
    .advice = "The customer's administrator adds the network to the tenant's sending networks."};
inline constexpr Refusal kNotYourDomain = {
    .code = "CMR-SND-DOMAIN",
    .reply = 550,
    .enhanced = "5.7.1",
    .sentence = "The sender's domain is not yours",
    .meaning = "The domain of the sender belongs to another customer of this gateway.",
    .advice = "Send with an address of your own domains."};
inline constexpr Refusal kForgedSender = {
    .code = "CMR-SPF-FORGED",
    .reply = 550,
    .enhanced = "5.7.23",
    .sentence = "Forged sender domain from this server",
    .meaning =
        "The sender's domain publishes which servers send its mail (SPF), this one is not among "
        "them, and the gateway's operator enforces it for this domain.",
    .advice =
        "Send by the servers of the sender's provider. If this is one of them, its administrator "
        "adds it to the domain's SPF record."};
inline constexpr Refusal kSenderUnproven = {
    .code = "CMR-SPF-LATER",
    .reply = 451,
    .enhanced = "4.7.24",
    .sentence = "The sender domain's SPF record cannot be read at the moment, try again later",
    .meaning =
        "The gateway enforces SPF for this domain, and the DNS servers that have its record do "
        "not answer.",
    .advice = "The sending server tries again by itself."};
inline constexpr Refusal kBlocked = {
    .code = "CMR-LST-BLOCK",
    .reply = 550,
    .enhanced = "5.7.1",
    .sentence = "The recipient's organisation does not accept mail from this sender",
    .meaning = "The sender stands on a block list of the recipient, his domain or his company.",
    .advice = "Ask the recipient by another way to take your address off the list."};

// Recipients.
inline constexpr Refusal kNoRelay = {
    .code = "CMR-RCP-DOMAIN",
    .reply = 550,
    .enhanced = "5.7.1",
    .sentence = "This gateway does not take mail for that domain",
    .meaning = "The recipient's domain is none of those this gateway serves.",
    .advice = "Check the address, and the MX records of its domain."};
inline constexpr Refusal kNoTenant = {
    .code = "CMR-RCP-TENANT",
    .reply = 550,
    .enhanced = "5.7.1",
    .sentence = "This server does not handle mail for this recipient",
    .meaning =
        "The recipient's domain was taken off this gateway while the message was on its "
        "way in.",
    .advice = "Check the address, and the MX records of its domain."};
inline constexpr Refusal kUnknownUser = {
    .code = "CMR-RCP-UNKNOWN",
    .reply = 550,
    .enhanced = "5.1.1",
    .sentence = "No such user here",
    .meaning = "The domain takes mail for known addresses only, and this one is not known.",
    .advice =
        "Check the spelling. The recipient's administrator can add the address as an account "
        "or an alias."};
inline constexpr Refusal kUnknownThere = {
    .code = "CMR-RCP-CALLOUT",
    .reply = 550,
    .enhanced = "5.1.1",
    .sentence = "The recipient's mail server does not know this user",
    .meaning =
        "The gateway has asked the server the mail would go to, and it knows no such "
        "address.",
    .advice =
        "Check the spelling. If the address does exist, the recipient's administrator finds "
        "the server's answer among the call-out entries and can delete it."};
inline constexpr Refusal kCannotCheck = {
    .code = "CMR-RCP-CHECK",
    .reply = 451,
    .enhanced = "4.4.1",
    .sentence = "The recipient cannot be checked at the moment, try again later",
    .meaning = "The server that knows the domain's users does not answer.",
    .advice = "The sending server tries again by itself."};
inline constexpr Refusal kGreylisted = {
    .code = "CMR-GRY-LATER",
    .reply = 451,
    .enhanced = "4.7.1",
    .sentence = "Not seen before, come again in a few minutes",
    .meaning =
        "The gateway asks every server it has not seen with this sender and recipient to come "
        "again (greylisting).",
    .advice =
        "Nothing needs to be done: the sending server tries again by itself. The gateway's "
        "operator can have a network or a provider never wait."};
inline constexpr Refusal kStaged = {
    .code = "CMR-RCP-STAGED",
    .reply = 450,
    .enhanced = "4.3.2",
    .sentence = "This domain is being set up here and is not live yet, try again later",
    .meaning = "The domain exists on this gateway, but its administrator has not switched it live.",
    .advice =
        "The sending server tries again by itself. The recipient's administrator switches "
        "the domain live, or lets its MX records point elsewhere until then."};
inline constexpr Refusal kAnotherTime = {
    .code = "CMR-RCP-APART",
    .reply = 452,
    .enhanced = "4.5.3",
    .sentence = "Send to this recipient in a transaction of its own",
    .meaning =
        "After the message is there, another answer might be due for this recipient than "
        "for those before, and SMTP has only one.",
    .advice = "Sending servers do this by themselves, at once."};
inline constexpr Refusal kNoSmtpUtf8There = {
    .code = "CMR-DST-UTF8",
    .reply = 550,
    .enhanced = "5.6.7",
    .sentence = "The recipient's mail server does not take internationalised mail",
    .meaning = "The message needs SMTPUTF8 (RFC 6531), which the destination does not offer.",
    .advice = "Write from, and to, an address in ASCII."};
inline constexpr Refusal kTooBigThere = {
    .code = "CMR-DST-SIZE",
    .reply = 552,
    .enhanced = "5.3.4",
    .sentence = "The message is larger than the recipient's mail server takes",
    .meaning = "The destination names a largest size (RFC 1870), and the message is above it.",
    .advice = "Send less, or by another way."};

// Messages.
inline constexpr Refusal kHeaderTooBig = {
    .code = "CMR-HDR-SIZE",
    .reply = 552,
    .enhanced = "5.3.4",
    .sentence = "The header of the message is too big",
    .meaning = "The header has more fields or bytes than any honest program makes.",
    .advice = "Look at what the sending program puts into the header."};
inline constexpr Refusal kOutlookExpress = {
    .code = "CMR-HDR-OE-EOL",
    .reply = 550,
    .enhanced = "5.7.1",
    .sentence =
        "Mail from Outlook Express is not accepted: it has had no security updates since "
        "2014",
    .meaning =
        "X-Mailer or X-MimeOLE of the message names Outlook Express. Most of what still "
        "does so is sent by malware that copies old headers.",
    .advice =
        "Use a mail program that is still maintained. If you do not use Outlook Express, "
        "your program claims to be it; its settings or its maker can change that."};
inline constexpr Refusal kRule = {
    .code = "CMR-POL-RULE",
    .reply = 550,
    .enhanced = "5.7.1",
    .sentence = "A rule of the recipient's organisation refuses this message",
    .meaning = "The recipient's administrator has written a rule that refuses such mail.",
    .advice = "Ask the recipient by another way. His administrator sees which rule it was."};

// All of them, in the order above.
std::span<const Refusal> All();
// nullptr: no such code.
const Refusal* Find(std::string_view code);
// The text of a reply: the code, then the sentence or the tenant's own.
std::string TextOf(const Refusal& refusal, std::string_view own = {});

}  // namespace cleanmail::refusals
