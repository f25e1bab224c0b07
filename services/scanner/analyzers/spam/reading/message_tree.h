#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cleanmail::scanner::spam {

// A content type as rules' authors expect it to be read.
struct ContentTypeFacts {
  std::string type;      // lower case; every text but HTML, vCard and calendar is "text/plain"
  std::string boundary;  // empty without one
  std::string charset;
  std::string name;
  bool missing = false;
};
ContentTypeFacts ReadContentType(std::string_view value);

// Header fields of a message or part.
class Fields {
 public:
  struct Field {
    std::string name;
    std::string raw;    // behind the colon, folds and line end (LF) kept
    std::string value;  // one line, decoded
  };
  void Add(std::string_view name, std::string_view raw);
  const std::vector<Field>& list() const { return list_; }
  // In the order they came; names in any case.
  std::vector<const Field*> All(std::string_view name) const;
  // The value of the last of that name; empty without one.
  std::string_view Last(std::string_view name) const;
  bool Has(std::string_view name) const;
  void Remove(std::string_view name);

 private:
  std::vector<Field> list_;
};

// A part of a message, or the message itself.
struct Part {
  Fields header;
  std::string type;
  std::string charset;
  std::string name;
  bool has_parts = false;  // not a leaf, though it may have none
  std::vector<std::unique_ptr<Part>> parts;
  std::vector<std::string_view> lines;  // of a leaf's body, with their LF

  // What it is treated as: a file named .htm or .html is HTML whatever its type.
  std::string_view effective_type() const;
  // The body without its transfer encoding.
  std::string Decoded() const;
};

struct TreeLimits {
  size_t depth = 20;
  size_t parts = 1000;
};

// A message taken apart the way SpamAssassin does it, oddities included, since its rules were
// written and weighed on what that shows. What our own scanning looks at is libs/mail/mime.
class MessageTree {
 public:
  // `message` may have CRLF or LF line ends.
  explicit MessageTree(std::string_view message, TreeLimits limits = {});
  MessageTree(const MessageTree&) = delete;
  MessageTree& operator=(const MessageTree&) = delete;

  const Part& root() const { return root_; }
  Part& root() { return root_; }
  std::string_view pristine() const { return text_; }
  std::string_view pristine_header() const { return pristine().substr(0, body_offset_); }
  std::string_view pristine_body() const { return pristine().substr(body_offset_); }

  // What was odd, by SpamAssassin's names ("missing_mime_headers").
  bool Flag(std::string_view name) const { return flags_.count(std::string(name)) != 0; }
  // Whether a boundary was opened and not closed.
  bool has_open_boundary() const;

  // Parts in order of appearance, the parts of a part behind it.
  std::vector<const Part*> AllParts() const;
  std::vector<const Part*> Leaves() const;

 private:
  struct Job {
    Part* part;
    std::string boundary;
    bool has_boundary;
    std::vector<std::string_view> lines;
    size_t depth;
  };
  class Splitter;

  std::vector<std::string_view> ReadHeader(Part& part, std::vector<std::string_view> lines,
                                           bool outermost);
  void BeginMessage(Part& part, std::vector<std::string_view> lines, size_t depth, bool outermost);
  void Work(Job job);
  void ReadLeaf(Job job);
  void AppendBodyLine(std::vector<std::string_view>& lines, std::string_view line);

  std::string text_;
  size_t body_offset_ = 0;
  TreeLimits limits_;
  Part root_;
  std::deque<Job> queue_;
  std::deque<std::string> kept_;  // lines that are no view of text_
  std::map<std::string, int> boundary_state_;
  std::map<std::string, bool> flags_;
  size_t part_count_ = 0;
};

}  // namespace cleanmail::scanner::spam
