// Every part that Mime4j decodes from its messages is among the contents we find, white space aside
// (a line end more or less is a matter of taste), or the difference is known and named.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "libs/mail/mime/contents.h"

namespace {

namespace mime = cleanmail::mail::mime;
namespace fs = std::filesystem;

// Decoded part -> what we see there.
const std::map<std::string, std::string> kKnown = {
    {"malformedHeaderStartsBody-nocrlfcrlf_decoded_1.txt",
     "a header that goes over into text: ours begins at its first such line, Mime4j's at the last"},
    {"malformedHeaderStartsBody-noheader_decoded_1.txt", "the same"},
    {"multipartnestedemptyparts_decoded_1_1.txt",
     "a part without header or empty line: Mime4j takes the boundaries within for its text"},
    {"very-long-boundary_decoded_1_1.txt",
     "a boundary line cut by a length: ours are both readings, neither with Mime4j's ends"},
    {"very-very-long-boundary_decoded_1_1.txt", "the same"},
    {"weird-boundary_decoded_1_1.txt", "the same"},
};

std::string Read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string WithoutBlanks(std::string_view text) {
  std::string kept;
  std::ranges::copy_if(text, std::back_inserter(kept),
                       [](char c) { return c != ' ' && c != '\t' && c != '\r' && c != '\n'; });
  return kept;
}

std::vector<fs::path> Files(std::string_view extension) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator("tests/conformance/mime4j")) {
    if (entry.path().extension() == extension) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

TEST(Mime4jTest, EveryDecodedPartIsAmongTheContents) {
  std::vector<fs::path> parts = Files(".txt");
  std::ranges::copy(Files(".bin"), std::back_inserter(parts));
  int messages = 0;
  int found = 0;
  for (const fs::path& file : Files(".msg")) {
    ++messages;
    const std::string message = Read(file);
    const mime::Contents contents = mime::ReadContents(message, mime::FindEntities(message));
    for (const fs::path& part : parts) {
      const std::string name = part.filename().string();
      if (!name.starts_with(file.stem().string() + "_decoded_") || kKnown.contains(name)) continue;
      const std::string expected = WithoutBlanks(Read(part));
      const bool there = std::ranges::any_of(contents.list, [&](const mime::Content& one) {
        return WithoutBlanks(one.decoded()) == expected;
      });
      EXPECT_TRUE(there || expected.empty()) << name;
      ++found;
    }
  }
  EXPECT_EQ(messages, 32);
  EXPECT_EQ(found, 34);
}

TEST(Mime4jTest, T_B2_BrokenMessagesAreCalledSo) {
  for (const char* name : {"missing-boundary", "missing-inner-boundary", "weird-boundary",
                           "malformedHeader-nocrlfcrlf"}) {
    const std::string message = Read(std::string("tests/conformance/mime4j/") + name + ".msg");
    ASSERT_FALSE(message.empty()) << name;
    EXPECT_FALSE(mime::ReadContents(message, mime::FindEntities(message)).ambiguities.empty())
        << name;
  }
}

}  // namespace
