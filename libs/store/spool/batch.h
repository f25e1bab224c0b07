#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cleanmail::spool {

// The tables of a spool; each is a RocksDB column family.
enum class Table { kEvents, kPositions, kBodies, kExtensions, kState };

// Changes that happen together or not at all. A value; not thread-safe.
class Batch {
 public:
  void Put(Table table, std::string key, std::string value) {
    bytes_ += key.size() + value.size();
    changes_.push_back({Change::kPut, table, std::move(key), std::move(value)});
  }
  void Delete(Table table, std::string key) {
    changes_.push_back({Change::kDelete, table, std::move(key), {}});
  }
  // Deletes [begin, end).
  void DeleteRange(Table table, std::string begin, std::string end) {
    changes_.push_back({Change::kDeleteRange, table, std::move(begin), std::move(end)});
  }
  // Adds all of `other` behind what is here.
  void Append(Batch other) {
    bytes_ += other.bytes_;
    changes_.insert(changes_.end(), std::make_move_iterator(other.changes_.begin()),
                    std::make_move_iterator(other.changes_.end()));
  }
  bool empty() const { return changes_.empty(); }
  size_t bytes() const { return bytes_; }

  struct Change {
    enum Kind { kPut, kDelete, kDeleteRange } kind;
    Table table;
    std::string key;
    std::string value;  // of kDeleteRange: the end
  };
  const std::vector<Change>& changes() const { return changes_; }

 private:
  std::vector<Change> changes_;
  size_t bytes_ = 0;
};

}  // namespace cleanmail::spool
