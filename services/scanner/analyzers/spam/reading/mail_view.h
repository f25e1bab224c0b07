#pragma once

#include <any>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <typeindex>
#include <vector>

#include "services/scanner/analyzers/spam/reading/addresses.h"
#include "services/scanner/analyzers/spam/reading/domains.h"
#include "services/scanner/analyzers/spam/reading/html_page.h"
#include "services/scanner/analyzers/spam/reading/message_tree.h"
#include "services/scanner/analyzers/spam/reading/received.h"
#include "services/scanner/analyzers/spam/reading/uris.h"

namespace cleanmail::scanner::spam {

// What reading a message needs to know beside it. Outlives every view.
struct ReadingSettings {
  Domains domains;
  std::vector<regex::Regex> redirectors;           // group 1 is where they lead
  std::vector<std::string> originating_ip_fields;  // fields that name the client's address
  std::string envelope_sender_field;               // empty: found by itself
  TrustSettings trust;
  size_t body_part_bytes = 50'000;      // of a part shown to `body` rules; 0: all
  size_t rawbody_part_bytes = 500'000;  // of a part shown to `rawbody` rules; 0: all
};

// A part's text as it is shown.
struct RenderedPart {
  const Part* part = nullptr;
  bool html = false;
  DecodedText text;
};

// One message through the eyes of rules: everything they ask for, found when first asked. Not
// thread-safe; the message must outlive it.
class MailView {
 public:
  // `client`: who handed it to the first relay of ours, see ReadRelays; empty: not known.
  MailView(std::string_view message, const ReadingSettings& settings, std::string_view client = {});
  MailView(const MailView&) = delete;
  MailView& operator=(const MailView&) = delete;

  const MessageTree& tree() const { return tree_; }
  const ReadingSettings& settings() const { return settings_; }
  const Domains& domains() const { return settings_.domains; }
  const Relays& relays() const { return relays_; }

  // Values of a field, or of what stands for one: "Subject", "From:addr", "ToCc", "ALL",
  // "X-Spam-Relays-Untrusted", "Received:raw" … Whole fields end in a line feed, extracts do not.
  const std::vector<std::string>& Get(const std::string& request) const;
  // The same as one text: whole fields joined, of extracts the first. Empty without any.
  std::string GetText(const std::string& request) const;
  bool Has(const std::string& request) const { return !Get(request).empty(); }
  // Who sent it as SMTP knew, from what the header tells; nullopt when it tells nothing reliable.
  const std::optional<std::string>& envelope_from() const;
  const std::vector<std::string>& AllFromAddresses() const;
  const std::vector<std::string>& AllToAddresses() const;

  // What `body` rules see: the subject, then paragraphs of text.
  const std::vector<std::string>& body() const;
  // What `rawbody` rules see: decoded text parts in pieces.
  const std::vector<std::string>& rawbody() const;
  const std::vector<RenderedPart>& rendered() const;
  const RenderedPart* Rendered(const Part& part) const;
  const std::vector<HtmlPage>& pages() const;
  const UriDetails& uri_details() const;
  const std::vector<std::string>& uris() const;
  bool uris_cut() const;

  // A value computed from the message once: `make(view)` is called when it is first asked for.
  template <class T, class Make>
  const T& Remember(Make make) const {
    std::any& slot = memory_[std::type_index(typeid(T))];
    if (!slot.has_value()) slot = std::any(T(make(*this)));
    return *std::any_cast<T>(&slot);
  }

 private:
  struct Request;
  std::vector<std::string> Find(const Request& request) const;
  std::vector<std::string> FindFields(const Request& request) const;
  std::vector<std::string> ValuesOf(std::span<const std::string_view> names, bool raw) const;
  std::vector<std::string> HeadersBetween(int first, int last, bool raw) const;
  std::vector<std::string> AllHeaders(bool raw) const;
  std::optional<std::string> FindEnvelopeFrom() const;
  std::string HostIn(const std::string& value, bool is_address) const;
  // A text part without its transfer encoding.
  const std::string& TextOf(const Part& part) const;
  void Render() const;

  const ReadingSettings& settings_;
  MessageTree tree_;
  Relays relays_;
  mutable std::map<std::string, std::vector<std::string>> gotten_;
  mutable std::optional<std::optional<std::string>> envelope_from_;
  mutable std::optional<std::vector<std::string>> from_addresses_;
  mutable std::optional<std::vector<std::string>> to_addresses_;
  mutable std::map<const Part*, std::string> texts_;
  mutable std::optional<std::vector<RenderedPart>> rendered_;
  mutable std::vector<HtmlPage> pages_;
  mutable std::optional<std::vector<std::string>> body_;
  mutable std::optional<std::vector<std::string>> rawbody_;
  mutable std::optional<UriDetails> uri_details_;
  mutable std::optional<std::vector<std::string>> uris_;
  mutable bool uris_cut_ = false;
  mutable std::map<std::type_index, std::any> memory_;
};

}  // namespace cleanmail::scanner::spam
