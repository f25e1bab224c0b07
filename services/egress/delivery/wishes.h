#pragma once

#include <string_view>

#include "libs/mail/smtp/notification.h"
#include "services/egress/store.h"

namespace cleanmail::egress {

// What the sender of a delivery asked about this recipient (RFC 3461); nothing where he did not.
mail::smtp::RecipientParameters WishesOf(const Delivery& delivery, std::string_view recipient);

// Whether he wants to be told of a failure: unless he said otherwise (RFC 3461 §4.1).
inline bool WantsFailure(const mail::smtp::RecipientParameters& wishes) {
  return wishes.on_failure || !wishes.notify();
}

}  // namespace cleanmail::egress
