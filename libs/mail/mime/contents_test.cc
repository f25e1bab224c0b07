#include "libs/mail/mime/contents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/mail/mime/encodings.h"

namespace cleanmail::mail::mime {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;

Contents Read(std::string_view message, const ContentLimits& limits = {}) {
  return ReadContents(message, FindEntities(message, limits.structure), limits);
}

// "number type name origin: bytes" of each.
std::vector<std::string> Told(const Contents& contents) {
  std::vector<std::string> told;
  for (const Content& one : contents.list)
    told.push_back(base::Cat(one.number, " ", one.type, one.name.empty() ? "" : " ", one.name,
                             one.origin.empty() ? "" : " ", one.origin, ": ", one.bytes));
  return told;
}

TEST(ContentsTest, EveryLeafIsDecodedOnceAndTextIsUtf8) {
  const Contents contents = Read(
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
      "--b\r\nContent-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: "
      "quoted-printable\r\n\r\n=F0=F2\r\n"
      "--b\r\nContent-Type: Application/PDF; name=a.pdf\r\nContent-Transfer-Encoding: BASE64\r\n"
      "\r\naGVsbG8=\r\n--b--\r\n");
  EXPECT_THAT(Told(contents), ElementsAre("1 text/plain: ПР", "2 application/pdf a.pdf: hello"));
  EXPECT_EQ(contents.list[0].charset, "koi8-r");
  EXPECT_EQ(contents.list[0].original, "\xf0\xf2");
  EXPECT_TRUE(contents.list[1].attachment);
  EXPECT_EQ(contents.list[1].entity, 2U);
  EXPECT_TRUE(contents.ambiguities.empty());
  EXPECT_FALSE(contents.differs);
}

}  // namespace
}  // namespace cleanmail::mail::mime
