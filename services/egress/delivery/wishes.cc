#include "services/egress/delivery/wishes.h"

#include <algorithm>

namespace cleanmail::egress {

mail::smtp::RecipientParameters WishesOf(const Delivery& delivery, std::string_view recipient) {
  // Of a copy its sender knows nothing, and of a notice nothing is told.
  if (delivery.stage.starts_with("copy/")) return {.never = true};
  if (!delivery.content.empty()) return {};
  const auto& all = delivery.message.envelope().recipient_dsn();
  const auto found = std::ranges::find_if(
      all, [recipient](const mail::v1::RecipientDsn& dsn) { return dsn.address() == recipient; });
  if (found == all.end()) return {};
  return {.never = found->never(),
          .on_success = found->on_success(),
          .on_failure = found->on_failure(),
          .on_delay = found->on_delay(),
          .original_recipient = found->original_recipient()};
}

}  // namespace cleanmail::egress
