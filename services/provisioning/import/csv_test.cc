#include "services/provisioning/import/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/provisioning/import/export.h"
#include "services/provisioning/import/lines.h"

namespace cleanmail::provisioning::import {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::vector<std::string>> Records(std::string_view text, char separator = ',') {
  Reader reader(text, separator);
  std::vector<std::vector<std::string>> all;
  while (const auto record = reader.Next()) all.push_back(record->fields);
  return all;
}

TEST(CsvTest, ReadsQuotesLineEndsOfAllKindsAndEmptyFields) {
  EXPECT_THAT(Records("a,b\r\n\"x \"\"y\"\"\",\"1\n2\"\n\n , \rlast,"),
              ElementsAre(ElementsAre("a", "b"), ElementsAre("x \"y\"", "1\n2"),
                          ElementsAre("", ""), ElementsAre("last", "")));
  EXPECT_THAT(Records(""), ElementsAre());
}

TEST(CsvTest, ALineThatCannotBeReadDoesNotSpoilTheNext) {
  Reader reader("\"a\"b,c\nd,e\n\"open", ',');
  const auto first = reader.Next();
  EXPECT_EQ(first->problem, "text follows a closing quote");
  EXPECT_THAT(reader.Next()->fields, ElementsAre("d", "e"));
  const auto last = reader.Next();
  EXPECT_EQ(last->problem, "a quote is not closed");
  EXPECT_EQ(last->line, 3);
  EXPECT_FALSE(reader.Next().has_value());
  const std::string huge = "\"" + std::string(2 * kLongestField, 'x') + "\nnext,1\n";
  Reader bounded(huge, ',');
  EXPECT_FALSE(bounded.Next()->problem.empty());
  EXPECT_THAT(bounded.Next()->fields, ElementsAre("next", "1"));
}

TEST(CsvTest, TheSeparatorAndTheCharsetAreSeen) {
  EXPECT_EQ(DetectSeparator("a;b;c\nx,y,z,1,2"), ';');
  EXPECT_EQ(DetectSeparator("\"a;b;c\",d\n"), ',');
  EXPECT_EQ(DetectSeparator("a\tb\n"), '\t');
  EXPECT_EQ(DetectSeparator("address\n"), ',');
  EXPECT_EQ(ToUtf8("\xef\xbb\xbfJ\xc3\xbcrg")->utf8, "Jürg");
  EXPECT_EQ(ToUtf8("J\xfcrg \x80")->utf8, "Jürg €");
  EXPECT_EQ(ToUtf8("J\xfcrg")->charset, "Windows-1252");
  EXPECT_EQ(ToUtf8("\x81")->utf8, "\xef\xbf\xbd");
  EXPECT_TRUE(absl::IsInvalidArgument(ToUtf8(std::string_view("a\0b", 3)).status()));
}

TEST(CsvTest, T_D9_WhatASpreadsheetWouldRunIsDefusedAndReadBackTheSame) {
  for (const std::string text : {"=1+1", "+41", "-1", "@SUM(A1)", "'=x", "''+x", "'quoted", "'",
                                 "''", "plain", "a,b", "say \"x\"", " spaces ", "\fform feeds\v"}) {
    const std::string field = ToField(text);
    EXPECT_EQ(std::string("=+-@").find(field[0]), std::string::npos) << field;
    const auto back = Records(field);
    ASSERT_EQ(back.size(), 1u);
    EXPECT_EQ(WithoutApostrophe(back[0][0]), text) << field;
  }
}

TEST(LinesTest, ColumnsAreKnownByTheirNamesInEnglishAndGerman) {
  const auto file = File::Open(
      "E-Mail-Adresse;Anzeigename;Alias-Adressen;Gruppen;Telefon\n"
      "ann@example.org;\"M\xfcller; Ann\";a@example.org, b@example.org;staff boss;123\n",
      Kind::kUsers);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->reading(), "Windows-1252, fields parted by ';'; left out: Telefon");
  EXPECT_EQ((*file)->total(), 1);
  const auto line = (*file)->NextUser();
  EXPECT_EQ(line->line, 2);
  EXPECT_EQ(line->display_name, "Müller; Ann");
  EXPECT_THAT(*line->aliases, ElementsAre("a@example.org", "b@example.org"));
  EXPECT_THAT(*line->groups, ElementsAre("staff", "boss"));
  EXPECT_FALSE(line->policy.has_value()) << "no column: left as it is";
}

TEST(LinesTest, AFileWithoutAnAddressColumnIsRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(File::Open("", Kind::kUsers).status()));
  EXPECT_THAT(std::string(File::Open("a,b\n", Kind::kUsers).status().message()),
              HasSubstr("address"));
  EXPECT_TRUE(absl::IsInvalidArgument(File::Open("mail,email\n", Kind::kUsers).status()));
}

TEST(LinesTest, AnAddressTwiceInAFileIsTheSecondLinesProblem) {
  const auto file = File::Open("mail\na@b.example\nA@B.example\n\n,\n", Kind::kUsers);
  EXPECT_TRUE((*file)->NextUser()->problem.ok());
  EXPECT_THAT(std::string((*file)->NextUser()->problem.message()),
              HasSubstr("stands on line 2 already"));
  EXPECT_THAT(std::string((*file)->NextUser()->problem.message()), HasSubstr("is empty"));
}

TEST(LinesTest, B2_ObservedAddressesCarryWhenAndHowOften) {
  const auto file = File::Open(
      "Adresse,Anzahl,zuletzt gesehen\na@b.example,12,2026-01-31\nc@b.example,x,\n"
      "d@b.example,,31.01.2026\n",
      Kind::kObserved);
  ASSERT_TRUE(file.ok());
  const auto first = (*file)->NextObserved();
  EXPECT_EQ(first->messages, 12);
  EXPECT_TRUE(first->last_seen.has_value());
  EXPECT_FALSE((*file)->NextObserved()->problem.ok());
  EXPECT_EQ((*file)->NextObserved()->last_seen, first->last_seen);
}

}  // namespace
}  // namespace cleanmail::provisioning::import
