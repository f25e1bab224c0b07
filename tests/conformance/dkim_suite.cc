// Two DKIM suites (README.md here):
//   dkim_suite corpus FOLDER [MIN_RSA_BITS]   Mail::DKIM's messages, FAKE_DNS.dat and expected.tsv
//   dkim_suite bodies FOLDER TABLE            messages and the body-hash outcome of each signature
//   field
//   dkim_suite forms FOLDER                   how many fields of real messages (*.eml) can be read
// Prints what differs and the counts; fails when something did.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "libs/mail/auth/arc/verifier.h"
#include "libs/mail/auth/dkim/verifier.h"
#include "libs/mail/auth/dmarc/author.h"
#include "libs/mail/auth/fake_zone.h"
#include "libs/mail/auth/results/authentication_results.h"
#include "libs/mail/mime/header_block.h"

namespace {

namespace auth = cleanmail::mail::auth;
namespace dkim = auth::dkim;
using cleanmail::mail::auth::FakeZone;
using cleanmail::mail::auth::Lookups;
using cleanmail::mail::mime::HeaderBlock;

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Rows of a tab-separated table by the names in its first line.
std::vector<std::map<std::string, std::string>> ReadTable(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::vector<std::map<std::string, std::string>> rows;
  std::vector<std::string> names;
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> cells;
    std::istringstream parts(line);
    for (std::string cell; std::getline(parts, cell, '\t');) cells.push_back(cell);
    if (names.empty()) {
      names = cells;
      continue;
    }
    cells.resize(names.size());
    auto& row = rows.emplace_back();
    for (size_t i = 0; i < names.size(); ++i) row[names[i]] = cells[i];
  }
  return rows;
}

FakeZone ReadZone(const std::filesystem::path& path) {
  FakeZone zone;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const size_t space = line.find_first_of(" \t");
    if (line.empty() || line[0] == '#' || space == line.npos) continue;
    const std::string name = line.substr(0, space);
    const std::string data = line.substr(line.find_first_not_of(" \t", space));
    if (data.starts_with("~~"))
      zone.Trouble(name);
    else if (data != "NXDOMAIN")
      zone.Text(name, data);
  }
  return zone;
}

std::vector<dkim::Verdict> Verify(const std::string& message, const FakeZone& zone, int min_bits) {
  const auto header = HeaderBlock::Parse(message);
  if (!header.ok()) return {};
  const dkim::HeaderIndex index(*header);
  dkim::BodyHashes body;
  const dkim::Verifier verifier(index, body,
                                {.now_seconds = 1'700'000'000, .min_rsa_bits = min_bits});
  body.Add(std::string_view(message).substr(header->body_offset()));
  body.Finish();
  return zone.Run([&](Lookups& lookups) { return verifier.Verdicts(lookups); });
}

// pass, fail, invalid for the whole message; "refused" when only the policy on old algorithms and
// short keys stood against it; "draft" for signatures of drafts before v=1; "none" without any.
std::string Summary(const std::vector<dkim::Verdict>& verdicts) {
  std::string summary = "none";
  const bool drafts = std::all_of(verdicts.begin(), verdicts.end(), [](const auto& verdict) {
    return verdict.reason == "unknown version";
  });
  if (drafts && !verdicts.empty()) return "draft";
  for (const dkim::Verdict& verdict : verdicts) {
    const bool old = verdict.reason.find("rsa-sha1") != std::string::npos ||
                     verdict.reason.find("too short") != std::string::npos;
    if (verdict.result == dkim::Result::kPass) return "pass";
    if (verdict.result == dkim::Result::kFail)
      summary = "fail";
    else if (old && summary != "fail")
      summary = "refused";
    else if (summary == "none")
      summary = "invalid";
  }
  return summary;
}

int RunCorpus(const std::filesystem::path& folder, int min_bits) {
  const FakeZone zone = ReadZone(folder / "FAKE_DNS.dat");
  int same = 0, differ = 0, refused = 0, drafts = 0, historic = 0;
  for (const auto& row : ReadTable(folder / "expected.tsv")) {
    const std::string& file = row.at("file");
    const auto verdicts = Verify(ReadFile(folder / "corpus" / file), zone, min_bits);
    const std::string summary = Summary(verdicts);
    if (summary == "none")
      ++historic;
    else if (summary == "draft" && row.at("expected") != "invalid")
      ++drafts;
    else if (summary == "draft")
      ++same;
    else if (summary == "refused")
      ++refused;
    else if (summary == row.at("expected"))
      ++same;
    else {
      ++differ;
      std::cout << "  differs: " << file << ": " << summary << ", expected " << row.at("expected")
                << (row.at("skipped_upstream").empty() ? "" : " (skipped upstream)") << " ("
                << row.at("note") << "):";
      for (const auto& verdict : verdicts)
        std::cout << " " << ToText(verdict.result) << ": " << verdict.reason << ";";
      std::cout << "\n";
    }
  }
  std::cout << "Mail::DKIM corpus, RSA keys of at least " << min_bits << " bits: " << same
            << " as expected, " << differ << " differ, " << refused
            << " refused by policy (rsa-sha1 or a short key), " << drafts
            << " signed by a draft before v=1, " << historic
            << " without a DKIM signature (DomainKeys)\n";
  return differ == 0 && same > 0 ? 0 : 1;
}

// The messages are stored with LF alone; the canonicaliser takes that for CRLF.
std::string BodyOutcome(const HeaderBlock& header, const std::string& message,
                        const std::string& name, size_t wanted) {
  size_t index = 0;
  for (const auto& field : header.fields()) {
    if (field.name != name || index++ != wanted) continue;
    const bool arc = name == "ARC-Message-Signature";
    const auto parsed = dkim::ParseSignature(
        field.raw_value(), arc ? dkim::Flavour::kArcMessage : dkim::Flavour::kDkim);
    if (!parsed.ok()) return std::string(parsed.status().message());
    dkim::BodyHash body(parsed->body_form, parsed->body_limit);
    body.Add(std::string_view(message).substr(header.body_offset()));
    body.Finish();
    return body.hash() == parsed->body_hash ? "match" : "differ";
  }
  return "no such field";
}

int RunBodies(const std::filesystem::path& folder, const std::filesystem::path& table) {
  int same = 0, differ = 0;
  for (const auto& row : ReadTable(table)) {
    const std::string message = ReadFile(folder / row.at("file"));
    const auto header = HeaderBlock::Parse(message);
    const std::string outcome =
        header.ok() ? BodyOutcome(*header, message, row.at("field"), std::stoul(row.at("index")))
                    : "no header";
    if (outcome == row.at("body_hash")) {
      ++same;
    } else {
      ++differ;
      std::cout << "  differs: " << row.at("file") << " " << row.at("field") << " "
                << row.at("index") << ": " << outcome << "\n";
    }
  }
  std::cout << "body hashes: " << same << " as expected, " << differ << " differ\n";
  return differ == 0 && same > 0 ? 0 : 1;
}

// How much of what real mail has in its fields can be read at all; no keys are asked for.
int RunForms(const std::filesystem::path& folder) {
  std::map<std::string, std::pair<int, int>> counts;  // sound, all
  std::map<std::string, int> problems;
  const auto count = [&](const std::string& what, bool sound, const std::string& problem) {
    ++counts[what].second;
    if (sound)
      ++counts[what].first;
    else
      ++problems[what + ": " + problem];
  };
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".eml") continue;
    const std::string message = ReadFile(entry.path());
    const auto header = HeaderBlock::Parse(message);
    if (!header.ok()) continue;
    count("From", auth::dmarc::ReadAuthor(*header).readable, "not readable");
    for (const auto& field : header->fields()) {
      if (field.name == "DKIM-Signature") {
        const auto parsed = dkim::ParseSignature(field.raw_value(), dkim::Flavour::kDkim);
        count("DKIM-Signature", parsed.ok(), std::string(parsed.status().message()));
      } else if (field.name == "Authentication-Results") {
        const auto parsed = auth::results::Parse(field.raw_value());
        count("Authentication-Results", parsed.ok(), std::string(parsed.status().message()));
      }
    }
    const dkim::HeaderIndex index(*header);
    dkim::BodyHashes body;
    const auth::arc::Verifier verifier(index, body);
    body.Add(std::string_view(message).substr(header->body_offset()));
    body.Finish();
    const auto arc = FakeZone().Run([&](Lookups& lookups) { return verifier.Check(lookups); });
    const bool sound = arc.reason == "no key" || arc.reason == "the body was changed";
    if (arc.status != auth::arc::Status::kNone) count("ARC chain", sound, arc.reason);
  }
  for (const auto& [what, count] : counts)
    std::cout << what << ": " << count.first << " of " << count.second << " read\n";
  for (const auto& [what, times] : problems) std::cout << "  " << times << " x " << what << "\n";
  return counts.empty() ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "corpus" && argc >= 3)
    return RunCorpus(argv[2], argc > 3 ? std::stoi(argv[3]) : dkim::kMinRsaBits);
  if (mode == "bodies" && argc == 4) return RunBodies(argv[2], argv[3]);
  if (mode == "forms" && argc == 3) return RunForms(argv[2]);
  std::cerr
      << "usage: dkim_suite corpus FOLDER [MIN_RSA_BITS] | bodies FOLDER TABLE | forms FOLDER\n";
  return 2;
}
