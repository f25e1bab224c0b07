#include "services/scanner/received_form.h"

namespace cleanmail::scanner {

std::string AsReceived(std::string_view mail) {
  if (mail.starts_with("From ")) {
    const size_t end = mail.find('\n');
    mail = end == mail.npos ? std::string_view{} : mail.substr(end + 1);
  }
  const size_t first = mail.find('\n');
  if (first == mail.npos || (first > 0 && mail[first - 1] == '\r')) return std::string(mail);
  std::string received;
  received.reserve(mail.size() + mail.size() / 30);
  for (size_t i = 0; i < mail.size(); ++i) {
    if (mail[i] == '\n' && (i == 0 || mail[i - 1] != '\r')) received += '\r';
    received += mail[i];
  }
  return received;
}

}  // namespace cleanmail::scanner
