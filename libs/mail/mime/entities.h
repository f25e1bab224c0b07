#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "libs/mail/mime/ambiguity.h"
#include "libs/mail/mime/structure.h"

namespace cleanmail::mail::mime {

// A header and its body (RFC 2045 §2.4): the message itself, a part of a multipart, a message
// within. Positions are offsets in the message it was found in.
struct Entity {
  static constexpr size_t kNone = static_cast<size_t>(-1);

  // The numbers of the parts on the way, "1.2", as IMAP counts (RFC 9051 §6.4.5); of a container
  // that is itself a message, what it adds in front of its parts' numbers.
  std::string number;
  size_t parent = kNone;  // index of the container it is in
  size_t begin = 0;       // where its header begins
  size_t body = 0;        // where its body begins
  size_t end = 0;         // behind its last byte; the line end before a boundary is not its own
  std::string type;       // "text/plain", lower case; what RFC 2045 §5.2 says where none is given
  bool multipart = false;
  bool message = false;  // holds a message: message/rfc822, message/global

  bool leaf() const { return !multipart && !message; }
};

// What the header of a leaf says of it, decoded.
struct EntityFacts {
  std::string name;                    // file name; empty without one
  std::vector<std::string> names;      // every name a program may show, `name` the first
  std::string disposition;             // "inline", "attachment", empty
  std::string encoding;                // transfer encoding, lower case: "base64"
  std::vector<std::string> encodings;  // every one a program may read, `encoding` the first
  bool flowed = false;                 // format=flowed (RFC 3676)
  bool del_sp = false;                 // DelSp=yes
  std::string charset;                 // lower case; empty where none is named
  // Whether programs show it as an attachment: it has a name, or says so, or is no text.
  bool attachment = false;
};

struct Entities {
  std::vector<Entity> list;  // in the order they begin; the message itself first
  Structure structure;
  std::vector<Ambiguity> ambiguities;  // at most 50
  // How many readings of a content type there are where there are most: 1 in well-formed mail.
  size_t type_readings = 1;
};

// Which way to read what programs read differently.
struct Reading {
  size_t type = 0;  // which of the readings of a content type (content_fields.h), the last if fewer
  bool loose = false;       // what begins like a boundary is one, also behind the closing one, of
                            // the outermost container that has it
  bool early_body = false;  // a header ends at the first line that is no field
  bool guess = false;       // a multipart without a boundary has the first line that looks like one

  bool operator==(const Reading&) const = default;
};

// Walks the message once, by content types and boundary lines (RFC 2046 §5.1): time grows with the
// bytes times at most the depth limit, memory with the number of entities. An entity whose header
// cannot be read counts as a leaf. Past a limit the walk stops, and structure says so.
// Where programs differ, `ambiguities` says so; `reading` says which way is gone.
Entities FindEntities(std::string_view message, StructureLimits limits = {},
                      const Reading& reading = {});

EntityFacts FactsOf(std::string_view message, const Entity& entity);

// The body of a leaf without its transfer encoding (base64, quoted-printable; others as they are).
std::string DecodedBody(std::string_view message, const Entity& entity, std::string_view encoding);

// Whether `index` is, or lies in, something signed (multipart/signed, S/MIME, PGP/MIME): changing a
// byte of it would break the signature. Encrypted parts count.
bool IsSealed(const std::vector<Entity>& entities, size_t index);

}  // namespace cleanmail::mail::mime
