// Spam rules of an operator's own, from their folder to a held mail, and how he sees and changes
// them.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "services/cli/cli.h"
#include "tests/e2e/gateway.h"

namespace cleanmail::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Rules : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = base::Cat(std::getenv("TEST_TMPDIR"), "/rules");
    std::filesystem::create_directories(folder_);
    Write("moon", "6.0");
    gateway_ = std::make_unique<Gateway>(
        Gateway::Options{.scanner = base::Cat("  spam_rules: { folders: [", folder_, "] }\n")});
    gateway_->AddTenant("acme");
    gateway_->AddDomain("acme", "example.org");
  }
  static void TearDownTestSuite() { gateway_.reset(); }

  static void Write(const std::string& word, const std::string& score) {
    std::ofstream(base::Cat(folder_, "/own.cf"))
        << "body OWN_OFFER /buy the " << word << "/i\ndescribe OWN_OFFER Offers the " << word
        << "\nscore OWN_OFFER " << score
        << "\nheader OWN_LISTED eval:check_rbl('x', 'bl.example.')\nscore OWN_LISTED 1\n";
  }
  // What a command prints; it must succeed.
  static std::string Run(std::vector<std::string> words) {
    words.insert(words.begin(), "cleanmail");
    words.insert(words.end(), {"--socket", gateway_->api_socket()});
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    ::testing::internal::CaptureStdout();
    const int code = cli::Run(static_cast<int>(arguments.size()), arguments.data());
    const std::string printed = ::testing::internal::GetCapturedStdout();
    EXPECT_EQ(code, 0) << printed;
    return printed;
  }
  static std::string folder_;
  static std::unique_ptr<Gateway> gateway_;
};
std::string Rules::folder_;
std::unique_ptr<Gateway> Rules::gateway_;

TEST_F(Rules, ARuleOfTheOperatorsOwnHoldsMailAndSaysWhy) {
  const std::string id =
      gateway_->Accept({"ann@example.org"}, TextMail("hello", "Do buy the MOON today"))[0];
  gateway_->WaitFor(id, "held");
  gateway_->WaitFor(id, "scanned");
  EXPECT_THAT(gateway_->Details(id), HasSubstr("OWN_OFFER"));
}

TEST_F(Rules, TheOperatorSeesWhichRulesRunReloadsThemAndGoesBack) {
  const std::string status = Run({"rules", "status"});
  EXPECT_THAT(status, HasSubstr("OWN_OFFER"));
  EXPECT_THAT(status, HasSubstr("version 1,"));
  const std::string inactive = Run({"rules", "status", "--inactive"});
  EXPECT_THAT(inactive, HasSubstr("OWN_LISTED"));
  EXPECT_THAT(inactive, Not(HasSubstr("OWN_OFFER")));
  Write("sun", "0.5");
  EXPECT_THAT(Run({"rules", "reload"}), HasSubstr("version 2,"));
  EXPECT_THAT(Run({"rules", "status"}), HasSubstr("Offers the sun"));
  EXPECT_THAT(Run({"rules", "rollback"}), HasSubstr("version 3,"));
  EXPECT_THAT(Run({"rules", "status"}), HasSubstr("Offers the moon"));
}

TEST(RulesWithTheNetwork, AskListsAboutLinks) {
  const std::string folder = base::Cat(std::getenv("TEST_TMPDIR"), "/network_rules");
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/own.cf") << "util_rb_tld example\n"
                                       "body OWN_LINK eval:check_uridnsbl('OWN_LINK')\n"
                                       "urirhssub OWN_LINK dbl.example. A 127.0.1.2\n"
                                       "describe OWN_LINK Leads to a listed shop\n"
                                       "score OWN_LINK 0 6 0 6\n";
  Gateway gateway(Gateway::Options{
      .scanner = base::Cat("  spam_rules: { folders: [", folder, "], network: true }\n"),
      .dns = "records_only: true, records: ['shop.example.dbl.example. 300 IN A 127.0.1.2']"});
  gateway.AddTenant("acme");
  gateway.AddDomain("acme", "example.org");
  const std::string id =
      gateway.Accept({"ann@example.org"}, TextMail("hello", "See http://www.shop.example/ now"))[0];
  gateway.WaitFor(id, "held");
  EXPECT_THAT(gateway.Details(id), HasSubstr("OWN_LINK"));
  const std::string other =
      gateway.Accept({"ann@example.org"}, TextMail("hello", "See http://www.fair.example/ now"))[0];
  gateway.WaitFor(other, "delivered");
}

}  // namespace
}  // namespace cleanmail::e2e
