#include "services/scanner/analyzers/authentication/authentication.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleanmail::scanner {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
namespace auth = mail::auth;

class AuthenticationAnalyzerTest : public ::testing::Test {
 protected:
  std::vector<std::string> Names() {
    ParsedMessage message("Subject: x\r\n\r\n");
    message.authentication = &found_;
    std::vector<std::string> names;
    const Findings findings = *analyzer_.Analyze(message);
    for (const mail::v1::Finding& finding : findings) names.push_back(finding.name());
    return names;
  }
  void FailDmarc(auth::dmarc::Policy policy) {
    found_.author = {.fields = 1, .readable = true, .domains = {"bank.example"}};
    found_.dmarc = auth::dmarc::Verdict{
        .result = auth::dmarc::Result::kFail, .author = "bank.example", .applies = policy};
  }
  void PassArc(std::vector<std::string> sealers) {
    found_.arc.status = auth::arc::Status::kPass;
    for (std::string& sealer : sealers) found_.arc.links.push_back({.domain = std::move(sealer)});
    found_.arc.links.front().results = {.authserv_id = "x",
                                        .results = {{.method = "dmarc", .result = "pass"}}};
  }
  SenderAuthentication found_;
  AuthenticationAnalyzer analyzer_{{"lists.example"}};
};

TEST_F(AuthenticationAnalyzerTest, SaysWhatTheOwnersOfDomainsSay) {
  found_.spf = auth::spf::Verdict{.result = auth::spf::Result::kFail};
  FailDmarc(auth::dmarc::Policy::kReject);
  EXPECT_THAT(Names(), ElementsAre("SENDER_FORGED", "DMARC_REJECT"));
  found_.spf->result = auth::spf::Result::kSoftfail;
  FailDmarc(auth::dmarc::Policy::kQuarantine);
  EXPECT_THAT(Names(), ElementsAre("SENDER_DOUBTFUL", "DMARC_QUARANTINE"));
  found_.spf->result = auth::spf::Result::kPass;
  FailDmarc(auth::dmarc::Policy::kNone);
  EXPECT_THAT(Names(), ElementsAre("DMARC_FAIL"));
}

TEST_F(AuthenticationAnalyzerTest, NothingKnownIsNothingSaid) {
  EXPECT_THAT(Names(), IsEmpty());
  ParsedMessage message("Subject: x\r\n\r\n");
  EXPECT_THAT(*analyzer_.Analyze(message), IsEmpty());
}

TEST_F(AuthenticationAnalyzerTest, T_C3_AChainIsBelievedOnlyAsFarAsItsSealersAreTrusted) {
  FailDmarc(auth::dmarc::Policy::kReject);
  PassArc({"lists.example"});
  EXPECT_THAT(Names(), ElementsAre("ARC_TRUSTED"));
  found_.arc.links.clear();
  PassArc({"lists.example", "stranger.example"});
  EXPECT_THAT(Names(), ElementsAre("DMARC_REJECT")) << "the stranger could have written it";
  found_.arc.links.clear();
  PassArc({"stranger.example", "lists.example"});
  EXPECT_THAT(Names(), ElementsAre("DMARC_REJECT")) << "the one who saw it pass is not trusted";
}

TEST_F(AuthenticationAnalyzerTest, T_C2_SeveralAuthorsAreSuspicious) {
  found_.author = {.fields = 2, .readable = false, .domains = {"a.example", "b.example"}};
  EXPECT_THAT(Names(), ElementsAre("FROM_AMBIGUOUS"));
}

}  // namespace
}  // namespace cleanmail::scanner
