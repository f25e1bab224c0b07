#include "services/scanner/worker/inspection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "services/scanner/worker/test_files.h"

namespace cleanmail::scanner::worker {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// Finds the word "worm".
class WormEngine final : public FileEngine {
 public:
  std::string_view name() const override { return "worms"; }
  v1::EngineState State() const override { return {}; }
  absl::StatusOr<std::vector<Match>> Scan(std::string_view bytes) override {
    if (bytes.find("worm") == std::string_view::npos) return std::vector<Match>();
    return std::vector<Match>{{Match::Kind::kMalware, "Worm"}};
  }
};

v1::InspectionLimits Limits() {
  v1::InspectionLimits limits;
  limits.set_depth(5);
  limits.set_files(1000);
  limits.set_file_bytes(25 << 20);
  limits.set_total_bytes(100 << 20);
  limits.set_ratio(250);
  limits.set_archive_millis(5000);
  limits.set_picture_pixels(16'000'000);
  return limits;
}

class InspectionTest : public ::testing::Test {
 protected:
  v1::ScanAnswer Look(const std::string& name, const std::string& bytes) {
    v1::ScanTask task;
    task.set_message_bytes(0);
    v1::ScanTask::Item& item = *task.add_items();
    item.set_size(static_cast<int64_t>(bytes.size()));
    item.set_number("2");
    item.add_names(name);
    item.set_attachment(true);
    for (const std::string& word : passwords_) task.add_passwords(word);
    std::vector<std::unique_ptr<FileEngine>> engines;
    engines.push_back(std::make_unique<WormEngine>());
    return Inspect(task, bytes, limits_, engines);
  }
  // "FINDING evidence" of each.
  std::vector<std::string> Seen(const std::string& name, const std::string& bytes) {
    const v1::ScanAnswer answer = Look(name, bytes);
    EXPECT_EQ(answer.error(), "");
    std::vector<std::string> all;
    for (const v1::Observation& one : answer.observations())
      all.push_back(base::Cat(one.finding(), " ", one.evidence()));
    return all;
  }

  v1::InspectionLimits limits_ = Limits();
  std::vector<std::string> passwords_;
};

TEST_F(InspectionTest, AnOrdinaryDocumentHasNoFindings) {
  EXPECT_THAT(Seen("a.txt", "hello"), IsEmpty());
  EXPECT_THAT(Seen("a.zip", MakeArchive({{"a.txt", "hello"}, {"b/c.csv", "1,2"}})), IsEmpty());
  EXPECT_THAT(Seen("a.pdf", "%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj"), IsEmpty());
  EXPECT_THAT(Seen("a.html", "<html><script>var a = 1;</script></html>"), IsEmpty());
}

TEST_F(InspectionTest, EveryFormatIsLookedInto) {
  for (const std::string format : {"zip", "7zip", "cpio", "iso9660", "ar", "ustar", "pax"}) {
    EXPECT_THAT(Seen("a.bin", MakeArchive({{"x.txt", "worm"}}, {.format = format})),
                Contains(HasSubstr("Worm in a.bin/")))
        << format;
  }
  for (const std::string filter : {"gzip", "bzip2", "xz", "zstd", "compress", "lz4", "lzma"}) {
    EXPECT_THAT(Seen("a.txt.gz", Compress("worm", filter)),
                ElementsAre(HasSubstr("Worm in a.txt.gz/a.txt")))
        << filter;
    EXPECT_THAT(
        Seen("a.tgz", MakeArchive({{"x.txt", "worm"}}, {.format = "ustar", .filter = filter})),
        Contains(HasSubstr("Worm in a.tgz/x.txt")))
        << filter;
  }
}

TEST_F(InspectionTest, FilesWithinArchivesAreToldWithTheirNames) {
  const std::string inner = MakeArchive({{"deep/setup.exe", "MZ" + std::string(100, '\0')}});
  const v1::ScanAnswer answer = Look("a.zip", MakeArchive({{"b.zip", inner}}));
  ASSERT_EQ(answer.files_size(), 2);
  EXPECT_EQ(answer.files(0).path(), "a.zip/b.zip");
  EXPECT_EQ(answer.files(1).path(), "a.zip/b.zip/deep/setup.exe");
  EXPECT_EQ(answer.files(1).name(), "setup.exe");
  EXPECT_EQ(answer.files(1).number(), "2");
  EXPECT_EQ(answer.files(1).size(), 102);
  EXPECT_EQ(answer.files(1).type(), "application/vnd.microsoft.portable-executable");
  ASSERT_EQ(answer.observations_size(), 1);
  EXPECT_EQ(answer.observations(0).finding(), "DANGEROUS_TYPE");
}

TEST_F(InspectionTest, T_B5_ArchivesPastALimitAreNeverClean) {
  std::string nested = MakeArchive({{"x.txt", "worm"}});
  for (int i = 0; i < 7; ++i) nested = MakeArchive({{base::Cat(i, ".zip"), nested}});
  EXPECT_THAT(Seen("a.zip", nested), ElementsAre(StartsWith("ARCHIVE_LIMIT")));

  std::vector<NamedFile> many;
  for (int i = 0; i < 1100; ++i) many.push_back({base::Cat(i, ".txt"), "x"});
  EXPECT_THAT(Seen("a.zip", MakeArchive(many)),
              ElementsAre(HasSubstr("more files than are looked at")));

  EXPECT_THAT(Seen("a.gz", Compress(std::string(20 << 20, '\0'), "gzip")),
              ElementsAre(HasSubstr("packed too tightly")));

  limits_.set_ratio(0);
  EXPECT_THAT(Seen("a.gz", Compress(std::string(26 << 20, '\0'), "gzip")),
              ElementsAre(HasSubstr("a file is longer than is looked at")));
  const std::string large(20 << 20, '\0');
  EXPECT_THAT(Seen("a.zip", MakeArchive({{"1", large},
                                         {"2", large},
                                         {"3", large},
                                         {"4", large},
                                         {"5", large},
                                         {"6", large}})),
              Contains(HasSubstr("more bytes than are looked at")));
  limits_.set_archive_millis(1);
  EXPECT_THAT(Seen("a.zip", MakeArchive({{"1", large}, {"2", large}, {"3", large}})),
              ElementsAre(HasSubstr("unpacking takes too long")));
}

TEST_F(InspectionTest, T_B5_EntriesThatShareOnePlaceAreUnpackedOnce) {
  // Every entry of the central directory names the same file: small to send, large to unpack.
  const std::string one = MakeArchive({{"a", std::string(300'000, 'a')}});
  const size_t central = one.find("PK\x01\x02");
  const size_t end = one.find("PK\x05\x06");
  ASSERT_NE(central, std::string::npos);
  const std::string entry = one.substr(central, end - central);
  std::string bomb = one.substr(0, central);
  for (int i = 0; i < 50; ++i) bomb += entry;
  std::string tail = one.substr(end);
  tail[8] = tail[10] = 50;
  const auto size = static_cast<uint32_t>(entry.size() * 50);
  for (int i = 0; i < 4; ++i) tail[12 + i] = static_cast<char>(size >> (8 * i));
  const v1::ScanAnswer answer = Look("a.zip", bomb + tail);
  EXPECT_EQ(answer.files_size(), 1);
  EXPECT_EQ(answer.observations_size(), 0);
}

TEST_F(InspectionTest, T_B6_NamesAreTextAndNothingElse) {
  const v1::ScanAnswer answer = Look(
      "a.tar", MakeArchive({{"../../etc/passwd", "worm"}, {"/tmp/$(touch x)`id`;|.txt", "worm"}},
                           {.format = "ustar"}));
  ASSERT_EQ(answer.files_size(), 2);
  EXPECT_EQ(answer.files(0).name(), "passwd");
  EXPECT_EQ(answer.files(1).name(), "$(touch x)`id`;|.txt");
  EXPECT_THAT(answer.observations(0).evidence(), HasSubstr("../../etc/passwd"));
}

TEST_F(InspectionTest, T_B8_EncryptedArchivesAreNamedAndOpenedWithAWordOfTheMessage) {
  for (const std::string encryption : {"zipcrypt", "aes256"}) {
    const std::string zip = MakeArchive({{"a.txt", "a worm"}, {"setup.exe", "x"}},
                                        {.password = "geheim", .encryption = encryption});
    passwords_.clear();
    EXPECT_THAT(Seen("a.zip", zip), ElementsAre("ENCRYPTED_ARCHIVE a.zip",
                                                HasSubstr("DANGEROUS_TYPE a.zip/setup.exe")));
    passwords_ = {"something", "geheim"};
    EXPECT_THAT(Seen("a.zip", zip), Contains("MALWARE Worm in a.zip/a.txt"));
    EXPECT_THAT(Seen("a.zip", zip), Contains(StartsWith("ARCHIVE_WITH_PASSWORD_IN_TEXT")));
  }
}

TEST_F(InspectionTest, T_B8_DocumentsWithMacrosAreFoundInBothKinds) {
  const std::string source =
      "Attribute VB_Name = \"Module1\"\r\nSub AutoOpen()\r\nShell \"cmd /c calc\"\r\nEnd Sub\r\n";
  const std::string document = MakeMacroDocument(source);
  EXPECT_THAT(Seen("a.doc", document),
              ElementsAre("MACRO_DOCUMENT a.doc: shell", "MACRO_RUNS_ITSELF a.doc: autoopen"));
  const std::string project =
      MakeCompoundFile({{"VBA/_VBA_PROJECT", "x"}, {"VBA/Module1", CompressVba(source)}});
  EXPECT_THAT(Seen("a.docm", MakeArchive({{"[Content_Types].xml", "<xml/>"},
                                          {"word/vbaProject.bin", project}})),
              ElementsAre("MACRO_DOCUMENT a.docm: shell", "MACRO_RUNS_ITSELF a.docm: autoopen"));
  EXPECT_THAT(Seen("a.xlsm", MakeArchive({{"xl/macrosheets/sheet1.xml", "<xml/>"}})),
              ElementsAre("MACRO_DOCUMENT a.xlsm: an Excel 4 macro sheet"));
  EXPECT_THAT(Seen("a.doc", MakeCompoundFile({{"WordDocument", std::string(5000, '\x02')}})),
              IsEmpty());
}

TEST_F(InspectionTest, T_B8_EncryptedDocumentsAreNamed) {
  EXPECT_THAT(
      Seen("a.docx", MakeCompoundFile({{"EncryptionInfo", "x"}, {"EncryptedPackage", "y"}})),
      ElementsAre("ENCRYPTED_DOCUMENT a.docx"));
  EXPECT_THAT(Seen("a.pdf", "%PDF-1.7\ntrailer << /Encrypt 5 0 R >>"),
              ElementsAre("ENCRYPTED_DOCUMENT a.pdf"));
}

TEST_F(InspectionTest, T_B8_DangerousTypesAreFoundByContentAndByName) {
  const std::string program = "MZ" + std::string(100, '\0');
  EXPECT_THAT(Seen("a.pdf", program),
              ElementsAre(HasSubstr("DANGEROUS_TYPE a.pdf: a program for Windows"),
                          HasSubstr("TYPE_MISMATCH")));
  EXPECT_THAT(Seen("invoice.pdf.exe", program), Contains("DOUBLE_EXTENSION invoice.pdf.exe"));
  EXPECT_THAT(Seen("invoice.pdf       .js", "x"), Contains(StartsWith("DOUBLE_EXTENSION")));
  EXPECT_THAT(Seen("ann\u202Efdp.exe", program), Contains(StartsWith("REVERSED_NAME")));
  EXPECT_THAT(Seen("a",
                   "\x7F"
                   "ELF" +
                       std::string(60, '\0')),
              Contains(StartsWith("DANGEROUS_TYPE")));
  EXPECT_THAT(Seen("a.ps1", "Get-Item"), Contains(StartsWith("DANGEROUS_TYPE")));
  EXPECT_THAT(Seen("a.dat", std::string("\xE4\x52\x5C\x7B\x8C\xD8\xA7\x4D\xAE\xB1\x53\x78\xD0\x29"
                                        "\x96\xD3") +
                                "x"),
              Contains(HasSubstr("OneNote")));
  EXPECT_THAT(Seen("a.dat", MakeArchive({{"x.txt", "x"}}, {.format = "iso9660"})),
              Contains(HasSubstr("a disk image")));
}

TEST_F(InspectionTest, T_B8_PagesThatBuildFilesAndPicturesWithScriptAreFound) {
  const std::string page =
      base::Cat("<html><script>var d=atob('", std::string(600, 'A'),
                "'); var b=new Blob([d]); a.href=URL.createObjectURL(b); a.download='x.zip'; "
                "a.click();</script></html>");
  EXPECT_THAT(Seen("a.html", page), ElementsAre(StartsWith("HTML_SMUGGLING")));
  EXPECT_THAT(Seen("a.html", "<script>document.write( unescape('%3c'))</script>"),
              ElementsAre(StartsWith("HIDDEN_SCRIPT")));
  EXPECT_THAT(Seen("a.svg", "<svg xmlns='x'><script>1</script></svg>"),
              ElementsAre("SVG_SCRIPT a.svg"));
  EXPECT_THAT(Seen("a.svg", "<svg xmlns='x'><rect/></svg>"), IsEmpty());
  EXPECT_THAT(Seen("a.pdf", "%PDF-1.7\n<< /OpenAction << /S /J#61vaScript /JS (x) >> >>"),
              ElementsAre("ACTIVE_PDF a.pdf: scripts"));
}

TEST_F(InspectionTest, T_B8_FilesWithinDocumentsNotesAndMessagesAreLookedAt) {
  using std::string_literals::operator""s;
  const std::string native =
      "\x20\0\0\0\x02\0label\0setup.exe\0\0\0\x03\0\x03\0\0\0C:\0\x04\0\0\0worm"s;
  EXPECT_THAT(Seen("a.doc", MakeCompoundFile({{"ObjectPool/_1/\x01Ole10Native", native}})),
              Contains(HasSubstr("DANGEROUS_TYPE a.doc/setup.exe")));
  EXPECT_THAT(
      Seen("a.msg",
           MakeCompoundFile(
               {{"__attach_version1.0_#00000000/__substg1.0_37010102", "a worm"},
                {"__attach_version1.0_#00000000/__substg1.0_3707001F", "a\0.\0v\0b\0s\0"s}})),
      Contains(HasSubstr("DANGEROUS_TYPE a.msg/a.vbs")));
  const std::string note = "\xE4\x52\x5C\x7B\x8C\xD8\xA7\x4D\xAE\xB1\x53\x78\xD0\x29\x96\xD3"s +
                           "\xE7\x16\xE3\xBD\x65\x26\x11\x45\xA4\xC4\x8D\x4D\x0B\x7A\x9E\xAC"s +
                           "\x6A\0\0\0\0\0\0\0"s + std::string(12, '\0') + "MZ" +
                           std::string(104, '\0');
  EXPECT_THAT(Seen("a.one", note), Contains(HasSubstr("a.one/: a program for Windows")));
  const std::string mail =
      "From: a@x.example\r\nSubject: x\r\nContent-Type: application/x; name=b.js\r\n"
      "Content-Transfer-Encoding: base64\r\n\r\nYSB3b3Jt\r\n";
  EXPECT_THAT(Seen("a.zip", MakeArchive({{"a.eml", mail}})),
              ElementsAre("MALWARE Worm in a.zip/a.eml/b.js",
                          StartsWith("DANGEROUS_TYPE a.zip/a.eml/b.js")));
}

TEST_F(InspectionTest, T_B8_CodesInPicturesBecomeLinks) {
  const v1::ScanAnswer answer = Look("a.png", MakeQrPng("https://phish.example/login?x=1"));
  ASSERT_EQ(answer.observations_size(), 1);
  EXPECT_EQ(answer.observations(0).finding(), "QR_LINK");
  EXPECT_THAT(answer.links(), ElementsAre("https://phish.example/login?x=1"));
  EXPECT_THAT(Look("a.png", MakeQrPng("WIFI:S:guest;;")).links(), IsEmpty());
}

TEST_F(InspectionTest, BrokenFilesAreSaidToBeBrokenAndNothingFalls) {
  const std::string zip = MakeArchive({{"a.txt", std::string(5000, 'x')}}, {.format = "7zip"});
  EXPECT_THAT(Seen("a.7z", zip.substr(0, zip.size() / 2)),
              ElementsAre(StartsWith("UNKNOWN_ARCHIVE")));
  const std::string document = MakeMacroDocument("Attribute VB_Name");
  for (size_t size = 0; size < document.size(); size += 97) Look("a.doc", document.substr(0, size));
  const std::string picture = MakeQrPng("https://x.example/");
  for (size_t size = 0; size < picture.size(); size += 31) Look("a.png", picture.substr(0, size));
}

TEST(Inspection, ATaskThatNamesBytesItDoesNotHaveIsRefused) {
  v1::ScanTask task;
  task.set_message_bytes(10);
  EXPECT_NE(Inspect(task, "short", Limits(), {}).error(), "");
  task.set_message_bytes(0);
  task.add_items()->set_begin(-1);
  EXPECT_NE(Inspect(task, "short", Limits(), {}).error(), "");
}

}  // namespace
}  // namespace cleanmail::scanner::worker
