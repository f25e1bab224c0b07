#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace cleanmail::scanner::spam {

// Top-level domains and the second- and third-level ones under which others register, as a rule set
// names them (util_rb_tld and its kin).
class Domains {
 public:
  void AddTopLevel(std::string_view domain) { top_.insert(std::string(domain)); }
  void AddTwoLevel(std::string_view domain) { two_.insert(std::string(domain)); }
  void AddThreeLevel(std::string_view domain) { three_.insert(std::string(domain)); }
  void Clear();

  // Whether its last label is a top-level domain and there is one before it.
  bool IsValid(std::string_view domain) const;
  bool IsTopLevel(std::string_view label) const { return top_.contains(label); }
  // Host part and registered part: "www", "example.co.uk".
  std::pair<std::string, std::string> Split(std::string_view domain) const;
  std::string Trimmed(std::string_view domain) const { return Split(domain).second; }

  // The registered domain and the host of an address (link or mailto:). An IP address stands for
  // itself. nullopt when there is none.
  struct Host {
    std::string domain;
    std::string host;
  };
  std::optional<Host> OfUri(std::string_view uri) const;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Names = std::unordered_set<std::string, Hash, std::equal_to<>>;

  Names top_;
  Names two_;
  Names three_;
};

// A name of two labels or more made of letters, digits, hyphens and (leading labels) underscores.
bool IsFullName(std::string_view host);
bool IsIpv4(std::string_view text);
bool IsIpAddress(std::string_view text);
// Of a private or local network, or the machine itself.
bool IsPrivateIp(std::string_view text);

}  // namespace cleanmail::scanner::spam
