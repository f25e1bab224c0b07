#pragma once

#include <string>
#include <string_view>

namespace cleanmail::mail::smtp {

// Makes a message fit to send: every line ends in CRLF (a CR or LF alone becomes one, a missing
// last one is added), and for DATA every leading dot is doubled (RFC 5321 §4.5.2). Whatever goes
// in, no bare CR or LF comes out and no CRLF.CRLF but the end.
class ContentEncoder {
 public:
  // `dots`: for DATA; without, for BDAT.
  explicit ContentEncoder(bool dots) : dots_(dots) {}
  // Appends the next part of the message to `out`.
  void Encode(std::string_view part, std::string& out);
  // Ends the last line and, for DATA, the message.
  void Finish(std::string& out);

 private:
  bool dots_;
  bool line_start_ = true;
  bool cr_ = false;  // the last byte was a CR whose CRLF is already out
};

}  // namespace cleanmail::mail::smtp
