#include "libs/mail/mime/date.h"

namespace cleanmail::mail::mime {

std::string FormatDate(absl::Time time) {
  return absl::FormatTime("%a, %d %b %Y %H:%M:%S +0000", time, absl::UTCTimeZone());
}

}  // namespace cleanmail::mail::mime
