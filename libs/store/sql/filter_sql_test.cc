#include "libs/store/sql/filter_sql.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "libs/base/cat.h"
#include "libs/store/sql/sqlite_database.h"

namespace cleanmail::sql {
namespace {

using rpc::resource::FieldType;
using rpc::resource::ParseFilter;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class FilterSqlTest : public ::testing::Test {
 protected:
  FilterSqlTest() {
    EXPECT_TRUE(
        database_
            ->Transact([](Session& session) -> absl::Status {
              EXPECT_TRUE(session
                              .Execute("CREATE TABLE mail (id TEXT, sender TEXT, subject "
                                       "TEXT, size BIGINT)")
                              .ok());
              for (const auto& [id, sender, subject, size] :
                   {std::tuple("1", "ann@a.example", "100% Offer", 10),
                    std::tuple("2", "bob@b.example", "an invoice", 20),
                    std::tuple("3", "o'hara@a.example", "100 offers", 30)}) {
                EXPECT_TRUE(
                    session
                        .Execute("INSERT INTO mail VALUES (:i, :s, :t, :n)",
                                 {{"i", id}, {"s", sender}, {"t", subject}, {"n", int64_t{size}}})
                        .ok());
              }
              return absl::OkStatus();
            })
            .ok());
  }
  static std::unique_ptr<Database> Open() {
    static int number = 0;
    return *OpenSqlite(base::Cat(::testing::TempDir(), "/filter-", getpid(), "-", ++number, ".db"));
  }
  std::vector<std::string> Found(std::string_view text) {
    const auto filter = ParseFilter(
        text, {.fields = {{"sender", {}}, {"subject", {}}, {"size", {.type = FieldType::kInteger}}},
               .bare = "subject"});
    EXPECT_TRUE(filter.ok()) << filter.status();
    const auto where = ToSql(
        *filter, {{"sender", {"sender", true}}, {"subject", {"subject"}}, {"size", {"size"}}});
    EXPECT_TRUE(where.ok()) << where.status();
    std::vector<std::string> ids;
    EXPECT_TRUE(database_
                    ->Read([&](Session& session) -> absl::Status {
                      const auto rows = session.Query(
                          base::Cat("SELECT id FROM mail WHERE ", where->condition, " ORDER BY id"),
                          where->parameters);
                      EXPECT_TRUE(rows.ok()) << rows.status();
                      for (const Row& row : *rows) ids.push_back(row.Text(0));
                      return absl::OkStatus();
                    })
                    .ok());
    return ids;
  }
  std::unique_ptr<Database> database_ = Open();
};

TEST_F(FilterSqlTest, FindsWhatTheFilterSays) {
  EXPECT_THAT(Found(""), ElementsAre("1", "2", "3"));
  EXPECT_THAT(Found("sender = ANN@a.example"), ElementsAre("1"));
  EXPECT_THAT(Found("size >= 20 AND NOT sender:b.ex"), ElementsAre("3"));
  EXPECT_THAT(Found("OFFER"), ElementsAre("1", "3"));
  EXPECT_THAT(Found("size = 10 OR size = 20"), ElementsAre("1", "2"));
}

TEST_F(FilterSqlTest, T_D5_WhatACallerWritesIsNeverSql) {
  EXPECT_THAT(Found("\"100%\""), ElementsAre("1")) << "% is itself, not anything";
  EXPECT_THAT(Found("\"_\""), IsEmpty());
  EXPECT_THAT(Found("sender = \"o'hara@a.example\""), ElementsAre("3"));
  EXPECT_THAT(Found("sender = \"x' OR '1'='1\""), IsEmpty());
  EXPECT_THAT(Found("subject = \"'; DROP TABLE mail; --\""), IsEmpty());
  EXPECT_THAT(Found(""), ElementsAre("1", "2", "3"));
  const auto where =
      ToSql(*ParseFilter("sender = evil", {.fields = {{"sender", {}}}}), {{"sender", {"sender"}}});
  EXPECT_THAT(where->condition, Not(HasSubstr("evil")));
}

}  // namespace
}  // namespace cleanmail::sql
