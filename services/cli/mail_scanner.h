#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/cleanmail/scanner/v1/events.pb.h"

namespace cleanmail::cli {

// Says what a mail is, for `cleanmail scan`. Whoever builds the program lends one: this room knows
// no other.
class MailScanner {
 public:
  struct Words {
    std::string_view meaning;
    std::string_view advice;
  };
  virtual ~MailScanner() = default;
  // `mail` as a file has it. Unavailable: an engine is away.
  virtual absl::StatusOr<scanner::v1::MailScanned> Scan(std::string_view mail) = 0;
  virtual Words WordsOf(std::string_view finding) const = 0;
  // What it cannot say, in sentences.
  virtual std::vector<std::string> warnings() const = 0;
};

// What mails are scanned with.
struct MailScannerWishes {
  std::string config_file;  // empty: none
  // Folders of SpamAssassin's rules, instead of those the file names or Debian's.
  std::vector<std::string> rules;
  bool without_rules = false;
};
using MailScannerMaker =
    std::function<absl::StatusOr<std::unique_ptr<MailScanner>>(const MailScannerWishes& wishes)>;

}  // namespace cleanmail::cli
