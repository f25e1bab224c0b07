#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "proto/cleanmail/mail/v1/mail.pb.h"
#include "services/scanner/findings/finding_id.h"

namespace cleanmail::scanner {

// One entry of the catalogue.
struct CatalogueEntry {
  FindingId id;
  std::string_view name;  // as in events, logs and screens
  mail::v1::FindingCategory category;
  double weight;             // what it adds to the score
  std::string_view meaning;  // one sentence
  std::string_view advice;   // what an administrator or help desk may do
};

inline constexpr std::array kCatalogue = {
    CatalogueEntry{FindingId::kGtube, "GTUBE", mail::v1::FINDING_CATEGORY_SPAM, 1000,
                   "The message carries the Generic Test for Unsolicited Bulk Email.",
                   "Somebody tests the filter. Nothing needs to be done."},
    CatalogueEntry{FindingId::kMalware, "MALWARE", mail::v1::FINDING_CATEGORY_MALWARE, 0,
                   "An engine knows the message or an attachment as malware; the evidence is the "
                   "signature's name.",
                   "Do not release it. If the sender is known, tell him by another way that his "
                   "machine may be infected."},
    CatalogueEntry{
        FindingId::kEngineLimit, "ENGINE_LIMIT", mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN, 0,
        "The message is larger or more deeply packed than the malware engine looks into.",
        "Raise the engine's limits (the warning at start says which), or have the files sent "
        "another way."},
    CatalogueEntry{
        FindingId::kCouldNotScan, "COULD_NOT_SCAN", mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN, 0,
        "A working engine failed on this message again and again.",
        "It is scanned again from time to time. Release it only if its origin is beyond doubt."},
    CatalogueEntry{FindingId::kTooManyParts, "TOO_MANY_PARTS",
                   mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN, 0,
                   "The message has more MIME parts than are looked at.",
                   "Legitimate mail has a few dozen. Ask the sender how it was made."},
    CatalogueEntry{FindingId::kTooDeep, "TOO_DEEP", mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN, 0,
                   "The message is nested more deeply than is looked into.",
                   "Legitimate mail is nested a few levels. Ask the sender how it was made."},
    CatalogueEntry{
        FindingId::kBodyUnreadable, "BODY_UNREADABLE", mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN, 0,
        "The stored message cannot be read: it is over, damaged, or its key is gone.",
        "Look at the log of the gateway for the reason; ask the sender to send it again."},
    CatalogueEntry{
        FindingId::kSuspiciousFile, "SUSPICIOUS_FILE", mail::v1::FINDING_CATEGORY_ATTACHMENT, 2.5,
        "A YARA rule marked as a hint, or a heuristic of ClamAV, matches the message or a "
        "file in it; the evidence names it.",
        "Look at what the rule describes before the file is opened."},
    CatalogueEntry{
        FindingId::kArchiveLimit, "ARCHIVE_LIMIT", mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN, 0,
        "An archive holds more, deeper or more tightly packed files than are looked at.",
        "Ask the sender for fewer or smaller files, or raise scanner.worker.archives if "
        "such mail is usual here. Archives that unpack to very much are also an attack."},
    CatalogueEntry{FindingId::kUnknownArchive, "UNKNOWN_ARCHIVE",
                   mail::v1::FINDING_CATEGORY_ATTACHMENT, 1.5,
                   "An archive is broken or packed in a way that cannot be looked into.",
                   "Nobody has seen what is in it. Ask the sender for a usual zip file."},
    CatalogueEntry{FindingId::kEncryptedArchive, "ENCRYPTED_ARCHIVE",
                   mail::v1::FINDING_CATEGORY_ATTACHMENT, 1.0,
                   "An archive, or some file in it, needs a password; only names could be looked "
                   "at.",
                   "Encryption keeps malware from being seen. Release it only when the recipient "
                   "expects it from this sender."},
    CatalogueEntry{FindingId::kEncryptedDocument, "ENCRYPTED_DOCUMENT",
                   mail::v1::FINDING_CATEGORY_ATTACHMENT, 0.5,
                   "An Office document or PDF is encrypted; what it holds could not be looked at.",
                   "Invoices and payslips are often sent so. Ask the recipient whether he expects "
                   "it."},
    CatalogueEntry{
        FindingId::kPasswordInText, "ARCHIVE_WITH_PASSWORD_IN_TEXT",
        mail::v1::FINDING_CATEGORY_ATTACHMENT, 2.5,
        "An encrypted archive comes with its password, or talk of one, in the same message.",
        "A password in the same mail protects nobody; it only keeps scanners out. Treat "
        "the file as malware unless the sender confirms it by another way."},
    CatalogueEntry{FindingId::kMacroDocument, "MACRO_DOCUMENT",
                   mail::v1::FINDING_CATEGORY_ATTACHMENT, 1.5,
                   "An Office document holds macros, small programs.",
                   "Release it when sender and recipient use such documents; the recipient should "
                   "not allow macros for any other."},
    CatalogueEntry{
        FindingId::kMacroRunsItself, "MACRO_RUNS_ITSELF", mail::v1::FINDING_CATEGORY_ATTACHMENT,
        2.0,
        "A macro starts by itself when the document is opened or closed; the evidence is "
        "its name.",
        "This is how documents attack. Release it only after the sender has confirmed "
        "it."},
    CatalogueEntry{FindingId::kDangerousFile, "DANGEROUS_TYPE",
                   mail::v1::FINDING_CATEGORY_ATTACHMENT, 3.0,
                   "The message carries, also within an archive, a program, script, shortcut, disk "
                   "image or other file that runs when it is opened.",
                   "Programs are not sent by mail. Have them sent by a download the recipient "
                   "knows."},
    CatalogueEntry{FindingId::kTypeMismatch, "TYPE_MISMATCH", mail::v1::FINDING_CATEGORY_ATTACHMENT,
                   1.0, "A file is something else than its name says; the evidence is what it is.",
                   "Mostly a wrongly named file; sometimes one in disguise. Look at both findings "
                   "before it is released."},
    CatalogueEntry{FindingId::kDoubleExtension, "DOUBLE_EXTENSION",
                   mail::v1::FINDING_CATEGORY_ATTACHMENT, 3.5,
                   "A program's name is made to look like a document's: invoice.pdf.exe.",
                   "Nobody does this by mistake. Do not release it."},
    CatalogueEntry{FindingId::kReversedName, "REVERSED_NAME", mail::v1::FINDING_CATEGORY_ATTACHMENT,
                   3.5,
                   "A file's name has characters that turn the direction of writing, so that its "
                   "end is shown elsewhere.",
                   "Nobody does this by mistake. Do not release it."},
    CatalogueEntry{FindingId::kHtmlSmuggling, "HTML_SMUGGLING",
                   mail::v1::FINDING_CATEGORY_ATTACHMENT, 4.0,
                   "A page that came as a file builds another file from encoded text and hands it "
                   "out.",
                   "Malware is brought past gateways in this way. Release it only if the sender "
                   "confirms it and explains why."},
    CatalogueEntry{FindingId::kHiddenScript, "HIDDEN_SCRIPT", mail::v1::FINDING_CATEGORY_PHISHING,
                   3.0,
                   "A page that came as a file writes itself from encoded text, so that nobody "
                   "reads what it will show.",
                   "Mostly a form that asks for a password. Do not open it."},
    CatalogueEntry{FindingId::kSvgScript, "SVG_SCRIPT", mail::v1::FINDING_CATEGORY_ATTACHMENT, 3.0,
                   "A picture (SVG) holds script or a page.",
                   "Pictures need none. Do not open it in a browser."},
    CatalogueEntry{FindingId::kActivePdf, "ACTIVE_PDF", mail::v1::FINDING_CATEGORY_ATTACHMENT, 0.5,
                   "A PDF holds scripts, files or starts a program.",
                   "Forms have scripts, and some invoices hold a file for book-keeping. A PDF that "
                   "starts a program is an attack."},
    CatalogueEntry{FindingId::kQrLink, "QR_LINK", mail::v1::FINDING_CATEGORY_PHISHING, 0.8,
                   "A picture holds a code (QR) that leads to a link; the evidence is the link.",
                   "Judge the link as if it stood in the text; phones open it outside of any "
                   "protection."},
    CatalogueEntry{FindingId::kHeaderTooLong, "HEADER_TOO_LONG",
                   mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN, 0,
                   "The header of the message or of a part is longer than is looked at.",
                   "Legitimate headers have a few kilobytes. Ask the sender how it was made."},
    CatalogueEntry{
        FindingId::kContentLimit, "CONTENT_LIMIT", mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN, 0,
        "The message carries more files, more bytes or more levels of messages within messages "
        "than are decoded.",
        "Have the files sent another way, or one by one."},
    CatalogueEntry{FindingId::kAmbiguousStructure, "AMBIGUOUS_STRUCTURE",
                   mail::v1::FINDING_CATEGORY_SPAM, 2.0,
                   "Mail programs see different contents in this message; all of them were looked "
                   "at. The evidence says why.",
                   "Hardly any honest program writes such mail. Look at the original before it is "
                   "released; tell the sender that his program is faulty."},
    CatalogueEntry{FindingId::kBrokenStructure, "BROKEN_STRUCTURE", mail::v1::FINDING_CATEGORY_SPAM,
                   0.3,
                   "The message is not built as the standards say, but all programs see the same.",
                   "Faulty programs and spam do this. It says little by itself."},
    CatalogueEntry{FindingId::kAmbiguousName, "AMBIGUOUS_NAME",
                   mail::v1::FINDING_CATEGORY_ATTACHMENT, 2.0,
                   "An attachment has several names that say different kinds of files.",
                   "Rules for attachments go by each of the names. Look at the file itself."},
    CatalogueEntry{FindingId::kPartialMessage, "PARTIAL_MESSAGE",
                   mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN, 0,
                   "The message is a piece of one, or its content lies elsewhere: no one sees the "
                   "whole on the way.",
                   "No program in use today splits mail so. Do not release it."},
    CatalogueEntry{FindingId::kUnknownCharset, "UNKNOWN_CHARSET", mail::v1::FINDING_CATEGORY_SPAM,
                   0.3,
                   "A text names a character set nobody knows; it was read as what it looks like.",
                   "Faulty programs do this, and spam that wants not to be read by filters."},
    CatalogueEntry{FindingId::kUtf7, "UTF7_TEXT", mail::v1::FINDING_CATEGORY_SPAM, 2.0,
                   "A text is in UTF-7, which few programs read and none writes any more.",
                   "It hides text from filters. Look at the original before it is released."},
    CatalogueEntry{FindingId::kBidiTrick, "BIDI_TRICK", mail::v1::FINDING_CATEGORY_PHISHING, 3.0,
                   "A file name, a sender's name or a subject has characters that turn the "
                   "direction of writing, so that it is shown as another one than it is.",
                   "A file shown as \"annexe.doc\" may be a program. Do not release it."},
    CatalogueEntry{FindingId::kHiddenCharacters, "HIDDEN_CHARACTERS",
                   mail::v1::FINDING_CATEGORY_SPAM, 0.5,
                   "Words have characters in them that are not seen, which keeps filters from "
                   "reading them.",
                   "Newsletters pad their first lines so; within words it speaks for spam."},
    CatalogueEntry{FindingId::kSenderForged, "SENDER_FORGED", mail::v1::FINDING_CATEGORY_SPAM, 1.5,
                   "The sender's domain says that this server may not send its mail (SPF fail).",
                   "If the mail is genuine, its sender's administrator adds the server to the "
                   "domain's SPF record, or it was forwarded: name the forwarder a trusted relay."},
    CatalogueEntry{FindingId::kSenderDoubtful, "SENDER_DOUBTFUL", mail::v1::FINDING_CATEGORY_SPAM,
                   0.5,
                   "The sender's domain doubts that this server may send its mail (SPF softfail).",
                   "Common with badly kept records; on its own no reason to worry."},
    CatalogueEntry{
        FindingId::kDmarcReject, "DMARC_REJECT", mail::v1::FINDING_CATEGORY_PHISHING, 3.5,
        "Neither SPF nor DKIM proves the author's domain, whose owner asks to reject such mail.",
        "Probably forged. Mailing lists and forwarders break such mail too: name those you know in "
        "scanner.authentication.trusted_arc_sealers."},
    CatalogueEntry{FindingId::kDmarcQuarantine, "DMARC_QUARANTINE",
                   mail::v1::FINDING_CATEGORY_PHISHING, 2,
                   "Neither SPF nor DKIM proves the author's domain, whose owner asks to look at "
                   "such mail with suspicion.",
                   "As with DMARC_REJECT; the owner is less sure of his own servers."},
    CatalogueEntry{FindingId::kDmarcFail, "DMARC_FAIL", mail::v1::FINDING_CATEGORY_SPAM, 0.3,
                   "Neither SPF nor DKIM proves the author's domain, whose owner asks for nothing.",
                   "The owner is still finding out which servers send for him."},
    CatalogueEntry{FindingId::kFromAmbiguous, "FROM_AMBIGUOUS", mail::v1::FINDING_CATEGORY_PHISHING,
                   2.5,
                   "The message names several authors, or one in a way that programs read "
                   "differently.",
                   "Honest mail has one From field with one address. Ask the sender how it was "
                   "made."},
    CatalogueEntry{FindingId::kArcTrusted, "ARC_TRUSTED", mail::v1::FINDING_CATEGORY_NOTE, 0,
                   "The author's domain is not proven any more, but was where a trusted forwarder "
                   "received the message (ARC).",
                   "Nothing needs to be done."},
    CatalogueEntry{
        FindingId::kRulesTooExpensive, "RULES_TOO_EXPENSIVE", mail::v1::FINDING_CATEGORY_NOTE, 0,
        "Spam rules were given up on this message because they took too long; the "
        "evidence names them.",
        "Once is chance. If it is always the same rule, give it the score 0 and tell its "
        "author."},
    CatalogueEntry{FindingId::kDnsBlockList, "DNS_BLOCK_LIST", mail::v1::FINDING_CATEGORY_SPAM, 0,
                   "The client's address is on a block list; its weight is the operator's setting.",
                   "The list's own page says why, and how an address gets off it."},
    CatalogueEntry{
        FindingId::kDnsAllowList, "DNS_ALLOW_LIST", mail::v1::FINDING_CATEGORY_SPAM, 0,
        "The client's address is on an allow list; its weight is the operator's setting.",
        "Nothing needs to be done."},
    CatalogueEntry{FindingId::kClientNameless, "CLIENT_NAMELESS", mail::v1::FINDING_CATEGORY_SPAM,
                   0.8, "The client's address has no name in the DNS.",
                   "Honest mail servers have one. Their provider sets it (PTR)."},
    CatalogueEntry{FindingId::kClientNameUnconfirmed, "CLIENT_NAME_UNCONFIRMED",
                   mail::v1::FINDING_CATEGORY_SPAM, 0.5,
                   "The names of the client's address lead elsewhere.",
                   "Name and address of a mail server should lead to each other (PTR and A)."},
    CatalogueEntry{FindingId::kHeloOdd, "HELO_ODD", mail::v1::FINDING_CATEGORY_SPAM, 0.8,
                   "The client calls itself by what no mail server is called.",
                   "Its administrator sets the host name that it says in EHLO."},
    CatalogueEntry{FindingId::kHeloOurs, "HELO_OURS", mail::v1::FINDING_CATEGORY_SPAM, 3,
                   "The client calls itself by this gateway's own name.",
                   "No honest server does. Your own relays belong into ingress.trusted_relays."},
    CatalogueEntry{
        FindingId::kReputationBad, "REPUTATION_BAD", mail::v1::FINDING_CATEGORY_SPAM, 1.5,
        "Most of what this gateway has seen from the client's address or network was "
        "spam, or to recipients that do not exist.",
        "It is forgotten by itself within weeks. What was judged wrongly counts too: see "
        "why the earlier mail was spam."},
    CatalogueEntry{FindingId::kReputationGood, "REPUTATION_GOOD", mail::v1::FINDING_CATEGORY_SPAM,
                   -0.5,
                   "This gateway has seen much mail from the client's address, and nearly none of "
                   "it was spam.",
                   "Nothing needs to be done."},
    CatalogueEntry{FindingId::kLinkTextDiffers, "LINK_TEXT_DIFFERS",
                   mail::v1::FINDING_CATEGORY_PHISHING, 1.5,
                   "A link shows the address of one site and leads to another's.",
                   "Do not click. Type the address that is shown into the browser instead, or "
                   "ask the sender by telephone."},
    CatalogueEntry{FindingId::kLinkCounted, "LINK_COUNTED", mail::v1::FINDING_CATEGORY_NOTE, 0,
                   "A link shows one address and leads to another of the sender's, or to a host "
                   "that counts the clicks of the whole mailing.",
                   "Usual in newsletters. Nothing needs to be done."},
    CatalogueEntry{FindingId::kLinkAddress, "LINK_ADDRESS", mail::v1::FINDING_CATEGORY_PHISHING,
                   1.5, "A link leads to a bare IP address instead of a name.",
                   "Companies give their sites names. Do not click unless you know the machine, "
                   "for instance one of your own network."},
    CatalogueEntry{FindingId::kLinkLookalike, "LINK_LOOKALIKE", mail::v1::FINDING_CATEGORY_PHISHING,
                   3.5,
                   "A link leads to a name whose letters, of another alphabet, are made to be "
                   "taken for Latin ones.",
                   "Do not click. The site is not the one its name looks like."},
    CatalogueEntry{FindingId::kLinkInternational, "LINK_INTERNATIONAL",
                   mail::v1::FINDING_CATEGORY_NOTE, 0,
                   "A link leads to a name with letters beyond ASCII (punycode).",
                   "Usual where the language has such letters. Look whether the name is the one "
                   "you expect."},
    CatalogueEntry{FindingId::kLinkUserinfo, "LINK_USERINFO", mail::v1::FINDING_CATEGORY_PHISHING,
                   2.5,
                   "A link has a site's name in front of an at sign; it leads to what stands "
                   "behind it.",
                   "Do not click. No honest site writes its links so."},
    CatalogueEntry{FindingId::kLinkShortened, "LINK_SHORTENED", mail::v1::FINDING_CATEGORY_SPAM,
                   1.0,
                   "A link goes through a service that shortens links, so that nobody sees where "
                   "it leads.",
                   "Ask the sender for the full address if you did not expect the mail."},
    CatalogueEntry{FindingId::kLinkRedirected, "LINK_REDIRECTED",
                   mail::v1::FINDING_CATEGORY_PHISHING, 1.0,
                   "A link goes through a well-known site that sends on to any other.",
                   "What the link begins with says nothing of where it leads. Look at its end."},
    CatalogueEntry{FindingId::kLinkLeadsOn, "LINK_LEADS_ON", mail::v1::FINDING_CATEGORY_NOTE, 0,
                   "A link carries the address of another site it may send on to.",
                   "Usual in newsletters, whose clicks are counted. Nothing needs to be done."},
    CatalogueEntry{FindingId::kLinkCarriesContent, "LINK_CARRIES_CONTENT",
                   mail::v1::FINDING_CATEGORY_PHISHING, 3.0,
                   "A link holds a page or a program itself instead of an address (data:, "
                   "javascript:).",
                   "Do not click. Mail has no use for such links but to get past filters."},
    CatalogueEntry{FindingId::kLinkToFileServer, "LINK_TO_FILE_SERVER",
                   mail::v1::FINDING_CATEGORY_PHISHING, 2.5,
                   "A link opens a file server in the internet, to which Windows sends the "
                   "user's name and a digest of his password.",
                   "Do not click. Block outgoing SMB at the firewall."},
    CatalogueEntry{FindingId::kLinkOddPort, "LINK_ODD_PORT", mail::v1::FINDING_CATEGORY_SPAM, 0.7,
                   "A link names an unusual port.",
                   "Sites for the public have the usual ones. It may be a machine somebody has "
                   "broken into, or a test system."},
    CatalogueEntry{FindingId::kLinkLongHost, "LINK_LONG_HOST", mail::v1::FINDING_CATEGORY_PHISHING,
                   1.0,
                   "A link's host name is so long that its end, which says whose it is, is not "
                   "seen.",
                   "Look at the last two words before the first slash: they say whose site it "
                   "is."},
    CatalogueEntry{FindingId::kLinkNameInFront, "LINK_NAME_IN_FRONT",
                   mail::v1::FINDING_CATEGORY_PHISHING, 1.0,
                   "A link's host begins with what looks like the name of one site and belongs "
                   "to another.",
                   "Look at the last two words before the first slash: they say whose site it "
                   "is."},
    CatalogueEntry{FindingId::kFormAsksPassword, "FORM_ASKS_PASSWORD",
                   mail::v1::FINDING_CATEGORY_PHISHING, 4.0,
                   "The message itself has a form that asks for a password.",
                   "Do not fill it in. Nobody honest asks for passwords in a mail. Who has done "
                   "so changes the password now."},
    CatalogueEntry{FindingId::kFormPostsElsewhere, "FORM_POSTS_ELSEWHERE",
                   mail::v1::FINDING_CATEGORY_NOTE, 0,
                   "The message has a form whose answers go to another site than the sender's.",
                   "Survey services do this, and thieves. Ask the sender by another way before "
                   "you fill it in."},
    CatalogueEntry{FindingId::kNewsletter, "NEWSLETTER", mail::v1::FINDING_CATEGORY_NEWSLETTER, 0,
                   "The message is a newsletter: a mailing one can unsubscribe from. The "
                   "evidence says by what it is known.",
                   "Delivered with a tag in its subject, if the settings say so. Who does not "
                   "want it unsubscribes; if he never subscribed, he reports it as spam."},
    CatalogueEntry{FindingId::kMailingList, "MAILING_LIST", mail::v1::FINDING_CATEGORY_NOTE, 0,
                   "The message comes by a mailing list on which people write to each other.",
                   "Nothing needs to be done."},
    CatalogueEntry{FindingId::kBulkMail, "BULK_MAIL", mail::v1::FINDING_CATEGORY_NOTE, 0,
                   "The message says that it goes to many, without being a newsletter.",
                   "Nothing needs to be done."},
    CatalogueEntry{FindingId::kNotification, "NOTIFICATION", mail::v1::FINDING_CATEGORY_NOTE, 0,
                   "The message was written by a machine for this recipient: a receipt, an "
                   "alert, an automatic answer.",
                   "Nothing needs to be done."},
    CatalogueEntry{FindingId::kBounce, "BOUNCE", mail::v1::FINDING_CATEGORY_NOTE, 0,
                   "The message reports that a mail was not delivered, is late, or was read.",
                   "If the recipient has not sent that mail, somebody uses his address as a "
                   "sender: publish a DMARC record with p=reject."},
    CatalogueEntry{FindingId::kProtectedName, "PROTECTED_NAME", mail::v1::FINDING_CATEGORY_PHISHING,
                   5.0,
                   "The message comes from outside and shows the name of a protected person, "
                   "with an address that is not known as his.",
                   "Ask the person by telephone, with the number you have always had. If the "
                   "address is his, add it to his addresses (the tenant's `impersonation`)."},
    CatalogueEntry{FindingId::kOwnDomainForged, "OWN_DOMAIN_FORGED",
                   mail::v1::FINDING_CATEGORY_PHISHING, 5.0,
                   "The message comes from outside with an address of the own domain, which "
                   "neither SPF nor DKIM proves.",
                   "If a service sends for you, have it sign with your domain (DKIM), or add its "
                   "servers to your SPF record. Else it is forged."},
    CatalogueEntry{FindingId::kOwnAddressShown, "OWN_ADDRESS_SHOWN",
                   mail::v1::FINDING_CATEGORY_PHISHING, 4.0,
                   "The sender's name, as it is shown, holds an address of the own domain; the "
                   "sender's address is another.",
                   "The sender is the address in angle brackets. Do not answer; ask the person "
                   "whose address is shown."},
    CatalogueEntry{FindingId::kLookalikeDomain, "LOOKALIKE_DOMAIN",
                   mail::v1::FINDING_CATEGORY_PHISHING, 5.0,
                   "The sender's domain is made to be taken for an own one: a letter is another, "
                   "missing, or looks alike.",
                   "Compare the sender's domain letter by letter. If it is a friend's, add it to "
                   "the `extra_domains` of the tenant's `impersonation`."},
    CatalogueEntry{FindingId::kSimilarDomain, "SIMILAR_DOMAIN", mail::v1::FINDING_CATEGORY_PHISHING,
                   2.0,
                   "The sender's domain has the name of an own one with another ending or a "
                   "further word.",
                   "It may be somebody of the same name. If it is yours or a friend's, add it to "
                   "the `extra_domains` of the tenant's `impersonation`."},
    CatalogueEntry{FindingId::kNameHoldsAddress, "NAME_HOLDS_ADDRESS",
                   mail::v1::FINDING_CATEGORY_PHISHING, 1.5,
                   "The sender's name, as it is shown, holds an address of another domain than "
                   "his own.",
                   "The sender is the address in angle brackets; what stands before it anybody "
                   "can choose."},
    CatalogueEntry{FindingId::kReplyElsewhere, "REPLY_ELSEWHERE",
                   mail::v1::FINDING_CATEGORY_PHISHING, 1.5,
                   "Answers go to a free mailbox of another provider than the sender's.",
                   "Before you answer, ask the sender by another way whether he wrote it."},
    CatalogueEntry{FindingId::kFirstTimeSender, "FIRST_TIME_SENDER",
                   mail::v1::FINDING_CATEGORY_NOTE, 0.3,
                   "This sender has not written to this domain in the last 90 days.",
                   "New partners are strangers at first. Be careful with bills and with what is "
                   "asked for in haste."},
    CatalogueEntry{FindingId::kLearnedSpam999, "LEARNED_SPAM_999", mail::v1::FINDING_CATEGORY_SPAM,
                   4.9, "By what was taught, the message is spam with 99.9 % or more.",
                   "The words named in the evidence decided. If it is wrong, teach it: `cleanmail "
                   "learn ham FILE`."},
    CatalogueEntry{FindingId::kLearnedSpam99, "LEARNED_SPAM_99", mail::v1::FINDING_CATEGORY_SPAM,
                   3.4, "By what was taught, the message is spam with 99 % or more.",
                   "The words named in the evidence decided. If it is wrong, teach it: `cleanmail "
                   "learn ham FILE`."},
    CatalogueEntry{FindingId::kLearnedSpam95, "LEARNED_SPAM_95", mail::v1::FINDING_CATEGORY_SPAM,
                   2.4, "By what was taught, the message is spam with 95 % or more.",
                   "The words named in the evidence decided. If it is wrong, teach it: `cleanmail "
                   "learn ham FILE`."},
    CatalogueEntry{FindingId::kLearnedSpam80, "LEARNED_SPAM_80", mail::v1::FINDING_CATEGORY_SPAM,
                   1.4, "By what was taught, the message is spam with 80 % or more.",
                   "The words named in the evidence decided. If it is wrong, teach it: `cleanmail "
                   "learn ham FILE`."},
    CatalogueEntry{FindingId::kLearnedUnsure, "LEARNED_UNSURE", mail::v1::FINDING_CATEGORY_SPAM,
                   0.5, "By what was taught, the message may be spam or wanted.",
                   "The words named in the evidence decided. Teach it: `cleanmail learn spam FILE` "
                   "or `cleanmail learn ham FILE`."},
    CatalogueEntry{FindingId::kLearnedHam80, "LEARNED_HAM_80", mail::v1::FINDING_CATEGORY_SPAM,
                   -0.4, "By what was taught, the message is wanted with 80 % or more.",
                   "The words named in the evidence decided. If it is wrong, teach it: `cleanmail "
                   "learn spam FILE`."},
    CatalogueEntry{FindingId::kLearnedHam95, "LEARNED_HAM_95", mail::v1::FINDING_CATEGORY_SPAM,
                   -1.4, "By what was taught, the message is wanted with 95 % or more.",
                   "The words named in the evidence decided. If it is wrong, teach it: `cleanmail "
                   "learn spam FILE`."},
    CatalogueEntry{FindingId::kLearnedHam99, "LEARNED_HAM_99", mail::v1::FINDING_CATEGORY_SPAM,
                   -2.4, "By what was taught, the message is wanted with 99 % or more.",
                   "The words named in the evidence decided. If it is wrong, teach it: `cleanmail "
                   "learn spam FILE`."},
    CatalogueEntry{FindingId::kBrandAsSender, "BRAND_AS_SENDER",
                   mail::v1::FINDING_CATEGORY_PHISHING, 2.5,
                   "The sender shows the name of a well-known company; his address is of another "
                   "domain.",
                   "Go to the company's site by the address you know, never by the mail's links."},
    CatalogueEntry{FindingId::kBrandInLink, "BRAND_IN_LINK", mail::v1::FINDING_CATEGORY_PHISHING,
                   2.0,
                   "A link's host has the name of a well-known company in it and belongs to "
                   "somebody else.",
                   "Look at the last two words before the first slash: they say whose site it "
                   "is."},
    CatalogueEntry{FindingId::kBrandNotice, "BRAND_NOTICE", mail::v1::FINDING_CATEGORY_PHISHING,
                   2.0,
                   "Under the text stands the copyright of a well-known company, which has not "
                   "sent the mail.",
                   "Honest mail of that company comes from its own domain."},
    CatalogueEntry{FindingId::kLinkFreeHost, "LINK_FREE_HOST", mail::v1::FINDING_CATEGORY_PHISHING,
                   1.0,
                   "A link leads to a place where anybody publishes pages or forms at no cost, "
                   "unnamed.",
                   "Companies ask for passwords and payments on sites of their own."},
    CatalogueEntry{FindingId::kWordsAccount, "WORDS_ACCOUNT", mail::v1::FINDING_CATEGORY_PHISHING,
                   1.0,
                   "The text says that an account is in danger and asks to do something about it; "
                   "the evidence is the words.",
                   "Go to the account by the address you know, never by the mail's links."},
    CatalogueEntry{FindingId::kWordsPrize, "WORDS_PRIZE", mail::v1::FINDING_CATEGORY_SPAM, 1.0,
                   "The text promises a prize or a present to be fetched.",
                   "Who has not taken part has not won."},
    CatalogueEntry{FindingId::kWordsFortune, "WORDS_FORTUNE", mail::v1::FINDING_CATEGORY_PHISHING,
                   1.0, "The text speaks of a fortune that is given away or inherited.",
                   "Do not answer. What costs a fee first never comes."},
    CatalogueEntry{FindingId::kWordsBlackmail, "WORDS_BLACKMAIL",
                   mail::v1::FINDING_CATEGORY_PHISHING, 3.0,
                   "The text wants money that leaves no trace, for silence about what somebody "
                   "claims to have seen.",
                   "Nearly always nothing was seen. Do not pay, do not answer."},
    CatalogueEntry{FindingId::kWordsGoods, "WORDS_GOODS", mail::v1::FINDING_CATEGORY_SPAM, 0.5,
                   "The text offers goods spam is known for.",
                   "It says little by itself. Delete it if you have not asked for it."},
    CatalogueEntry{FindingId::kWordsParcel, "WORDS_PARCEL", mail::v1::FINDING_CATEGORY_PHISHING,
                   0.7, "The text speaks of a parcel for which something is to be paid.",
                   "Ask the carrier, with the number of the parcel, on the site you know."},
    CatalogueEntry{FindingId::kWordsDating, "WORDS_DATING", mail::v1::FINDING_CATEGORY_SPAM, 0.7,
                   "The text offers acquaintances or what is said to help with them.",
                   "It says little by itself. Delete it if you have not asked for it."},
    CatalogueEntry{FindingId::kWordsAuthority, "WORDS_AUTHORITY",
                   mail::v1::FINDING_CATEGORY_PHISHING, 0.7,
                   "The text speaks in the name of a court or an office and asks to do something "
                   "about a debt or a delay.",
                   "Offices write letters. Ask them by the number you find elsewhere."},
    CatalogueEntry{FindingId::kWordsCoins, "WORDS_COINS", mail::v1::FINDING_CATEGORY_PHISHING, 0.7,
                   "The text speaks of coins on a blockchain that are to be claimed or in danger.",
                   "Never enter the words of a wallet anywhere. Delete the mail."},
    CatalogueEntry{FindingId::kHardlyAnyText, "HARDLY_ANY_TEXT", mail::v1::FINDING_CATEGORY_SPAM,
                   1.0, "The message is a picture with a link and hardly any text.",
                   "Text in pictures is not read by filters. Look at the link before you click."},
    CatalogueEntry{FindingId::kOddLetters, "ODD_LETTERS", mail::v1::FINDING_CATEGORY_SPAM, 2.0,
                   "Sender or subject is written in letters of another form (mathematical, "
                   "circled), which are read alike but not found.",
                   "Honest senders have no need of it."},
    CatalogueEntry{FindingId::kMixedLetters, "MIXED_LETTERS", mail::v1::FINDING_CATEGORY_PHISHING,
                   2.5,
                   "A word of the sender's name or the subject mixes letters of several alphabets "
                   "that look alike.",
                   "It is written so to be taken for another word. Do not trust the name."},
    CatalogueEntry{FindingId::kRandomToken, "RANDOM_TOKEN", mail::v1::FINDING_CATEGORY_SPAM, 0.5,
                   "The sender's name or the subject has a token that looks random.",
                   "Some shops number their orders so; spam does it to make every copy differ."},
    CatalogueEntry{FindingId::kSubjectShouts, "SUBJECT_SHOUTS", mail::v1::FINDING_CATEGORY_SPAM,
                   0.5, "The subject is in capitals, or has several exclamation marks in a row.",
                   "Advertising shouts; so do some people. By itself it says little."},
    CatalogueEntry{FindingId::kSubjectPadded, "SUBJECT_PADDED", mail::v1::FINDING_CATEGORY_SPAM,
                   1.0, "The subject goes on behind a gap where nobody sees it.",
                   "Programs that send spam make every copy differ this way."},
    CatalogueEntry{FindingId::kHeaderRawBytes, "HEADER_RAW_BYTES", mail::v1::FINDING_CATEGORY_SPAM,
                   0.5, "The subject or the sender's name has bytes that are no text.",
                   "Mail programs encode letters beyond ASCII; home-made senders often do not."},
    CatalogueEntry{
        FindingId::kFromNoAddress, "FROM_NO_ADDRESS", mail::v1::FINDING_CATEGORY_SPAM, 1.0,
        "The sender gives no address that somebody could have.",
        "No domain of the Internet stands behind an at sign. Devices in your own network "
        "may write so: allow them by address."},
    CatalogueEntry{FindingId::kAddressRandom, "ADDRESS_RANDOM", mail::v1::FINDING_CATEGORY_SPAM,
                   0.5, "The sender's address looks as if a program had made it up.",
                   "Look at what the message wants before you trust the sender."},
    CatalogueEntry{FindingId::kGreetsNobody, "GREETS_NOBODY", mail::v1::FINDING_CATEGORY_PHISHING,
                   0.5, "The text greets a customer, friend or user without a name.",
                   "Who has you as a customer knows your name."},
    CatalogueEntry{FindingId::kLargeSum, "LARGE_SUM", mail::v1::FINDING_CATEGORY_SPAM, 0.5,
                   "The text names a very large sum of money.",
                   "Nobody gives a fortune to strangers."},
    CatalogueEntry{FindingId::kHiddenText, "HIDDEN_TEXT", mail::v1::FINDING_CATEGORY_SPAM, 0.5,
                   "There is much text that is not shown.",
                   "It is there for filters to read. Some newsletters hide parts for phones."},
    CatalogueEntry{FindingId::kLinkOddEnding, "LINK_ODD_ENDING", mail::v1::FINDING_CATEGORY_SPAM,
                   0.5, "A link leads to a domain with an ending that is seldom used for long.",
                   "Such domains cost next to nothing and are thrown away."},
    CatalogueEntry{FindingId::kLinksElsewhere, "LINKS_ELSEWHERE", mail::v1::FINDING_CATEGORY_SPAM,
                   0.2, "No link leads to the sender's own domain.",
                   "Usual where a service sends for somebody; of a bank or shop it is odd."},
    CatalogueEntry{FindingId::kSubjectPictures, "SUBJECT_PICTURES", mail::v1::FINDING_CATEGORY_SPAM,
                   0.2, "The subject has small pictures among its letters.",
                   "Advertising likes them, wanted and unwanted."},
    CatalogueEntry{
        FindingId::kPageAttached, "PAGE_ATTACHED", mail::v1::FINDING_CATEGORY_PHISHING, 1.0,
        "A web page is attached.",
        "Opened, it runs outside of the mail program and may ask for a password. Open it "
        "only if you know what it is."},
};

consteval bool CatalogueIsInOrder() {
  for (size_t i = 0; i < kCatalogue.size(); ++i) {
    if (kCatalogue[i].id != static_cast<FindingId>(i)) return false;
  }
  return true;
}
static_assert(CatalogueIsInOrder(), "the entries stand in the order of FindingId, each once");

constexpr const CatalogueEntry& EntryOf(FindingId id) {
  return kCatalogue[static_cast<size_t>(id)];
}

// The finding of this name.
std::optional<FindingId> FindingNamed(std::string_view name);

// The finding `id` with its evidence (hostile text, cut to 200 characters), said by `analyzer`.
mail::v1::Finding MakeFinding(FindingId id, std::string_view evidence, std::string_view analyzer);

// A finding that is in no catalogue but in the rules an operator loaded: their name, weight and
// description, which are as long as they like there and cut here.
mail::v1::Finding MakeRuleFinding(std::string_view rule, double weight,
                                  std::string_view description, std::string_view analyzer);

}  // namespace cleanmail::scanner
