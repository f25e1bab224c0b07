#pragma once

#include <string_view>

namespace cleanmail::scanner {

// Providers where anybody gets a mailbox for nothing, by domain.
inline constexpr std::string_view kFreeMail[] = {
    "gmail.com",      "googlemail.com", "yahoo.com",    "yahoo.co.uk",    "yahoo.fr",
    "yahoo.de",       "yahoo.co.jp",    "ymail.com",    "rocketmail.com", "outlook.com",
    "outlook.de",     "outlook.fr",     "hotmail.com",  "hotmail.co.uk",  "hotmail.fr",
    "hotmail.de",     "live.com",       "msn.com",      "aol.com",        "icloud.com",
    "me.com",         "mac.com",        "gmx.de",       "gmx.net",        "gmx.ch",
    "gmx.at",         "gmx.com",        "web.de",       "t-online.de",    "freenet.de",
    "mail.com",       "mail.ru",        "bk.ru",        "inbox.ru",       "list.ru",
    "yandex.ru",      "yandex.com",     "rambler.ru",   "proton.me",      "protonmail.com",
    "protonmail.ch",  "tutanota.com",   "tuta.io",      "zoho.com",       "qq.com",
    "163.com",        "126.com",        "sina.com",     "naver.com",      "daum.net",
    "orange.fr",      "laposte.net",    "free.fr",      "libero.it",      "virgilio.it",
    "seznam.cz",      "wp.pl",          "o2.pl",        "onet.pl",        "interia.pl",
    "ukr.net",        "bluewin.ch",     "mailbox.org",  "fastmail.com",   "hushmail.com",
    "consultant.com", "europe.com",     "usa.com",      "inbox.lv",       "rediffmail.com",
    "uol.com.br",     "bol.com.br",     "terra.com.br",
};

}  // namespace cleanmail::scanner
