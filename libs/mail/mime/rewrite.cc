#include "libs/mail/mime/rewrite.h"

#include <algorithm>
#include <optional>

#include "libs/base/cat.h"
#include "libs/mail/mime/charset.h"
#include "libs/mail/mime/encoded_word.h"
#include "libs/mail/mime/encodings.h"
#include "libs/mail/mime/entities.h"
#include "libs/mail/mime/header_block.h"

namespace cleanmail::mail::mime {
namespace {

char LowerOf(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool IsAscii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Where `part` (lower case) begins in `text`, without regard to ASCII case.
size_t FindIgnoringCase(std::string_view text, std::string_view part, size_t from = 0) {
  const auto found =
      std::search(text.begin() + static_cast<ptrdiff_t>(std::min(from, text.size())), text.end(),
                  part.begin(), part.end(), [](char a, char b) { return LowerOf(a) == b; });
  return found == text.end() ? std::string_view::npos : static_cast<size_t>(found - text.begin());
}

bool IsFieldName(std::string_view name) {
  return !name.empty() && name.size() <= 76 &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~' && c != ':'; });
}

// `message` with another header for the entity at [begin, body).
std::string WithHeader(std::string_view message, const Entity& entity, const HeaderBlock& header,
                       std::string_view body) {
  return base::Cat(message.substr(0, entity.begin), header.ToString(), body,
                   message.substr(entity.end));
}

std::string_view BodyOf(std::string_view message, const Entity& entity) {
  return message.substr(entity.body, entity.end - entity.body);
}

absl::StatusOr<HeaderBlock> HeaderOf(std::string_view message, const Entity& entity) {
  return HeaderBlock::Parse(message.substr(entity.begin, entity.body - entity.begin));
}

// The whole message's header with its entity, for changes of the header alone.
Entity Whole(std::string_view message, const HeaderBlock& header) {
  return {
      .number = {}, .begin = 0, .body = header.body_offset(), .end = message.size(), .type = {}};
}

class Rewriter {
 public:
  explicit Rewriter(std::string message) { result_.message = std::move(message); }

  Rewritten Take() { return std::move(result_); }

  void operator()(const SubjectTag& tag) {
    const std::string message = std::move(result_.message);
    absl::StatusOr<HeaderBlock> header = HeaderBlock::Parse(message);
    if (!header.ok()) return GiveUp(message, "the subject was not tagged: the header is too big");
    const auto& fields = header->fields();
    const auto subject = std::ranges::find_if(fields, [](const Field& field) {
      return std::ranges::equal(field.name, std::string_view("subject"), {}, LowerOf);
    });
    if (subject == fields.end()) {
      header->Prepend("Subject", EncodeWords(tag.text));
    } else {
      if (IsTagged(DecodeWords(subject->value()), tag.text)) {
        result_.message = message;
        return;
      }
      const std::string old = subject->value();
      // The space between two encoded words is not shown (RFC 2047 §6.2): it must be in one of
      // them.
      const bool two_words = !IsAscii(tag.text) && old.starts_with("=?");
      const std::string encoded = EncodeWords(two_words ? tag.text + " " : tag.text);
      const std::string value = base::Cat(encoded, " ", old);
      header->Replace(static_cast<size_t>(subject - fields.begin()), value);
    }
    const Entity whole = Whole(message, *header);
    result_.message = WithHeader(message, whole, *header, BodyOf(message, whole));
  }

  void operator()(const NewField& field) {
    const std::string message = std::move(result_.message);
    absl::StatusOr<HeaderBlock> header = HeaderBlock::Parse(message);
    if (!header.ok() || !IsFieldName(field.name))
      return GiveUp(message, base::Cat("the field ", field.name, " could not be added"));
    header->Prepend(field.name, field.as_is ? field.value : EncodeWords(field.value));
    const Entity whole = Whole(message, *header);
    result_.message = WithHeader(message, whole, *header, BodyOf(message, whole));
  }

  void operator()(const BannerText& banner) {
    if (!banner.text.empty()) PutBanner("text/plain", banner.text, banner.at_end);
    if (!banner.html.empty()) PutBanner("text/html", banner.html, banner.at_end);
  }

  void operator()(const RemovedParts& removed) {
    for (const std::string& number : removed.numbers) RemovePart(number, removed.note);
  }

 private:
  void GiveUp(std::string_view message, std::string why) {
    result_.message = message;
    result_.undone.push_back(std::move(why));
  }

  // "[PUB] x", "Re: [PUB] x", "AW: Fwd: [PUB] x".
  static bool IsTagged(std::string_view subject, std::string_view tag) {
    for (int prefixes = 0; prefixes < 10; ++prefixes) {
      while (subject.starts_with(' ')) subject.remove_prefix(1);
      if (subject.starts_with(tag)) return true;
      const size_t colon = subject.substr(0, 6).find(':');
      if (colon == std::string_view::npos) return false;
      subject.remove_prefix(colon + 1);
    }
    return false;
  }

  // The first part of that type people read; kNone without one that may be changed.
  size_t FindReadable(const std::vector<Entity>& entities, std::string_view type, bool& sealed) {
    for (size_t i = 0; i < entities.size(); ++i) {
      const Entity& entity = entities[i];
      if (!entity.leaf() || entity.type != type || IsWithin(entities, i)) continue;
      if (FactsOf(result_.message, entity).attachment) continue;
      if (IsSealed(entities, i)) {
        sealed = true;
        continue;
      }
      return i;
    }
    return Entity::kNone;
  }

  // In a message within this one: somebody else's words.
  static bool IsWithin(const std::vector<Entity>& entities, size_t index) {
    for (size_t i = entities[index].parent; i != Entity::kNone; i = entities[i].parent) {
      if (entities[i].message) return true;
    }
    return false;
  }

  static std::string InText(std::string_view text, std::string_view banner, bool at_end) {
    return at_end ? base::Cat(text, text.empty() || text.ends_with('\n') ? "" : "\r\n", "\r\n",
                              banner, "\r\n")
                  : base::Cat(banner, "\r\n\r\n", text);
  }

  // Behind <body …>, or before </body>; where there is none, at the beginning or the end.
  static std::string InHtml(std::string_view html, std::string_view banner, bool at_end) {
    size_t at = at_end ? html.size() : 0;
    if (at_end) {
      for (size_t found = FindIgnoringCase(html, "</body"); found != std::string_view::npos;
           found = FindIgnoringCase(html, "</body", found + 1))
        at = found;
    } else if (const size_t found = FindIgnoringCase(html, "<body");
               found != std::string_view::npos) {
      const size_t close = html.find('>', found);
      if (close != std::string_view::npos) at = close + 1;
    }
    return base::Cat(html.substr(0, at), banner, html.substr(at));
  }

  void PutBanner(std::string_view type, std::string_view banner, bool at_end) {
    const Entities found = FindEntities(result_.message);
    bool sealed = false;
    const size_t index = FindReadable(found.list, type, sealed);
    if (index == Entity::kNone) {
      if (sealed)
        result_.undone.push_back(
            base::Cat("no banner in ", type, ": the part is signed or encrypted"));
      return;
    }
    const Entity& entity = found.list[index];
    const std::string message = std::move(result_.message);
    const EntityFacts facts = FactsOf(message, entity);
    std::string charset = facts.charset;
    std::string text = DecodedBody(message, entity, facts.encoding);
    // Most character sets begin with ASCII; others, and a banner that is more than ASCII, need the
    // text in UTF-8.
    if (!IsAscii(banner) || charset.starts_with("utf-16") || charset.starts_with("utf-32")) {
      const std::optional<std::string> utf8 = ToUtf8(charset.empty() ? "us-ascii" : charset, text);
      if (!utf8.has_value()) {
        return GiveUp(message, base::Cat("no banner in ", type, ": its character set ", charset,
                                         " is not known"));
      }
      text = *utf8;
      charset = "utf-8";
    }
    text = type == "text/html" ? InHtml(text, banner, at_end) : InText(text, banner, at_end);
    ReplaceText(message, entity, facts, charset, text);
  }

  // Another text for a part, in its own transfer encoding where that can carry it.
  void ReplaceText(std::string_view message, const Entity& entity, const EntityFacts& facts,
                   const std::string& charset, std::string_view text) {
    absl::StatusOr<HeaderBlock> header = HeaderOf(message, entity);
    if (!header.ok()) return GiveUp(message, "no banner: a part's header is too big");
    std::string encoding = facts.encoding;
    if (encoding != "base64" && encoding != "quoted-printable") {
      encoding =
          IsAscii(text) || encoding == "8bit" || encoding == "binary" ? "" : "quoted-printable";
    }
    if (!encoding.empty() && encoding != facts.encoding)
      SetField(*header, "Content-Transfer-Encoding", encoding);
    if (charset != facts.charset)
      SetField(*header, "Content-Type", base::Cat(entity.type, "; charset=", charset));
    std::string body = encoding == "base64"             ? EncodeBase64Lines(text)
                       : encoding == "quoted-printable" ? EncodeQuotedPrintable(text)
                                                        : std::string(text);
    result_.message = WithHeader(message, entity, *header, body);
  }

  static void SetField(HeaderBlock& header, std::string_view name, std::string_view value) {
    header.Remove(name);
    header.Append(name, value);
  }

  void RemovePart(const std::string& number, std::string_view note) {
    const Entities found = FindEntities(result_.message);
    const auto entity = std::ranges::find_if(
        found.list, [&](const Entity& e) { return e.number == number && e.parent != e.kNone; });
    const bool whole = entity == found.list.end() && found.list[0].leaf() && number == "1";
    if (entity == found.list.end() && !whole) {
      result_.undone.push_back(base::Cat("part ", number, " was not taken out: there is none"));
      return;
    }
    const size_t index = whole ? 0 : static_cast<size_t>(entity - found.list.begin());
    if (index > 0 && IsSealed(found.list, found.list[index].parent)) {
      result_.undone.push_back(
          base::Cat("part ", number, " was not taken out: it is signed or encrypted"));
      return;
    }
    const std::string message = std::move(result_.message);
    absl::StatusOr<HeaderBlock> header = HeaderOf(message, found.list[index]);
    if (!header.ok())
      return GiveUp(message,
                    base::Cat("part ", number, " was not taken out: its header is too big"));
    header->RemoveByPrefix("Content-");
    header->Append("Content-Type", "text/plain; charset=utf-8");
    header->Append("Content-Transfer-Encoding", "quoted-printable");
    result_.message = WithHeader(message, found.list[index], *header, EncodeQuotedPrintable(note));
  }

  Rewritten result_;
};

}  // namespace

Rewritten Rewrite(std::string message, std::span<const Change> changes) {
  Rewriter rewriter(std::move(message));
  for (const Change& change : changes) std::visit(rewriter, change);
  return rewriter.Take();
}

}  // namespace cleanmail::mail::mime
