#pragma once

#include <string>
#include <vector>

#include "libs/net/tls_context.h"

namespace cleanmail::net {

// Makes a fresh self-signed certificate for `names` and its key, as files in `folder` beginning
// with `stem`; replaces what is there. For tests.
CertificateFiles MakeFakeCertificate(const std::string& folder, const std::string& stem,
                                     const std::vector<std::string>& names);

}  // namespace cleanmail::net
