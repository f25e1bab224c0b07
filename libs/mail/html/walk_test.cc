#include "libs/mail/html/walk.h"

#include <string>

#include <gtest/gtest.h>

#include "libs/base/cat.h"

namespace cleanmail::mail::html {
namespace {

struct Written final : Visitor {
  void OnOpen(std::string_view tag, std::span<const Attribute> attributes) override {
    text += base::Cat("<", tag);
    for (const Attribute& one : attributes) text += base::Cat(" ", one.name, "=", one.value);
    text += ">";
  }
  void OnClose(std::string_view tag) override { text += base::Cat("</", tag, ">"); }
  void OnText(std::string_view said) override { text += said; }
  void OnComment(std::string_view said) override { text += base::Cat("{", said, "}"); }
  std::string text;
};

std::string Tree(std::string_view html, const WalkLimits& limits = {}) {
  Written written;
  Walk(html, written, limits);
  return written.text;
}

TEST(WalkTest, ATreeIsToldAsBrowsersBuildIt) {
  EXPECT_EQ(Tree("<p>a<p b='&amp;x'>c<!--d--><CUSTOM-tag e>"),
            "<html><head></head><body><p>a</p><p b=&x>c{d}<custom-tag e=></custom-tag></p></body>"
            "</html>");
}

TEST(WalkTest, PastALimitTagsAreToldFlatAndNoneIsLost) {
  const std::string flat =
      Tree("<p>a<p b='&amp;x'>c<!--d--><img src=x><i>e</b></p>f<a href=\"g", {.bytes = 1});
  EXPECT_EQ(flat, "<p>a</p><p b=&x>c{d}<img src=x></img><i>e</i></p>f<a href=g></a>");
}

TEST(WalkTest, T_B3_DeepNestsManyAttributesAndGrowingTreesAreReadFlat) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<div>";
  Written seen;
  EXPECT_TRUE(Walk(deep, seen).flat);

  std::string attributes = "<a ";
  for (int i = 0; i < 100'000; ++i) attributes += base::Cat("x", i, " ");
  EXPECT_TRUE(Walk(attributes + ">", seen).flat);

  // Formatting elements left open are made anew in each block: the tree grows as the square.
  std::string formatting = "<p>";
  for (int i = 0; i < 450; ++i) formatting += base::Cat("<font size=", i, ">");
  formatting += "</p>";
  for (int i = 0; i < 100'000; ++i) formatting += "<p>x</p>";
  const WalkOutcome outcome = Walk(formatting, seen);
  EXPECT_TRUE(outcome.flat);
  EXPECT_EQ(outcome.elements, 100'451U);
}

TEST(WalkTest, AMegabyteOfOrdinaryMailGetsATree) {
  std::string html;
  while (html.size() < 1'000'000)
    html +=
        "<table width=600><tr><td style=\"font-size:14px\">A sentence <a href=\"https://x/?i=1\">"
        "a link</a><img src=\"https://x/p.png\" alt=p></td></tr></table>";
  Written seen;
  EXPECT_FALSE(Walk(html, seen).flat);
}

TEST(WalkTest, T_B3_UnendedThingsTakeLinearTime) {
  for (const char* piece :
       {"<!--", "<a b='", "<script>", "</", "<", "&#", "<title>", "<!", "<a "}) {
    std::string many;
    while (many.size() < 900'000) many += piece;
    Written seen;
    Walk(many, seen);
  }
}

}  // namespace
}  // namespace cleanmail::mail::html
