#include "services/scanner/worker/worker.h"

// Started by the scanner, which holds the other end of descriptor 3.
int main() {
  using namespace cleanmail::scanner::worker;
  return RunWorker(Channel(Descriptor(kChannelDescriptor)), &LoadEngines);
}
