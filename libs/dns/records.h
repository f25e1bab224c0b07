#pragma once

#include <string>
#include <string_view>

#include "libs/dns/resolver.h"

// What DNS servers send, read with suspicion. Pure.
namespace cleanmail::dns {

// What one answer may hold; more is left out. Against answers made to be large.
inline constexpr size_t kMostRecords = 100;
inline constexpr size_t kMostTextBytes = 64 * 1024;

// Adds one record's rdata (uncompressed wire form) of `type` to `answer`. Records that are not of
// their form, or name hosts with characters no host has, are left out; names become lower case.
void AddRecord(Type type, std::string_view rdata, Answer& answer);

// MX by preference; what is equal keeps its order.
void SortAnswer(Answer& answer);

// Whether DNS could be asked for it: labels of 1 to 63 letters, digits, hyphens, underscores; 253
// in all.
bool IsAskable(std::string_view name);

// "MX", for logs and metrics.
std::string_view TypeName(Type type);

}  // namespace cleanmail::dns
