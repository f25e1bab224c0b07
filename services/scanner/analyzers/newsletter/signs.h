#pragma once

#include <string>
#include <vector>

#include "services/scanner/parsed_message.h"

namespace cleanmail::scanner {

// What speaks for one kind of mail or another, as header and content say it. Everything a message
// says of itself may be a lie; that it is spam is said elsewhere.
struct Signs {
  // Of mailings.
  bool list_unsubscribe = false;  // RFC 2369
  bool one_click = false;         // RFC 8058
  bool list_id = false;           // RFC 2919
  bool bulk = false;              // Precedence: bulk, list, junk
  std::string mailer;             // field of a mailing service; empty: none
  std::string unsubscribe_words;  // words of a link or text to unsubscribe by; empty: none
  bool unsubscribe_link = false;  // they are a link's
  bool pictures = false;          // a page made of remote pictures and many links
  // Of lists people write to.
  bool list_post = false;    // RFC 2369, with an address
  std::string list_program;  // field of a program for such lists; empty: none
  // Of machines.
  bool auto_generated = false;  // Auto-Submitted (RFC 3834) but not an answer
  bool auto_replied = false;
  bool no_answer = false;     // from noreply@, or answers are suppressed
  std::string business_word;  // word of the subject: an order, a code, an alert
  // Of reports.
  bool null_sender = false;        // envelope; without one Return-Path, and true where none is
  std::string report_type;         // multipart/report; report-type, lower case
  bool failed_recipients = false;  // X-Failed-Recipients, or from mailer-daemon or postmaster with
                                   // a subject reports have

  // How much speaks for a newsletter: one-click 3, unsubscribing by header 2, by a link 2, by words
  // in the text 1, a mailing service, List-Id, Precedence and pictures 1 each.
  int newsletter_points() const;
};

Signs ReadSigns(const ParsedMessage& message);

}  // namespace cleanmail::scanner
