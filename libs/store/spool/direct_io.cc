#include "libs/store/spool/direct_io.h"

#include <fcntl.h>
#include <unistd.h>

namespace cleanmail::spool {

bool TakesDirectIo(const std::string& folder) {
  const std::string probe = folder + "/direct-io-probe";
  const int file = open(probe.c_str(), O_CREAT | O_WRONLY | O_DIRECT | O_CLOEXEC, 0600);
  unlink(probe.c_str());  // a refused open may have made it all the same
  if (file < 0) return false;
  close(file);
  return true;
}

}  // namespace cleanmail::spool
