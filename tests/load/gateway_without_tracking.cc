// `gateway_without_tracking serve --config FILE`: `cleanmail serve` without the room that remembers
// what happened.
#include <vector>

#include "libs/app/run_main.h"
#include "services/allinone/rooms.h"

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::vector<cleanmail::app::Factory> rooms = cleanmail::allinone::Rooms();
  std::erase_if(rooms, [](const auto& room) { return room.name == "reporting"; });
  return cleanmail::app::RunMain(argc - 1, argv + 1, std::move(rooms));
}
