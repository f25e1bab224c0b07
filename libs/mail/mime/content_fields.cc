#include "libs/mail/mime/content_fields.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "libs/base/cat.h"
#include "libs/mail/mime/parameters.h"
#include "libs/mail/mime/structure.h"

namespace cleanmail::mail::mime {
namespace {

constexpr size_t kMostReadings = 12;

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return lower;
}

std::string_view TrimRight(std::string_view text) {
  while (!text.empty() && (IsBlank(text.back()) || text.back() == '\r' || text.back() == '\n'))
    text.remove_suffix(1);
  return text;
}

std::string_view Trim(std::string_view text) {
  text = TrimRight(text);
  const size_t begin = text.find_first_not_of(" \t\r\n");
  return text.substr(std::min(begin, text.size()));
}

template <class T>
void AddNew(std::vector<T>& list, T value) {
  if (list.size() < kMostReadings && std::ranges::find(list, value) == list.end())
    list.push_back(std::move(value));
}

void Keep(std::vector<std::string>& list, std::string value) {
  if (list.size() < ContentFields::kMostRepeats) {
    list.push_back(std::move(value));
  } else {
    list.back() = std::move(value);
  }
}

// Puts a field away if it is one of ours.
void KeepField(std::string_view field, ContentFields& fields) {
  if (!absl::StartsWithIgnoreCase(base::AbslView(field), base::AbslView("content-"))) return;
  const size_t colon = field.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view written = field.substr(0, colon);
  const std::string name = Lower(TrimRight(written));
  std::vector<std::string>* list = name == "content-type"                ? &fields.type
                                   : name == "content-transfer-encoding" ? &fields.encoding
                                   : name == "content-disposition"       ? &fields.disposition
                                                                         : nullptr;
  if (list == nullptr) return;
  if (name.size() != written.size()) fields.odd_name = true;
  Keep(*list, std::string(field.substr(colon + 1)));
}

std::string TypeOrDefault(std::string_view value) {
  const size_t slash = value.find('/');
  const bool legible = slash != std::string_view::npos && slash > 0 && slash + 1 < value.size();
  return legible ? std::string(value) : "text/plain";
}

}  // namespace

bool BeginsField(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view name = TrimRight(line.substr(0, colon));
  return !name.empty() && std::ranges::all_of(name, [](char c) { return c > 0x20 && c < 0x7f; });
}

ContentFields ReadContentFields(std::string_view header) {
  ContentFields fields;
  std::string_view field;
  bool first = true;
  while (!header.empty()) {
    const size_t end = header.find('\n');
    const std::string_view line = header.substr(0, end == std::string_view::npos ? end : end + 1);
    header.remove_prefix(line.size());
    if (IsBlank(line.front()) && !first) {
      field = std::string_view(field.data(), field.size() + line.size());
      continue;
    }
    if (IsBlank(line.front()) && !TrimRight(line).empty()) fields.odd_name = true;
    KeepField(field, fields);
    field = line;
    first = false;
  }
  KeepField(field, fields);
  for (const auto* list : {&fields.type, &fields.encoding, &fields.disposition}) {
    for (const std::string& value : *list) {
      fields.nul = fields.nul || value.find('\0') != std::string::npos;
      for (size_t cr = value.find('\r'); cr != std::string::npos; cr = value.find('\r', cr + 1))
        fields.bare_cr = fields.bare_cr || (cr + 1 < value.size() && value[cr + 1] != '\n');
    }
  }
  return fields;
}

std::vector<TypeReading> TypeReadings(const ContentFields& fields) {
  std::vector<TypeReading> readings;
  for (const std::string& field : fields.type) {
    const Parameters parameters = ParseParameters(field);
    const std::string type = TypeOrDefault(parameters.value);
    std::vector<std::string> boundaries;
    if (type.starts_with("multipart/")) {
      // The plain form first: few programs know RFC 2231 for boundaries.
      for (std::string& value : ReadParameter(field, "boundary"))
        AddNew(boundaries, std::string(TrimRight(value)));
      const std::string plain(TrimRight(ParseContentType(field).boundary));
      AddNew(boundaries, plain);
      if (plain != boundaries.front())
        AddNew(boundaries, plain.substr(0, plain.find_first_of(" \t()")));
      std::erase(boundaries, "");
    }
    if (boundaries.empty()) boundaries.emplace_back();
    for (std::string& boundary : boundaries) AddNew(readings, {type, std::move(boundary)});
  }
  if (readings.empty()) readings.push_back({.type = "text/plain", .boundary = {}});
  return readings;
}

std::vector<std::string> EncodingReadings(const ContentFields& fields) {
  std::vector<std::string> readings;
  for (const std::string& field : fields.encoding) {
    std::string value = ParseParameters(field).value;
    std::erase(value, '"');
    AddNew(readings, value);
    // What is no plain word, some programs do not know.
    const std::string_view plain = Trim(field);
    if (plain.find('(') == std::string_view::npos && Lower(plain) != value)
      AddNew(readings, std::string());
    // Written around or cut: "base64;", "x-base64", "base 64 encoded".
    const std::string lower = Lower(field);
    for (const std::string_view known : {"base64", "quoted-printable", "uue"}) {
      if (lower.find(known) != std::string::npos && value != known)
        AddNew(readings, std::string(known));
    }
  }
  if (readings.empty()) readings.emplace_back();
  return readings;
}

std::vector<std::string> NameReadings(const ContentFields& fields) {
  std::vector<std::string> names;
  for (const std::string& field : fields.disposition) {
    for (std::string& value : ReadParameter(field, "filename")) AddNew(names, std::move(value));
  }
  for (const std::string& field : fields.type) {
    for (std::string& value : ReadParameter(field, "name")) AddNew(names, std::move(value));
  }
  std::erase(names, "");
  // Encoded words that were not read end like the ones that were: nobody is fooled by them.
  if (!names.empty()) {
    const std::string first = names.front();
    std::erase_if(names, [&](const std::string& name) {
      return name != first && name.find("=?") != std::string::npos;
    });
  }
  return names;
}

}  // namespace cleanmail::mail::mime
