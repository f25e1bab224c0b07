#pragma once

#include <string_view>

namespace cleanmail::scanner {

// Written by services/scanner/weights/fit on 2026-11-22, from 6159 mails: run it again.
// What is left of these weights, and of those of rules, where lessons speak.
inline constexpr double kBesideLessons = 0.5;
struct FittedWeight {
  std::string_view name;
  double alone;       // what it weighs without SpamAssassin's rules
  double with_rules;  // and with them
  double spam;        // per cent of the spam that had it
  double ham;         // per cent of the other mail
};
// clang-format off
inline constexpr FittedWeight kFittedWeights[] = {
    {"AMBIGUOUS_STRUCTURE", 1.69, 1.94, 0.73, 0.00},
    {"BRAND_AS_SENDER", 2.50, 3.01, 6.60, 0.05},
    {"BRAND_NOTICE", 2.07, 1.94, 1.37, 0.00},
    {"BROKEN_STRUCTURE", 1.47, 0.36, 1.22, 0.01},
    {"HARDLY_ANY_TEXT", 2.50, 2.48, 8.68, 0.03},
    {"LINK_ADDRESS", 2.50, 2.34, 13.86, 0.09},
    {"LINK_CARRIES_CONTENT", 1.79, 1.60, 0.34, 0.03},
    {"LINK_FREE_HOST", 2.31, 2.41, 4.11, 0.69},
    {"LINK_NAME_IN_FRONT", 0.65, 0.46, 0.61, 0.01},
    {"LINK_ODD_PORT", 1.64, 0.87, 1.49, 0.11},
    {"LINK_REDIRECTED", 1.51, 1.64, 1.12, 0.00},
    {"LINK_SHORTENED", 2.18, 1.37, 6.94, 0.08},
    {"LINK_TEXT_DIFFERS", 2.50, 2.04, 8.94, 0.18},
    {"LINK_USERINFO", 2.24, 2.13, 0.77, 0.00},
    {"MIXED_LETTERS", 2.50, 2.50, 1.28, 0.00},
    {"ODD_LETTERS", 1.47, 1.62, 1.65, 0.00},
    {"RANDOM_TOKEN", 2.05, 1.16, 7.75, 1.41},
    {"UNKNOWN_CHARSET", 2.01, 2.16, 1.41, 0.00},
    {"WORDS_ACCOUNT", 2.50, 2.09, 18.23, 1.52},
    {"WORDS_AUTHORITY", 1.34, 1.37, 1.49, 0.08},
    {"WORDS_BLACKMAIL", 1.78, 2.09, 0.49, 0.07},
    {"WORDS_COINS", 2.45, 2.88, 4.10, 0.00},
    {"WORDS_DATING", 1.73, 1.52, 3.74, 1.14},
    {"WORDS_FORTUNE", 2.50, 0.00, 4.75, 0.36},
    {"WORDS_GOODS", 2.50, 1.83, 31.94, 4.07},
    {"WORDS_PARCEL", 2.50, 2.45, 3.28, 0.11},
    {"WORDS_PRIZE", 2.50, 2.20, 9.36, 0.46},
};
// clang-format on

}  // namespace cleanmail::scanner
