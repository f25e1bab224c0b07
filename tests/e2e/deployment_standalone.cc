// One process, standalone.
#include "libs/app/test_process.h"
#include "libs/base/cat.h"
#include "services/allinone/rooms.h"
#include "tests/e2e/deployment.h"

namespace cleanmail::e2e {
namespace {

std::string ToYaml(const Settings& settings) {
  std::string yaml = base::Cat("app:\n  spool: { min_free_bytes: 1 }\n", settings.app);
  for (const auto& [room, lines] : settings.rooms) {
    if (!lines.empty()) yaml += base::Cat(room, ":\n", lines);
  }
  return yaml;
}

class Standalone final : public Deployment {
 public:
  explicit Standalone(const Settings& settings)
      : process_(app::StartForTest(ToYaml(settings), allinone::Rooms())) {}

  void Restart() override { process_->Restart(); }
  void ForEach(const std::function<void(app::Process&, const std::string&)>& visit) override {
    visit(**process_, FolderOf(""));
  }
  app::Process& ProcessOf(std::string_view) override { return **process_; }
  std::string FolderOf(std::string_view) override { return base::Cat(process_->folder(), "/data"); }

 private:
  const std::unique_ptr<app::TestProcess> process_;
};

}  // namespace

std::unique_ptr<Deployment> Deployment::Start(const Settings& settings) {
  return std::make_unique<Standalone>(settings);
}

}  // namespace cleanmail::e2e
