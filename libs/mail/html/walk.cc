#include "libs/mail/html/walk.h"

#include <csetjmp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gumbo.h>

#include "libs/mail/html/tokens.h"

namespace cleanmail::mail::html {
namespace {

constexpr size_t kMostAttributes = 300;  // the parser compares each with each
constexpr size_t kBlockBytes = 256 << 10;

// Memory for one tree, freed as a whole: the parser's own way to free a tree recurses as deep as
// the tree is. When the limit is reached it jumps out of the parser, which holds nothing but this
// memory.
struct Arena {
  std::vector<std::unique_ptr<char[]>> blocks;
  char* next = nullptr;
  size_t left = 0;
  size_t taken = 0;
  size_t limit = 0;
  std::jmp_buf full;
};

void* Allocate(void* user, size_t bytes) {
  Arena& arena = *static_cast<Arena*>(user);
  bytes = (bytes + 15) / 16 * 16;
  if (bytes > arena.left) {
    const size_t block = bytes > kBlockBytes ? bytes : kBlockBytes;
    if (arena.taken + block > arena.limit) std::longjmp(arena.full, 1);
    arena.blocks.push_back(std::make_unique_for_overwrite<char[]>(block));
    arena.taken += block;
    arena.next = arena.blocks.back().get();
    arena.left = block;
  }
  void* const result = arena.next;
  arena.next += bytes;
  arena.left -= bytes;
  return result;
}

void Free(void* /*user*/, void* /*pointer*/) {}

// nullptr when the tree needs more memory than there is.
const GumboOutput* Parse(Arena& arena, const char* data, size_t size) {
  GumboOptions options = kGumboDefaultOptions;
  options.allocator = &Allocate;
  options.deallocator = &Free;
  options.userdata = &arena;
  options.max_errors = 0;
  if (setjmp(arena.full) != 0) return nullptr;
  return gumbo_parse_with_options(&options, data, size);
}

std::string LowerName(const GumboElement& element) {
  if (element.tag != GUMBO_TAG_UNKNOWN) return gumbo_normalized_tagname(element.tag);
  GumboStringPiece piece = element.original_tag;
  gumbo_tag_from_original_text(&piece);
  std::string name(piece.data == nullptr ? "" : piece.data, piece.length);
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return name;
}

// The elements on the way to where a walk is.
struct Step {
  const GumboVector* children;
  unsigned next = 0;
  std::string name;
};

class TreeWalk {
 public:
  TreeWalk(Visitor& visitor, WalkOutcome& outcome) : visitor_(visitor), outcome_(outcome) {}

  void Run(const GumboNode& document) {
    steps_.push_back({.children = &document.v.document.children, .name = {}});
    while (!steps_.empty()) {
      Step& step = steps_.back();
      if (step.next == step.children->length) {
        if (steps_.size() > 1) visitor_.OnClose(step.name);
        steps_.pop_back();
        continue;
      }
      Visit(*static_cast<const GumboNode*>(step.children->data[step.next++]));
    }
  }

 private:
  void Visit(const GumboNode& node) {
    switch (node.type) {
      case GUMBO_NODE_DOCUMENT:
        return;
      case GUMBO_NODE_ELEMENT:
      case GUMBO_NODE_TEMPLATE:
        return Open(node.v.element);
      case GUMBO_NODE_TEXT:
      case GUMBO_NODE_CDATA:
      case GUMBO_NODE_WHITESPACE:
        return visitor_.OnText(node.v.text.text);
      case GUMBO_NODE_COMMENT:
        return visitor_.OnComment(node.v.text.text);
    }
  }

  void Open(const GumboElement& element) {
    std::vector<Attribute> attributes;
    for (unsigned i = 0; i < element.attributes.length; ++i) {
      const auto* attribute = static_cast<const GumboAttribute*>(element.attributes.data[i]);
      attributes.push_back({.name = attribute->name, .value = attribute->value});
    }
    ++outcome_.elements;
    steps_.push_back({.children = &element.children, .name = LowerName(element)});
    visitor_.OnOpen(steps_.back().name, attributes);
  }

  Visitor& visitor_;
  WalkOutcome& outcome_;
  std::vector<Step> steps_;
};

// Start tags whose end tags the writer may leave out before another of the same name.
bool EndsItself(std::string_view tag) {
  return tag == "p" || tag == "li" || tag == "dt" || tag == "dd" || tag == "option" ||
         tag == "tr" || tag == "td" || tag == "th";
}

// Whether a tree of `html` is cheap: the parser looks through its open elements at each tag, so
// many tags in deep nests are what costs. The depth found here is never below the parser's.
bool IsTame(std::string_view html, const WalkLimits& limits) {
  if (html.size() > limits.bytes) return false;
  Tokens tokens(html);
  std::vector<std::string> open;
  while (std::optional<Token> token = tokens.Next()) {
    if (token->attributes.size() > kMostAttributes) return false;
    if (token->kind == Token::Kind::kClose) {
      if (!open.empty() && open.back() == token->name) open.pop_back();
    } else if (token->kind == Token::Kind::kOpen && !IsVoid(token->name)) {
      if (!open.empty() && open.back() == token->name && EndsItself(token->name)) continue;
      open.push_back(std::move(token->name));
      if (open.size() > limits.depth) return false;
    }
  }
  return true;
}

// Tells tags as they come, closing what is left open.
class FlatWalk {
 public:
  FlatWalk(Visitor& visitor, WalkOutcome& outcome) : visitor_(visitor), outcome_(outcome) {}

  void Run(std::string_view html) {
    Tokens tokens(html);
    while (const std::optional<Token> token = tokens.Next()) {
      switch (token->kind) {
        case Token::Kind::kOpen:
          Open(*token);
          break;
        case Token::Kind::kClose:
          if (counts_[token->name] > 0) {
            while (Close() != token->name) {
            }
          }
          break;
        case Token::Kind::kText:
          visitor_.OnText(token->raw ? std::string(token->text) : ReadReferences(token->text));
          break;
        case Token::Kind::kComment:
          visitor_.OnComment(token->text);
          break;
      }
    }
    while (!open_.empty()) Close();
  }

 private:
  void Open(const Token& token) {
    if (!open_.empty() && open_.back() == token.name && EndsItself(token.name)) Close();
    std::vector<std::string> values;
    values.reserve(token.attributes.size());
    std::vector<Attribute> attributes;
    for (const auto& [name, value] : token.attributes) {
      values.push_back(ReadReferences(value));
      attributes.push_back({.name = name, .value = values.back()});
    }
    ++outcome_.elements;
    visitor_.OnOpen(token.name, attributes);
    if (IsVoid(token.name)) return visitor_.OnClose(token.name);
    ++counts_[token.name];
    open_.push_back(token.name);
  }

  std::string Close() {
    std::string name = std::move(open_.back());
    open_.pop_back();
    --counts_[name];
    visitor_.OnClose(name);
    return name;
  }

  Visitor& visitor_;
  WalkOutcome& outcome_;
  std::vector<std::string> open_;
  std::map<std::string, int> counts_;
};

}  // namespace

WalkOutcome Walk(std::string_view html, Visitor& visitor, const WalkLimits& limits) {
  WalkOutcome outcome;
  if (IsTame(html, limits)) {
    Arena arena;
    arena.limit = limits.memory;
    if (const GumboOutput* tree = Parse(arena, html.data(), html.size())) {
      TreeWalk(visitor, outcome).Run(*tree->document);
      return outcome;
    }
  }
  outcome.flat = true;
  FlatWalk(visitor, outcome).Run(html);
  return outcome;
}

}  // namespace cleanmail::mail::html
