#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libs/dns/resolver.h"
#include "services/scanner/analyzers/spam/plugins/eval.h"

// What functions that ask lists in the DNS have in common. A call that finds an answer missing puts
// its question among those wanted and counts nothing; it is called again when answers came.
namespace cleanmail::scanner::spam {

// The records at a name; null: there are none, or they are not known (yet).
const dns::Answer* AskAbout(const EvalCall& call, std::string_view name, dns::Type type);

// The name under which lists tell of an address, or of a domain: its A-labels in lower case.
// nullopt: nobody can be asked about that: private addresses, names that are none.
std::optional<std::string> NameInLists(std::string_view address_or_domain);

// Whether a list is one: it does not tell of what no list may have (RFC 5782 §5). A list that is no
// more, whose zone answers every question, and one that refuses to serve us and says so of all that
// is asked, list everything.
bool MayBeBelieved(const EvalCall& call, std::string_view zone, bool of_addresses);

// tflags of a rule.
std::string_view FlagsOf(const Configuration& configuration, std::string_view rule);

}  // namespace cleanmail::scanner::spam
