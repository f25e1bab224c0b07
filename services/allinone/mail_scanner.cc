#include "services/allinone/mail_scanner.h"

#include "libs/base/status_macros.h"
#include "libs/config/config.h"
#include "services/allinone/rooms.h"
#include "services/scanner/offline.h"

namespace cleanmail::allinone {
namespace {

class OfflineMailScanner final : public cli::MailScanner {
 public:
  explicit OfflineMailScanner(std::unique_ptr<scanner::OfflineScanner> scanner)
      : scanner_(std::move(scanner)) {}
  absl::StatusOr<scanner::v1::MailScanned> Scan(std::string_view mail) override {
    return scanner_->Scan(mail);
  }
  Words WordsOf(std::string_view finding) const override {
    const scanner::FindingWords words = scanner::WordsOf(finding);
    return {.meaning = words.meaning, .advice = words.advice};
  }
  std::vector<std::string> warnings() const override { return scanner_->warnings(); }

 private:
  std::unique_ptr<scanner::OfflineScanner> scanner_;
};

absl::StatusOr<scanner::v1::ScannerConfig> SettingsOf(const std::string& config_file) {
  if (config_file.empty()) return scanner::v1::ScannerConfig();
  std::vector<std::string> sections = {"app"};
  for (const app::Factory& factory : Rooms()) sections.push_back(factory.name);
  CLEANMAIL_ASSIGN_OR_RETURN(const config::Document document,
                             config::Document::Load(config_file, sections));
  return document.Section<scanner::v1::ScannerConfig>();
}

}  // namespace

cli::MailScannerMaker ScanMails() {
  return [](const cli::MailScannerWishes& wishes)
             -> absl::StatusOr<std::unique_ptr<cli::MailScanner>> {
    CLEANMAIL_ASSIGN_OR_RETURN(scanner::v1::ScannerConfig settings, SettingsOf(wishes.config_file));
    if (!wishes.rules.empty())
      settings.mutable_spam_rules()->mutable_folders()->Assign(wishes.rules.begin(),
                                                               wishes.rules.end());
    if (wishes.without_rules) settings.mutable_spam_rules()->set_off(true);
    CLEANMAIL_ASSIGN_OR_RETURN(auto scanner, scanner::OfflineScanner::Create(settings));
    return std::make_unique<OfflineMailScanner>(std::move(scanner));
  };
}

}  // namespace cleanmail::allinone
