// Runs a libFuzzer target over the files of its corpus as an ordinary test: argv[1..] are files.
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

std::vector<std::string> corpus_files;

TEST(Corpus, EveryFileIsHandled) {
  ASSERT_FALSE(corpus_files.empty()) << "a corpus without files tests nothing";
  for (const std::string& file : corpus_files) {
    SCOPED_TRACE(file);
    std::ifstream in(file, std::ios::binary);
    ASSERT_TRUE(in.good());
    const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  }
}

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  corpus_files.assign(argv + 1, argv + argc);
  return RUN_ALL_TESTS();
}
