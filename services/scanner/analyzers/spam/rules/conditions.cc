#include "services/scanner/analyzers/spam/rules/conditions.h"

#include <algorithm>
#include <array>
#include <vector>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/rules/expression.h"

namespace cleanmail::scanner::spam {
namespace {

constexpr double kVersion = 4.000001;  // of the rule language we speak
constexpr double kPerlVersion = 5.036;

// Features of the rule language, by the last part of their name.
constexpr std::array<std::string_view, 19> kFeatures = {"feature_originating_ip_headers",
                                                        "feature_uri_host_listed",
                                                        "feature_yesno_takes_args",
                                                        "feature_bug6558_free",
                                                        "feature_registryboundaries",
                                                        "feature_dns_block_rule",
                                                        "feature_dns_local_ports_permit_avoid",
                                                        "feature_compile_regexp",
                                                        "feature_meta_rules_matching",
                                                        "feature_subjprefix",
                                                        "feature_bayes_stopwords",
                                                        "feature_get_host",
                                                        "feature_blocklist_welcomelist",
                                                        "feature_welcomelist_blocklist",
                                                        "feature_local_tests_only",
                                                        "feature_header_first_last",
                                                        "feature_header_match_many",
                                                        "has_tflags_nosubject",
                                                        "perl_min_version_5010000"};

// Features of plugins, as Plugin::feature.
constexpr std::array<std::string_view, 20> kPluginFeatures = {
    "MIMEEval::has_check_for_ascii_text_illegal",
    "MIMEEval::has_check_abundant_unicode_ratio",
    "MIMEEval::has_check_qp_ratio",
    "BodyEval::has_check_body_length",
    "BodyEval::has_plaintext_body_sig_ratio",
    "DKIM::has_arc",
    "SPF::has_check_for_spf_errors",
    "URIDNSBL::has_tflags_domains_only",
    "URIDNSBL::has_subtest_for_ranges",
    "URIDNSBL::has_uridnsbl_for_a",
    "URIDNSBL::has_uridnsbl_a_ns",
    "URIDNSBL::has_tflags_notrim",
    "URIDetail::has_host_key",
    "HashBL::has_hashbl_bodyre",
    "DNSEval::has_tflags_domains_only",
    "AskDNS::has_tag_header",
    "MIMEHeader::has_all_header",
    "MIMEHeader::has_tflags_range",
    "MIMEHeader::has_tflags_concat",
    "MIMEHeader::has_tflags_multiple"};

template <size_t size>
bool IsIn(const std::array<std::string_view, size>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool Can(std::string_view feature, const ConditionFacts& facts) {
  constexpr std::string_view kLanguage = "Mail::SpamAssassin::Conf::";
  constexpr std::string_view kPlugin = "Mail::SpamAssassin::Plugin::";
  if (feature.starts_with(kLanguage)) {
    const std::string_view name = feature.substr(kLanguage.size());
    if (name == "compat_welcomelist_blocklist") return facts.compatible_names;
    // Rules that hand captured text on to other rules run here too, with nothing captured.
    return name == "feature_capture_rules" || IsIn(kFeatures, name);
  }
  if (!feature.starts_with(kPlugin)) return false;
  const std::string_view name = feature.substr(kPlugin.size());
  return facts.plugins.count(std::string(name.substr(0, name.find(':')))) != 0 &&
         IsIn(kPluginFeatures, name);
}

}  // namespace

std::string ShortPluginName(std::string_view name) {
  const size_t colon = name.rfind(':');
  const std::string_view last = colon == std::string_view::npos ? name : name.substr(colon + 1);
  if (last == "Dmarc") return "DMARC";
  if (last == "WhiteListSubject") return "WelcomeListSubject";
  return std::string(last);
}

absl::StatusOr<bool> Holds(std::string_view condition, const ConditionFacts& facts) {
  std::vector<double> values;
  const auto resolve = [&](std::string_view name,
                           std::string_view argument) -> absl::StatusOr<unsigned> {
    double value = 0;
    if (name == "version") {
      value = kVersion;
    } else if (name == "perl_version") {
      value = kPerlVersion;
    } else if (name == "local_tests_only") {
      value = facts.network ? 0 : 1;
    } else if (name == "plugin") {
      // Removed from the language; rules that ask for it do without it.
      const std::string plugin = ShortPluginName(argument);
      value = plugin == "RaciallyCharged" || facts.plugins.count(plugin) != 0 ? 1 : 0;
    } else if (name == "can" || name == "has") {
      value = Can(argument, facts) ? 1 : 0;
    } else {
      return absl::InvalidArgumentError(
          base::AbslView(base::Cat("nothing is known of '", name, "'")));
    }
    values.push_back(value);
    return static_cast<unsigned>(values.size() - 1);
  };
  CLEANMAIL_ASSIGN_OR_RETURN(const Expression expression, Expression::Parse(condition, resolve));
  return expression.Evaluate([&values](unsigned index) { return values[index]; }) != 0;
}

}  // namespace cleanmail::scanner::spam
