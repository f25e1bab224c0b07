#pragma once

#include <string>
#include <vector>

#include "libs/mail/mime/rewrite.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"

namespace cleanmail::egress {

// The actions that change the message itself, in order; copies and notices are none.
std::vector<mail::mime::Change> ChangesOf(const std::vector<mail::v1::Action>& actions);

}  // namespace cleanmail::egress
