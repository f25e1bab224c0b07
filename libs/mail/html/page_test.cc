#include "libs/mail/html/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleanmail::mail::html {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(PageTest, TextIsReadAsAPersonSeesIt) {
  const Page page = ReadPage(
      "<html><head><title>A &amp; B</title><style>p{color:red}</style></head><body>"
      "<h1>Hello</h1><p>one\r\n two<br>three&nbsp;four</p><table><tr><td>a</td><td>b</td></tr>"
      "<tr><td>c</td></tr></table><img src=x alt='a cat'><script>var x = '<p>no';</script>end");
  EXPECT_EQ(page.title, "A & B");
  EXPECT_EQ(page.visible_text, "Hello\none two\nthree four\na b\nc\na cat end");
  EXPECT_EQ(page.hidden_text, "");
  EXPECT_THAT(page.script, HasSubstr("var x"));
  EXPECT_EQ(page.scripts, 1U);
}

TEST(PageTest, TextThatIsNotSeenStandsApart) {
  for (const char* style :
       {"display:none", "visibility: hidden", "font-size:0", "font-size: 1px", "font-size:0.1em",
        "color:#fff", "color:white", "color:rgb(254,254,254)", "opacity:0",
        "max-height:0;overflow:hidden", "position:absolute;left:-9999px", "text-indent:-5000px",
        "color:transparent", "DISPLAY : NONE !important"}) {
    const Page page = ReadPage(std::string("<div>seen <span style=\"") + style +
                               "\">not <b>here</b></span> again</div>");
    EXPECT_EQ(page.visible_text, "seen again") << style;
    EXPECT_EQ(page.hidden_text, "not here") << style;
  }
  EXPECT_EQ(ReadPage("<p hidden>x</p>y").visible_text, "y");
  EXPECT_EQ(ReadPage("<table bgcolor=black><td><font color='#000'>x</font>").hidden_text, "x");
  EXPECT_EQ(ReadPage("<style>.h{display:none} p#i{x:y}</style><p class='k H'>x</p>y").hidden_text,
            "x");
}

TEST(PageTest, WhatIsSeenIsNotCalledHidden) {
  for (const char* html :
       {"<table bgcolor=black><td><font color=white>x</font></td>",
        "<div style='background:#123456'><span style='color:#fff'>x</span></div>",
        "<div style='background-image:url(y.png)'><span style='color:#fff'>x</span></div>",
        "<p style='visibility:hidden'><b style='visibility:visible'>x</b></p>",
        "<div style='width:0'>x</div>", "<p style='font-size:12px'>x</p>",
        "<body text=white bgcolor=navy>x", "<style>@media print{p{display:none}}</style><p>x</p>",
        "<div style='font-size:0'><span style='font-size:14px'>x</span></div>"}) {
    EXPECT_EQ(ReadPage(html).visible_text, "x") << html;
  }
}

TEST(PageTest, LinksAreFoundWithWhatIsShownForThem) {
  const Page page = ReadPage(
      "<base href='https://b.example/dir/page?q'><a href=' x\n.html '>go <b>there</b>"
      "<img alt=now src='//i.example/p.png'></a><area href=/root alt=map>"
      "<form action='HTTP:\\\\f.example\\in' method=POST><input type=PassWord name=p><select "
      "name=s></select></form><meta http-equiv=Refresh content='0; URL=http://r.example/'>"
      "<div style=\"background:url('http://c.example/bg')\"></div>"
      "<img srcset='http://s.example/1 1x, http://s.example/2 2x'>");
  std::vector<std::string> seen;
  for (const Link& link : page.links) seen.push_back(link.target + " " + link.text);
  EXPECT_THAT(seen, ::testing::ElementsAre(
                        "https://b.example/dir/x.html go there now", "https://i.example/p.png now",
                        "https://b.example/root map", "HTTP://f.example/in ", "http://r.example/ ",
                        "http://c.example/bg ", "http://s.example/1 ", "http://s.example/2 "));
  ASSERT_EQ(page.forms.size(), 1U);
  EXPECT_TRUE(page.forms[0].password);
  EXPECT_EQ(page.forms[0].method, "post");
  EXPECT_EQ(page.forms[0].action, "HTTP://f.example/in");
  EXPECT_EQ(page.forms[0].inputs[1].type, "select");
  EXPECT_EQ(page.images, 2U);
  EXPECT_EQ(page.remote_images, 1U);
}

TEST(PageTest, LinksAreResolvedAsBrowsersDo) {
  EXPECT_EQ(ResolveLink("\x01 java\nscript:alert(1)", "http://b/"), "javascript:alert(1)");
  EXPECT_EQ(ResolveLink("http:/\\/evil.example", ""), "http://evil.example");
  EXPECT_EQ(ResolveLink("\\\\evil.example/x\\y?a\\b", "https://b/"),
            "https://evil.example/x/y?a\\b");
  EXPECT_EQ(ResolveLink("x", "http://b"), "http://b/x");
  EXPECT_EQ(ResolveLink("x", ""), "x");
  EXPECT_EQ(ResolveLink("mailto:a@b", "http://b"), "mailto:a@b");
  EXPECT_EQ(ResolveLink("#top", "http://b/"), "#top");
}

TEST(PageTest, ScriptsHandlersCommentsAndDataAreKeptForOthers) {
  const Page page = ReadPage(
      "<!--[if mso]><a href=http://x>y</a><![endif]--><body onload='go()'>"
      "<a href='data:text/html;base64,QQ=='>z</a><iframe src=http://f.example></iframe>");
  EXPECT_THAT(page.comment, HasSubstr("[if mso]"));
  EXPECT_EQ(page.script, "go()\n");
  EXPECT_EQ(page.event_handlers, 1U);
  EXPECT_EQ(page.data_uris, 1U);
  EXPECT_EQ(page.frames, 1U);
  EXPECT_THAT(page.visible_text, Not(HasSubstr("y")));
}

TEST(PageTest, T_B3_APagePastEveryLimitIsStillRead) {
  std::string html;
  for (int i = 0; i < 20'000; ++i) html += "<div><a href=http://x>t</a><form>";
  const Page page = ReadPage(html);
  EXPECT_TRUE(page.flat);
  EXPECT_TRUE(page.truncated);
  EXPECT_EQ(page.links.size(), 5000U);
  EXPECT_EQ(page.forms.size(), 100U);
}

}  // namespace
}  // namespace cleanmail::mail::html
