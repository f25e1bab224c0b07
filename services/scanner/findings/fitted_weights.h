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
    {"ADDRESS_RANDOM", 0.67, 0.89, 11.92, 0.98},
    {"AMBIGUOUS_STRUCTURE", 1.64, 2.22, 0.73, 0.00},
    {"BRAND_AS_SENDER", 2.69, 3.01, 6.60, 0.05},
    {"BRAND_NOTICE", 1.93, 2.12, 1.37, 0.00},
    {"BROKEN_STRUCTURE", 1.28, 0.32, 1.22, 0.01},
    {"FROM_NO_ADDRESS", 2.81, 3.33, 3.05, 0.00},
    {"GREETS_NOBODY", 1.35, 1.78, 11.15, 0.03},
    {"HARDLY_ANY_TEXT", 2.03, 2.41, 8.68, 0.03},
    {"HEADER_RAW_BYTES", 2.41, 1.96, 0.86, 0.11},
    {"HIDDEN_TEXT", 2.59, 2.49, 3.66, 0.00},
    {"LARGE_SUM", 2.13, 0.00, 6.85, 0.82},
    {"LINKS_ELSEWHERE", 0.67, 0.89, 49.24, 3.40},
    {"LINK_ADDRESS", 2.98, 2.58, 13.86, 0.09},
    {"LINK_CARRIES_CONTENT", 1.62, 1.87, 0.34, 0.03},
    {"LINK_FREE_HOST", 2.01, 2.08, 4.11, 0.69},
    {"LINK_NAME_IN_FRONT", 0.48, 0.51, 0.61, 0.01},
    {"LINK_ODD_ENDING", 1.47, 0.70, 3.07, 0.49},
    {"LINK_ODD_PORT", 1.23, 0.83, 1.49, 0.11},
    {"LINK_REDIRECTED", 1.38, 1.55, 1.12, 0.00},
    {"LINK_SHORTENED", 1.80, 1.15, 6.94, 0.08},
    {"LINK_TEXT_DIFFERS", 2.76, 2.06, 8.94, 0.18},
    {"LINK_USERINFO", 2.15, 2.53, 0.77, 0.00},
    {"MIXED_LETTERS", 2.28, 2.78, 1.28, 0.00},
    {"ODD_LETTERS", 1.42, 1.80, 1.65, 0.00},
    {"RANDOM_TOKEN", 3.11, 3.12, 4.61, 0.23},
    {"SUBJECT_PADDED", 3.06, 2.19, 5.32, 0.03},
    {"SUBJECT_PICTURES", 0.67, 0.89, 3.46, 0.00},
    {"SUBJECT_SHOUTS", 1.35, 1.78, 7.39, 0.31},
    {"UNKNOWN_CHARSET", 1.72, 2.11, 1.41, 0.00},
    {"WORDS_ACCOUNT", 2.64, 1.87, 18.23, 1.58},
    {"WORDS_AUTHORITY", 0.88, 0.83, 1.49, 0.08},
    {"WORDS_BLACKMAIL", 1.36, 1.77, 0.58, 0.12},
    {"WORDS_COINS", 2.17, 3.13, 5.37, 0.01},
    {"WORDS_DATING", 1.18, 1.30, 3.88, 1.16},
    {"WORDS_FORTUNE", 1.66, 0.00, 4.75, 0.36},
    {"WORDS_GOODS", 2.73, 2.19, 34.30, 4.47},
    {"WORDS_PARCEL", 1.64, 1.61, 3.28, 0.11},
    {"WORDS_PRIZE", 2.26, 1.93, 9.36, 0.47},
};
// clang-format on

}  // namespace cleanmail::scanner
