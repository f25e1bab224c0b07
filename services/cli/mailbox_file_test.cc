#include "services/cli/mailbox_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleanmail::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(MailboxFile, AMailAloneIsOne) {
  EXPECT_THAT(MailsIn("Subject: a\n\nFrom here on.\n"),
              ElementsAre("Subject: a\n\nFrom here on.\n"));
  EXPECT_THAT(MailsIn(""), IsEmpty());
}

TEST(MailboxFile, AnMboxIsTakenApartAtItsSeparators) {
  EXPECT_THAT(MailsIn("From ann@example.org Thu Jan  1 00:00:00 2026\nSubject: a\n\nOne.\n\n"
                      "From bob@example.org Thu Jan  1 00:00:00 2026 +0000\nSubject: b\n\nTwo.\n"),
              ElementsAre("Subject: a\n\nOne.\n\n", "Subject: b\n\nTwo.\n"));
}

TEST(MailboxFile, AWordFromInATextSeparatesNothing) {
  EXPECT_THAT(MailsIn("From ann@example.org Thu Jan  1 00:00:00 2026\r\nSubject: a\r\n\r\n"
                      "Hello.\r\n\r\nFrom now on: all is well\r\n"),
              ElementsAre("Subject: a\r\n\r\nHello.\r\n\r\nFrom now on: all is well\r\n"));
}

TEST(MailboxFile, SeparatorsWithoutMailsAreNone) {
  EXPECT_THAT(MailsIn("From ann@example.org Thu Jan  1 00:00:00 2026\n\n\n"), IsEmpty());
}

}  // namespace
}  // namespace cleanmail::cli
