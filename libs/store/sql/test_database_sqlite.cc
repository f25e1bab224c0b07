#include <atomic>
#include <cstdlib>
#include <filesystem>

#include <unistd.h>

#include "libs/base/status_macros.h"
#include "libs/store/sql/sqlite_database.h"
#include "libs/store/sql/test_database.h"

namespace cleanmail::sql {
namespace {

// Removed with all it holds when the process ends.
class Folder {
 public:
  Folder() {
    const char* parent = std::getenv("TEST_TMPDIR");
    path_ = base::Cat(parent == nullptr ? "/tmp" : parent, "/databases-", getpid());
    std::filesystem::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

TestDatabasePlace::TestDatabasePlace() {
  static const Folder folder;
  static std::atomic<int> number{0};
  name_ = base::Cat(folder.path(), "/", ++number, ".db");
}

std::unique_ptr<Database> TestDatabasePlace::OpenOnce() const {
  auto database = OpenSqlite(name_);
  CLEANMAIL_CHECK(database.ok(), database.status().ToString());
  return *std::move(database);
}

}  // namespace cleanmail::sql
