#include "services/scanner/analyzers/spam/rules/rule_set.h"

#include <chrono>
#include <map>

#include <gtest/gtest.h>

#include "services/scanner/analyzers/spam/rules/replace_tags.h"
#include "services/scanner/analyzers/spam/rules/rule_folders.h"

namespace cleanmail::scanner::spam {
namespace {

constexpr char kMail[] =
    "Received: from c.example.org (c.example.org [192.0.2.7]) by mx.example.com (Postfix) with "
    "ESMTP id 1\r\n"
    "From: Jane Doe <jane@example.org>\r\n"
    "To: joe@example.com\r\n"
    "Subject: Cheap watches\r\n"
    "X-Mailer: Blaster 2\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/html\r\n\r\n"
    "<html>Buy now at <a href=\"http://www.shop.example.org/go?id=1\">our shop</a>. Buy, "
    "buy!</html>\r\n"
    "--b\r\nContent-Type: application/zip; name=\"x.zip\"\r\n\r\nzz\r\n--b--\r\n";

std::shared_ptr<const RuleSet> Rules(const std::string& text, RuleSetOptions options = {}) {
  return RuleSet::Build(ReadRuleFiles({{"test.cf", "util_rb_tld org com\n" + text}}), options);
}

std::map<std::string, double> Hits(const RuleSet& rules, const MessageKnowledge& knowledge = {}) {
  const RuleVerdict verdict = rules.Judge(kMail, knowledge, true);
  std::map<std::string, double> hits;
  for (const auto* list : {&verdict.hits, &verdict.hidden_hits}) {
    for (const RuleHit& hit : *list) hits[*hit.name] = hit.value;
  }
  return hits;
}

bool Fires(const std::string& rule, const std::string& about = "") {
  return Hits(*Rules(rule + "\n" + about)).count("R") != 0;
}

std::string WhyNot(const RuleSet& rules, const std::string& name) {
  for (const RuleStatus& rule : rules.Status()) {
    if (rule.name == name) return rule.reason;
  }
  return "no such rule";
}

TEST(Rules, LookAtHeaders) {
  EXPECT_TRUE(Fires("header R Subject =~ /cheap/i"));
  EXPECT_FALSE(Fires("header R Subject =~ /cheap/"));
  EXPECT_TRUE(Fires("header R Subject !~ /expensive/"));
  EXPECT_TRUE(Fires("header R exists:X-Mailer"));
  EXPECT_FALSE(Fires("header R exists:X-Other"));
  EXPECT_TRUE(Fires("header R X-Other =~ /^none$/ [if-unset: none]"));
  EXPECT_TRUE(Fires("header R From:addr =~ /^jane@example\\.org$/"));
  EXPECT_TRUE(Fires("header R From:name =~ /^Jane Doe$/"));
  EXPECT_TRUE(Fires("header R ToCc =~ m{joe\\@example}"));
  EXPECT_TRUE(Fires("header R ALL =~ /^X-Mailer: Blaster/m"));
  EXPECT_TRUE(Fires("header R X-Spam-Relays-Untrusted =~ / ip=192\\.0\\.2\\.7 /"));
}

TEST(Rules, LookAtTexts) {
  EXPECT_TRUE(Fires("body R /Buy now at our shop/"));
  EXPECT_TRUE(Fires("body R /Cheap watches/"));
  EXPECT_FALSE(Fires("body R /Cheap watches/", "tflags R nosubject"));
  EXPECT_TRUE(Fires("rawbody R /<a href=/"));
  EXPECT_TRUE(Fires("full R /^Content-Type: application.zip/m"));
  EXPECT_TRUE(Fires("uri R m,^http://www\\.shop\\.example\\.org/go,"));
  EXPECT_TRUE(Fires("uri_detail R text =~ /our shop/ domain =~ /example\\.org/"));
  EXPECT_FALSE(Fires("uri_detail R text =~ /our shop/ domain =~ /example\\.com/"));
  EXPECT_TRUE(Fires("mimeheader R Content-Type =~ /name=\"x\\.zip\"/"));
}

TEST(Rules, CountHits) {
  const auto rules = Rules(
      "body __BUY /buy/i\ntflags __BUY multiple\nbody __TWO /buy/i\ntflags __TWO multiple "
      "maxhits=2\n"
      "meta R (__BUY >= 3) && (__TWO == 2)\nscore R 1.5");
  const auto hits = Hits(*rules);
  EXPECT_EQ(hits.at("__BUY"), 3);
  EXPECT_EQ(hits.at("__TWO"), 2);
  EXPECT_EQ(hits.count("R"), 1U);
  EXPECT_EQ(rules->Judge(kMail, {}).score, 1.5);
}

TEST(Rules, CombineOthers) {
  EXPECT_TRUE(
      Fires("header __A Subject =~ /Cheap/\nheader __B Subject =~ /x/\nmeta R __A && !__B"));
  EXPECT_TRUE(
      Fires("header __A_1 Subject =~ /Cheap/\nheader __A_2 To =~ /joe/\nmeta R "
            "rules_matching(__A_*) == 2"));
  EXPECT_TRUE(Fires("meta R !NOT_THERE"));
  const auto circle = Rules("meta R S\nmeta S R");
  EXPECT_NE(WhyNot(*circle, "R").find("itself"), std::string::npos);
}

TEST(Rules, CallFunctions) {
  EXPECT_FALSE(Fires("header R eval:check_for_missing_to_header()"));
  EXPECT_TRUE(Fires("body R eval:html_tag_exists('html')"));
  EXPECT_TRUE(Fires("body R eval:check_for_mime_html()"));
  EXPECT_FALSE(Fires("header R eval:check_no_relays()"));
  EXPECT_TRUE(Fires("header R eval:check_freemail_from()", "freemail_domains example.org"));
  EXPECT_TRUE(
      Fires("header R eval:check_from_in_list('MINE')", "enlist_addrlist (MINE) *@example.org"));
  EXPECT_TRUE(Fires("header R eval:check_uri_host_listed('BAD')",
                    "enlist_uri_host (BAD) shop.example.org"));
  EXPECT_TRUE(Fires("header R eval:check_from_in_blocklist()", "blacklist_from jane@*"));
}

TEST(Rules, KnowWhoSentIt) {
  RuleSetOptions options;
  options.authentication = true;
  const std::string text =
      "header R eval:check_for_spf_pass()\ntflags R net nice\nscore R 0 -0.5 0 -0.5\n"
      "full D eval:check_dkim_valid_author_sig()\ntflags D net nice";
  const auto rules = Rules(text, options);
  EXPECT_EQ(Hits(*rules).size(), 0U);
  MessageKnowledge knowledge;
  knowledge.authentication = SenderFacts{
      .spf = "pass", .helo_spf = "", .dkim_valid_domains = {"example.org"}, .dmarc = ""};
  EXPECT_EQ(Hits(*rules, knowledge).size(), 2U);
  EXPECT_EQ(rules->Judge(kMail, knowledge).score, -1.5);
  EXPECT_FALSE(WhyNot(*Rules(text), "R").empty());
}

TEST(Rules, UseTheLearnedClassifierWhereThereIsOne) {
  const std::string text = "body R eval:check_bayes('0.95', '1.00')\ntflags R learn";
  EXPECT_NE(WhyNot(*Rules(text), "R").find("classifier"), std::string::npos);
  RuleSetOptions options;
  options.bayes = true;
  MessageKnowledge knowledge;
  knowledge.bayes = 0.99;
  EXPECT_EQ(Hits(*Rules(text, options), knowledge).count("R"), 1U);
}

TEST(Rules, AreReplacedTagByTag) {
  const std::string tags =
      "loadplugin ReplaceTags\nreplace_tag A [a4\\@]\nreplace_inter W \\W?\nreplace_rules R\n";
  EXPECT_TRUE(Fires(tags + "header R Subject =~ /w<A>tches/"));
  Replacements all;
  all.tags["A"] = "[a4]";
  all.tags["B"] = "<A>b";
  all.between["W"] = "\\W?";
  all.behind["P"] = "{1,2}";
  EXPECT_EQ(WithTagsReplaced("x<B>y(?<name>z)", all), "x[a4]by(?<name>z)");
  EXPECT_EQ(WithTagsReplaced("<inter W><post P><A><A>", all), "[a4]{1,2}\\W?[a4]{1,2}");
}

TEST(Conditions, AreAskedAsSpamAssassinAsks) {
  const std::string rule = "header R exists:From\n";
  EXPECT_TRUE(Fires("if (version >= 3.004000)\n" + rule + "endif"));
  EXPECT_FALSE(Fires("if (version < 4.000000)\n" + rule + "endif"));
  EXPECT_TRUE(
      Fires("loadplugin Mail::SpamAssassin::Plugin::FreeMail\nifplugin "
            "Mail::SpamAssassin::Plugin::FreeMail\n" +
            rule + "endif"));
  EXPECT_FALSE(Fires("ifplugin Mail::SpamAssassin::Plugin::Nothing\n" + rule + "endif"));
  EXPECT_TRUE(Fires("if can(Mail::SpamAssassin::Conf::feature_bug6558_free)\n" + rule + "endif"));
  EXPECT_TRUE(Fires("if !plugin(Nothing)\nelse\nheader X exists:To\nendif\n" + rule));
  EXPECT_FALSE(Fires("if (0)\nif (1)\nelse\n" + rule + "endif\nendif"));
}

TEST(Configuration, SaysWhatCannotBeUsed) {
  const auto rules = Rules(
      "if (nonsense\nendif\nheader 9BAD exists:From\nheader GOOD exists:From\nscore GOOD x\nendif\n"
      "header BAD Subject =~ /(/\nheader WEB eval:check_rbl('x', 'y')\nheader WHO "
      "eval:nobody_knows()");
  EXPECT_GE(rules->problems().size(), 4U);
  EXPECT_EQ(rules->problems()[0].file, "test.cf");
  EXPECT_EQ(rules->problems()[0].line, 2);
  EXPECT_NE(WhyNot(*rules, "BAD").find("cannot be compiled"), std::string::npos);
  EXPECT_NE(WhyNot(*rules, "WEB").find("network"), std::string::npos);
  EXPECT_NE(WhyNot(*rules, "WHO").find("no function"), std::string::npos);
  EXPECT_EQ(WhyNot(*rules, "GOOD"), "");
}

TEST(Rules, ABombIsGivenUpAndNamed) {
  const auto rules = Rules("full R /^(?:.|[a-z]|[a-z ])+$/s\nheader S Subject =~ /Cheap/");
  const auto begin = std::chrono::steady_clock::now();
  const RuleVerdict verdict =
      rules->Judge(std::string(kMail) + std::string(20'000, 'a') + "\n\n", {});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  ASSERT_EQ(verdict.hits.size() + verdict.gave_up.size(), 2U);
  EXPECT_FALSE(verdict.out_of_time);
}

TEST(Rules, TimeIsBounded) {
  RuleSetOptions options;
  options.time = std::chrono::milliseconds(0);
  const RuleVerdict verdict = Rules("body R /x/", options)->Judge(kMail, {});
  EXPECT_TRUE(verdict.out_of_time);
}

}  // namespace
}  // namespace cleanmail::scanner::spam
