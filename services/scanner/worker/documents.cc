#include "services/scanner/worker/documents.h"

#include <algorithm>
#include <array>
#include <span>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "libs/base/cat.h"

namespace cleanmail::scanner::worker {
namespace {

using std::string_view_literals::operator""sv;

constexpr size_t kMostMacroBytes = 4 << 20;
constexpr size_t kMostStream = 8 << 20;
constexpr size_t kMostScript = 8 << 20;

constexpr std::string_view kStarts[] = {"autoopen",
                                        "auto_open",
                                        "document_open",
                                        "workbook_open",
                                        "autoexec",
                                        "auto_close",
                                        "autoclose",
                                        "document_close",
                                        "workbook_activate",
                                        "autonew",
                                        "document_new",
                                        "workbook_beforeclose",
                                        "inkpicture1_painted",
                                        "_layout(",
                                        "_onconnecting",
                                        "presentation_open"};
constexpr std::string_view kCalls[] = {
    "shell",        "createobject", "urldownloadtofile", "powershell", "wscript", "getobject",
    "adodb.stream", "xmlhttp",      "virtualalloc",      "callbyname", "environ", "shellexecute"};

// The first of `words` in lower-case `text`.
std::string FirstOf(std::span<const std::string_view> words, std::string_view text) {
  for (const std::string_view word : words) {
    if (text.find(word) != std::string_view::npos) return std::string(word);
  }
  return "";
}

std::string Lower(std::string_view text) { return absl::AsciiStrToLower(base::AbslView(text)); }

bool EndsWithName(std::string_view path, std::string_view name) {
  const size_t slash = path.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? path : path.substr(slash + 1);
  return Lower(last) == name;
}

// The source of a module begins with the words "Attribute VB_Name", which as the first of a
// container stand there literally ([MS-OVBA] §2.4.1.1.7): flag byte 0, then eight letters.
void ReadModule(std::string_view stream, DocumentFacts& facts) {
  for (size_t at = stream.find("\0Attribut"sv); at != std::string_view::npos;
       at = stream.find("\0Attribut"sv, at + 1)) {
    if (at < 3) continue;
    const std::string source = Lower(DecompressVba(stream.substr(at - 3), kMostMacroBytes));
    // Every module has attributes; only procedures make it a macro.
    if (facts.runs_itself.empty()) facts.runs_itself = FirstOf(kStarts, source);
    if (facts.calls.empty()) facts.calls = FirstOf(kCalls, source);
  }
}

// Excel 4 macro sheets: records of the Workbook stream that name sheets ([MS-XLS] §2.4.28).
bool HasMacroSheet(std::string_view workbook) {
  for (size_t at = 0; at + 4 <= workbook.size();) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(workbook[at + i]); };
    const unsigned type = byte(0) | byte(1) << 8;
    const size_t length = byte(2) | byte(3) << 8;
    if (type == 0x0085 && length >= 6 && at + 10 <= workbook.size() && byte(9) == 1) return true;
    if (type == 0x000A) return false;  // sheets are named before the globals end
    at += 4 + length;
  }
  return false;
}

// "/JavaScript", also as "/J#61vaScript" (ISO 32000-1 §7.3.5).
std::string PlainNames(std::string_view bytes) {
  std::string plain;
  plain.reserve(bytes.size());
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == '#' && i + 2 < bytes.size() && absl::ascii_isxdigit(bytes[i + 1]) &&
        absl::ascii_isxdigit(bytes[i + 2])) {
      const auto digit = [](char c) {
        return absl::ascii_isdigit(c) ? c - '0' : absl::ascii_tolower(c) - 'a' + 10;
      };
      plain.push_back(static_cast<char>(digit(bytes[i + 1]) * 16 + digit(bytes[i + 2])));
      i += 2;
    } else {
      plain.push_back(bytes[i]);
    }
  }
  return plain;
}

// `name` stands in `text` as a whole name.
bool HasName(std::string_view text, std::string_view name) {
  for (size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    const size_t end = at + name.size();
    if (end >= text.size() || !absl::ascii_isalnum(text[end])) return true;
  }
  return false;
}

// The longest run of letters as base64 or hexadecimal writes them.
size_t LongestRun(std::string_view text) {
  size_t longest = 0, run = 0;
  for (const char c : text) {
    run = absl::ascii_isalnum(c) || c == '+' || c == '/' || c == '=' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest;
}

// Lower case, UTF-16 as one byte a character: how pages are searched.
std::string Searched(std::string_view html) {
  std::string text;
  for (const char c : html.substr(0, kMostScript)) {
    if (c != '\0') text.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
  }
  return text;
}

}  // namespace

std::string DecompressVba(std::string_view container, size_t most) {
  std::string out;
  if (container.empty() || container[0] != 1) return out;
  size_t at = 1;
  while (at + 2 <= container.size() && out.size() < most) {
    const unsigned header = static_cast<uint8_t>(container[at]) |
                            static_cast<unsigned>(static_cast<uint8_t>(container[at + 1])) << 8;
    if ((header >> 12 & 7) != 3) break;
    const size_t end = std::min(container.size(), at + (header & 0xFFF) + 3);
    at += 2;
    const size_t begin = out.size();
    if ((header & 0x8000) == 0) {
      out.append(container.substr(at, end - at));
      at = end;
      continue;
    }
    while (at < end) {
      unsigned flags = static_cast<uint8_t>(container[at++]);
      for (int bit = 0; bit < 8 && at < end; ++bit, flags >>= 1) {
        if ((flags & 1) == 0) {
          out.push_back(container[at++]);
          continue;
        }
        if (at + 2 > end) return out;
        const unsigned token = static_cast<uint8_t>(container[at]) |
                               static_cast<unsigned>(static_cast<uint8_t>(container[at + 1])) << 8;
        at += 2;
        const size_t so_far = out.size() - begin;
        int bits = 4;  // of the offset; grows with what the chunk has so far
        while ((size_t{1} << bits) < so_far) ++bits;
        const unsigned length_mask = 0xFFFFu >> bits;
        const size_t length = (token & length_mask) + 3;
        const size_t offset = (token >> (16 - bits)) + 1;
        if (offset > so_far) return out;
        for (size_t i = 0; i < length; ++i) out.push_back(out[out.size() - offset]);
      }
    }
  }
  return out;
}

DocumentFacts LookAtCompoundFile(const CompoundFile& file) {
  DocumentFacts facts;
  for (const CompoundFile::Entry& entry : file.entries()) {
    const std::string path = Lower(entry.path);
    if (EndsWithName(path, "_vba_project") || EndsWithName(path, "_vba_project_cur") ||
        (entry.storage && EndsWithName(path, "macros")))
      facts.macros = true;
    if (EndsWithName(path, "encryptioninfo") || EndsWithName(path, "encryptedpackage"))
      facts.encrypted = true;
    // Names of an installer's tables are packed into characters no document uses.
    if (path.find("\xE4\xA1\x80") != std::string::npos) facts.installer = true;
    if (entry.storage) continue;
    if (path.find("vba/") != std::string::npos) ReadModule(file.Read(entry, kMostStream), facts);
    if ((path == "workbook" || path == "book") && HasMacroSheet(file.Read(entry, kMostStream))) {
      facts.macros = true;
      facts.calls = "an Excel 4 macro sheet";
    }
    // FILEPASS, right behind the first record: the sheet is encrypted ([MS-XLS] §2.4.117).
    if (path == "workbook" || path == "book") {
      const std::string begin = file.Read(entry, 4096);
      for (size_t at = 0; at + 4 <= begin.size() && at < 200;) {
        const unsigned type = static_cast<uint8_t>(begin[at]) |
                              static_cast<unsigned>(static_cast<uint8_t>(begin[at + 1])) << 8;
        if (type == 0x002F) facts.encrypted = true;
        at += 4 + (static_cast<uint8_t>(begin[at + 2]) |
                   static_cast<size_t>(static_cast<uint8_t>(begin[at + 3])) << 8);
      }
    }
    // fEncrypted of the document's base ([MS-DOC] §2.5.2).
    if (path == "worddocument") {
      const std::string begin = file.Read(entry, 12);
      if (begin.size() == 12 && (begin[11] & 1) != 0) facts.encrypted = true;
    }
  }
  return facts;
}

DocumentFacts LookAtVbaProject(std::string_view bytes) {
  DocumentFacts facts;
  if (const auto file = CompoundFile::Open(bytes); file.ok()) facts = LookAtCompoundFile(*file);
  facts.macros = true;
  return facts;
}

DocumentFacts LookAtPdf(std::string_view bytes) {
  DocumentFacts facts;
  const std::string text = PlainNames(bytes);
  const auto add = [&facts](std::string_view what) {
    facts.active += base::Cat(facts.active.empty() ? "" : ", ", what);
  };
  if (HasName(text, "/JavaScript") || HasName(text, "/JS")) add("scripts");
  if (HasName(text, "/Launch")) add("starts a program");
  if (HasName(text, "/EmbeddedFile") || HasName(text, "/EmbeddedFiles")) add("holds files");
  if (HasName(text, "/RichMedia")) add("holds rich media");
  facts.encrypted = HasName(text, "/Encrypt");
  return facts;
}

std::string FindSmuggling(std::string_view html) {
  const std::string text = Searched(html);
  const auto has = [&text](std::string_view word) { return text.find(word) != std::string::npos; };
  if (!has("<script") && !has("onload") && !has("onerror")) return "";
  constexpr std::string_view kHandsOut[] = {"mssaveoropenblob",   "mssaveblob",
                                            "createobjecturl",    "data:application/",
                                            "showsavefilepicker", "data:text/html;base64"};
  constexpr std::string_view kBuilds[] = {"new blob",     "atob(",       "uint8array",
                                          "fromcharcode", ".charcodeat", "new file("};
  const std::string hands_out = FirstOf(kHandsOut, text);
  const std::string builds = FirstOf(kBuilds, text);
  const size_t run = LongestRun(text);
  if (hands_out.empty() || builds.empty() || run < 500) return "";
  return base::Cat(builds, " and ", hands_out, " over ", run, " encoded characters");
}

std::string FindHiddenScript(std::string_view html) {
  const std::string text = Searched(html);
  constexpr std::string_view kHidden[] = {
      "document.write(unescape(", "document.write(atob(",      "eval(atob(",
      "eval(unescape(",           "document.write(decodeuri",  "eval(function(p,a,c,k,e",
      "innerhtml=atob(",          "eval(string.fromcharcode(", "document.write(window.atob(",
      "window.location=atob(",    "location.href=atob("};
  std::string dense;
  std::ranges::copy_if(text, std::back_inserter(dense),
                       [](char c) { return !absl::ascii_isspace(static_cast<unsigned char>(c)); });
  return FirstOf(kHidden, dense);
}

bool HasScript(std::string_view svg) {
  const std::string text = Searched(svg);
  for (const char* mark : {"<script", "javascript:", "<foreignobject",
                           "onload=", "onclick=", "onmouseover=", "<handler", "data:text/html"}) {
    if (text.find(mark) != std::string::npos) return true;
  }
  return false;
}

}  // namespace cleanmail::scanner::worker
