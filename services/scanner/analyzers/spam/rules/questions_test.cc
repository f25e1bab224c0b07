// Rules that ask lists in the DNS: what they ask of a message, and what answers mean to them.
#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "services/scanner/analyzers/spam/rules/rule_folders.h"
#include "services/scanner/analyzers/spam/rules/rule_set.h"

namespace cleanmail::scanner::spam {
namespace {

// From a client through a relay of its own: 203.0.112.9 is where it began, 198.41.0.7 came to us.
constexpr char kMail[] =
    "Return-Path: <bounce@mail.sender.org>\r\n"
    "Received: from out.sender.org (out.sender.org [198.41.0.7]) by mx.us.com (Postfix) with "
    "ESMTP id 2 for <joe@us.com>\r\n"
    "Received: from pc.sender.org (pc.sender.org [203.0.112.9]) by out.sender.org (Postfix) with "
    "ESMTP id 1\r\n"
    "From: Jane Doe <jane@news.sender.org>\r\n"
    "To: joe@us.com\r\n"
    "Subject: Cheap watches\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: text/html\r\n\r\n"
    "<html>Buy at <a href=\"http://www.shop.org/go\">our shop</a>, "
    "<a href=\"http://198.41.0.99/x\">here</a> or <a "
    "href=\"http://big.com/\">there</a>.</html>\r\n";

// What happened to a message before rules.
struct Outcome {
  std::set<std::string> hits;
  std::set<std::string> asked;  // "name type"
};

class Questions : public ::testing::Test {
 protected:
  // A name's records; "TXT name" and "NS name" for those types.
  void Set(const std::string& name, std::vector<std::string> values) { zone_[name] = values; }

  static std::shared_ptr<const RuleSet> Rules(const std::string& text, bool network = true) {
    RuleSetOptions options;
    options.network = network;
    return RuleSet::Build(ReadRuleFiles({{"test.cf", "util_rb_tld org com\n" + text}}), options);
  }
  dns::Answer AnswerOf(const std::string& name, dns::Type type) const {
    const std::string key = type == dns::Type::kTxt  ? "TXT " + name
                            : type == dns::Type::kNs ? "NS " + name
                            : type == dns::Type::kMx ? "MX " + name
                                                     : name;
    const auto found = zone_.find(key);
    dns::Answer answer;
    if (found == zone_.end()) return answer;
    (type == dns::Type::kTxt  ? answer.texts
     : type == dns::Type::kNs ? answer.names
                              : answer.addresses) = found->second;
    return answer;
  }
  Outcome Ask(const std::string& text, std::string_view message = kMail) const {
    const auto rules = Rules(text);
    Outcome outcome;
    for (const RuleProblem& problem : rules->problems()) ADD_FAILURE() << problem.what;
    const MailView mail = rules->Read(message);
    mail::auth::Lookups lookups(budget_);
    MessageKnowledge knowledge;
    knowledge.lookups = &lookups;
    for (int round = 0; round < 10; ++round) {
      rules->AskLists(mail, knowledge);
      const std::vector<dns::Question> wanted = lookups.TakeWanted();
      if (wanted.empty()) break;
      for (const dns::Question& question : wanted) {
        outcome.asked.insert(question.name);
        const dns::Answer answer = AnswerOf(question.name, question.type);
        const bool none = answer.addresses.empty() && answer.texts.empty() && answer.names.empty();
        lookups.Tell(question, none ? mail::auth::Lookups::Reply(absl::NotFoundError("none"))
                                    : mail::auth::Lookups::Reply(answer));
      }
    }
    const RuleVerdict verdict = rules->Judge(mail, knowledge, true);
    for (const auto* const list : {&verdict.hits, &verdict.hidden_hits}) {
      for (const RuleHit& hit : *list) outcome.hits.insert(*hit.name);
    }
    return outcome;
  }
  bool Fires(const std::string& rules) const { return Ask(rules).hits.contains("R"); }

  std::map<std::string, std::vector<std::string>> zone_;
  size_t budget_ = 150;
};

TEST_F(Questions, AskAboutTheRelaysTheirSetMeans) {
  const auto relays = [&](const std::string& set) {
    std::set<std::string> asked =
        Ask(base::Cat("header R eval:check_rbl('x", set, "', 'bl.com.')")).asked;
    asked.erase("1.0.0.127.bl.com");  // whether it is a list
    return asked;
  };
  const std::string last = "7.0.41.198.bl.com";
  const std::string first = "9.112.0.203.bl.com";
  EXPECT_EQ(relays(""), (std::set<std::string>{last, first}));
  EXPECT_EQ(relays("-lastexternal"), std::set<std::string>{last});
  EXPECT_EQ(relays("-notfirsthop"), std::set<std::string>{last});
  EXPECT_EQ(relays("-firsttrusted"), std::set<std::string>{last});
  EXPECT_EQ(relays("-untrusted"), std::set<std::string>{first});
}

TEST_F(Questions, AListedRelayFires) {
  const std::string rule = "header R eval:check_rbl('x-lastexternal', 'bl.com.')";
  EXPECT_FALSE(Fires(rule));
  Set("7.0.41.198.bl.com", {"127.0.0.2"});
  EXPECT_TRUE(Fires(rule));
  EXPECT_TRUE(Fires("header R eval:check_rbl('x', 'bl.com', '127.0.0.2')"));
  EXPECT_FALSE(Fires("header R eval:check_rbl('x', 'bl.com', '127.0.0.3')"));
  EXPECT_TRUE(Fires("header R eval:check_rbl('x', 'bl.com', '^127\\.0\\.0\\.[23]$')"));
  EXPECT_FALSE(Fires("header R eval:check_rbl('x', 'other.com')"));
}

TEST_F(Questions, RulesLookAtWhatAnothersListAnswered) {
  const std::string list = "header __L eval:check_rbl('x-lastexternal', 'bl.com.')\n";
  Set("7.0.41.198.bl.com", {"127.0.0.4"});
  EXPECT_TRUE(Fires(list + "header R eval:check_rbl_sub('x-lastexternal', '127.0.0.4')"));
  EXPECT_TRUE(Fires(list + "header R eval:check_rbl_sub('x-lastexternal', '4')"));
  EXPECT_FALSE(Fires(list + "header R eval:check_rbl_sub('x-lastexternal', '3')"));
  EXPECT_FALSE(Fires(list + "header R eval:check_rbl_sub('x', '4')")) << "another set";
  EXPECT_FALSE(Fires("header R eval:check_rbl_sub('x-lastexternal', '4')")) << "nobody asks";
}

TEST_F(Questions, TextsCountAsTheyAre) {
  Set("TXT 7.0.41.198.bl.com", {"Blocked, see spamcop"});
  EXPECT_TRUE(Fires("header R eval:check_rbl_txt('x', 'bl.com.', '(?i:SPAMCOP)')"));
  EXPECT_FALSE(Fires("header R eval:check_rbl_txt('x', 'bl.com.', 'other')"));
}

TEST_F(Questions, AskAboutSenders) {
  Set("news.sender.org.rhs.com", {"127.0.0.2"});
  EXPECT_TRUE(Fires("header R eval:check_rbl_from_host('x', 'rhs.com.')"));
  EXPECT_FALSE(Fires("header R eval:check_rbl_from_domain('x', 'rhs.com.')"));
  Set("sender.org.rhs.com", {"127.0.0.2"});
  EXPECT_TRUE(Fires("header R eval:check_rbl_from_domain('x', 'rhs.com.')"));
  EXPECT_FALSE(Fires("header R eval:check_rbl_envfrom('x', 'rhs.com.')"));
  Set("mail.sender.org.rhs.com", {"127.0.0.2"});
  EXPECT_TRUE(Fires("header R eval:check_rbl_envfrom('x', 'rhs.com.')"));
  EXPECT_TRUE(Fires("header R eval:check_rbl_headers('x', 'rhs.com.')"));
}

TEST_F(Questions, ASenderWithoutDnsFires) {
  EXPECT_TRUE(Fires("header R eval:check_dns_sender()"));
  Set("mail.sender.org", {"198.41.0.7"});
  EXPECT_FALSE(Fires("header R eval:check_dns_sender()"));
}

TEST_F(Questions, NamesArePutTogetherFromWhatAMessageSays) {
  Set("sender.org.wl.com", {"127.0.3.5"});
  EXPECT_TRUE(Fires("askdns R _AUTHORDOMAIN_.wl.com A /^127\\.\\d+\\.3\\.5$/"));
  EXPECT_FALSE(Fires("askdns R _AUTHORDOMAIN_.wl.com A /^127\\.1/"));
  EXPECT_TRUE(Fires("askdns R _SENDERDOMAIN_.wl.com. A 127.0.3.5"));
  EXPECT_FALSE(Fires("askdns R _DKIMDOMAIN_.wl.com A")) << "nobody signed";
  Set("TXT news.sender.org", {"v=spf1 +all"});
  EXPECT_TRUE(Fires("askdns R _HEADER(From:addr:host)_ TXT /^v=spf1 \\+all$/"));
  EXPECT_TRUE(Fires("askdns R _HEADER(From:addr:host)_ TXT 'v=spf1 +all'"));
  Set("out.sender.org", {"198.41.0.7"});
  EXPECT_TRUE(Fires("askdns R _LASTEXTERNALRDNS_ A /./"));
  Set("7.0.41.198.bl.com", {"127.0.0.2"});
  EXPECT_TRUE(Fires("askdns R _LASTEXTERNALREVIP_.bl.com"));
  EXPECT_FALSE(Fires("askdns R _NOBODYKNOWS_.bl.com"));
  Set("TXT _dmarc.sender.org", {"v=DMARC1"});
  EXPECT_TRUE(Fires("askdns R _dmarc._AUTHORDOMAIN_ TXT"));
  EXPECT_FALSE(Rules("askdns R _AUTHORDOMAIN_.wl.com MX")->Status()[0].active);
}

TEST_F(Questions, AskAboutDomainsOfLinks) {
  const std::string rule = "body R eval:check_uridnsbl('R')\nurirhssub R dbl.com. A 127.0.1.2\n";
  EXPECT_FALSE(Fires(rule));
  Set("shop.org.dbl.com", {"127.0.1.2"});
  EXPECT_TRUE(Fires(rule));
  EXPECT_FALSE(Fires(rule + "uridnsbl_skip_domain shop.org\n"));
  EXPECT_FALSE(Fires(rule + "tflags R ips_only\n"));
  EXPECT_FALSE(Fires(rule + "tflags R notrim\n"));
  Set("www.shop.org.dbl.com", {"127.0.1.2"});
  EXPECT_TRUE(Fires(rule + "tflags R notrim\n"));
  EXPECT_FALSE(Fires("body R eval:check_uridnsbl('R')\nurirhssub R dbl.com. A 127.0.1.3\n"));
}

TEST_F(Questions, AskAboutAddressesThatStandInLinks) {
  const std::string rule = "body R eval:check_uridnsbl('R')\nurirhsbl R dbl.com. A\n";
  Set("99.0.41.198.dbl.com", {"127.0.0.2"});
  EXPECT_TRUE(Fires(rule));
  EXPECT_FALSE(Fires(rule + "tflags R domains_only\n"));
}

TEST_F(Questions, AskAboutNameServersOfLinks) {
  Set("NS shop.org", {"ns1.host.com"});
  Set("ns1.host.com", {"198.41.0.50"});
  Set("50.0.41.198.sbl.com", {"127.0.0.2"});
  EXPECT_TRUE(Fires("body R eval:check_uridnsbl('R')\nuridnsbl R sbl.com. A\n"));
  EXPECT_FALSE(Fires("body R eval:check_uridnsbl('R')\nuridnsbl R sbl.com. A\ntflags R a\n"));
  Set("www.shop.org", {"198.41.0.50"});
  EXPECT_TRUE(Fires("body R eval:check_uridnsbl('R')\nuridnsbl R sbl.com. A\ntflags R a\n"));
  Set("host.com.rhs.com", {"127.0.0.2"});
  EXPECT_TRUE(Fires("body R eval:check_uridnsbl('R')\nurinsrhsbl R rhs.com. A\n"));
  EXPECT_FALSE(Fires("body R eval:check_uridnsbl('R')\nurifullnsrhsbl R rhs.com. A\n"));
  Set("ns1.host.com.rhs.com", {"127.0.0.2"});
  EXPECT_TRUE(Fires("body R eval:check_uridnsbl('R')\nurifullnsrhsbl R rhs.com. A\n"));
}

TEST_F(Questions, T_C6_AnswersThatAreNoCodesDoNotCount) {
  Set("7.0.41.198.bl.com", {"198.41.0.1"});
  Set("shop.org.dbl.com", {"198.41.0.1"});
  EXPECT_FALSE(Fires("header R eval:check_rbl('x', 'bl.com')"));
  EXPECT_FALSE(Fires("header R eval:check_rbl('x', 'bl.com', '^198')"));
  EXPECT_FALSE(Fires("body R eval:check_uridnsbl('R')\nurirhsbl R dbl.com. A\n"));
  EXPECT_FALSE(Fires("body R eval:check_uridnsbl('R')\nurirhssub R dbl.com. A 198.41.0.1\n"));
}

TEST_F(Questions, T_C6_AListThatListsEverythingIsNotBelieved) {
  Set("7.0.41.198.bl.com", {"127.0.0.2"});
  Set("1.0.0.127.bl.com", {"127.0.0.2"});
  Set("shop.org.dbl.com", {"127.0.0.2"});
  Set("invalid.dbl.com", {"127.255.255.254"});
  EXPECT_FALSE(Fires("header R eval:check_rbl('x', 'bl.com')"));
  EXPECT_FALSE(
      Fires("header __L eval:check_rbl('x', 'bl.com')\n"
            "header R eval:check_rbl_sub('x', '2')"));
  EXPECT_FALSE(Fires("body R eval:check_uridnsbl('R')\nurirhsbl R dbl.com. A\n"));
}

TEST_F(Questions, T_C6_AMessageAsksNoMoreThanItMay) {
  std::string mail = "Subject: x\r\n\r\n";
  for (int i = 0; i < 5000; ++i) mail += base::Cat("http://www.shop", i, ".org/ \r\n");
  const std::string lists =
      "body A eval:check_uridnsbl('A')\nurirhsbl A a.com. A\n"
      "body B eval:check_uridnsbl('B')\nuridnsbl B b.com. A\ntflags B a ns\n";
  const size_t hosts = 20;
  EXPECT_LE(Ask(lists, mail).asked.size(), 3 * hosts + 2);
  budget_ = 7;
  EXPECT_EQ(Ask(lists, mail).asked.size(), 7U);
}

TEST_F(Questions, T_C6_NamesNobodyCanAskForAreNotAsked) {
  const std::string label(80, 'a');
  const std::string mail = base::Cat(
      "Received: from x ([127.0.0.1]) by y (Postfix) with ESMTP id 1\r\n"
      "Received: from x ([10.1.2.3]) by y (Postfix) with ESMTP id 1\r\n"
      "From: <a@b\\.org>, <a@",
      label,
      ".org>, <a@[1.2.3.4]>, <a@.>, <a@-.org>\r\n\r\n"
      "http://",
      label, ".org/ http://a_-b\\c.org/ http://[::1]/ http://10.0.0.1/\r\n");
  for (const std::string& name : Ask("header R eval:check_rbl('x', 'bl.com')\n"
                                     "header Q eval:check_rbl_from_host('x', 'bl.com')\n"
                                     "body A eval:check_uridnsbl('A')\nurirhsbl A bl.com. A\n",
                                     mail)
                                     .asked) {
    EXPECT_TRUE(mail::auth::IsLookupName(name)) << name;
    EXPECT_FALSE(name.starts_with("3.2.1.10") || name.starts_with("1.0.0.10.")) << name;
    EXPECT_EQ(name.find('\\'), std::string::npos) << name;
  }
}

TEST_F(Questions, WithoutAnAnswerNothingFires) {
  const auto rules = Rules("header R eval:check_rbl('x', 'bl.com')\nscore R 0 2 0 3\n");
  EXPECT_TRUE(rules->Judge(kMail, {}).hits.empty());
  EXPECT_EQ(rules->Status()[0].score, 2) << "the score for the network";
  EXPECT_TRUE(rules->Status()[0].active);
}

TEST_F(Questions, RulesAboutRulesKnowThatListsAreAsked) {
  const auto fires = [&](const std::string& rules, bool network) {
    return !Rules(rules, network)->Judge(kMail, {}).hits.empty();
  };
  EXPECT_FALSE(fires("meta R local_tests_only\n", true));
  EXPECT_TRUE(fires("meta R local_tests_only\n", false));
  EXPECT_TRUE(fires("meta R !local_tests_only\n", true));
}

TEST_F(Questions, RulesSayThatListsAreNotAsked) {
  const auto status = [&](const std::string& score) {
    return Rules("header R eval:check_rbl('x', 'bl.com')\n" + score, false)->Status()[0];
  };
  EXPECT_FALSE(status("").active);
  EXPECT_EQ(status("").reason, "asks lists in the DNS: see scanner.spam_rules.network");
  EXPECT_EQ(status("score R 0 2 0 3\n").reason,
            "its score is 0 and it asks lists in the DNS: see scanner.spam_rules.network");
}

}  // namespace
}  // namespace cleanmail::scanner::spam
