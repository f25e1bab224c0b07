#pragma once

#include "libs/mail/smtp/reply.h"
#include "libs/refusals/refusals.h"

namespace cleanmail::ingress {

// A refusal as it goes to the client.
inline mail::smtp::Reply ReplyOf(const refusals::Refusal& refusal) {
  return {refusal.reply, std::string(refusal.enhanced), refusals::TextOf(refusal)};
}

}  // namespace cleanmail::ingress
