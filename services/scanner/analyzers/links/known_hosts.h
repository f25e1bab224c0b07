#pragma once

#include <array>
#include <string_view>

namespace cleanmail::scanner {

// Services that shorten links for anybody. Registrable domains or hosts; one a line, sorted.
inline constexpr std::string_view kShorteners[] = {
    "adf.ly",     "bit.do",  "bit.ly",   "bl.ink",      "buff.ly",    "clck.ru",     "cutt.ly",
    "db.tt",      "dlvr.it", "goo.gl",   "goo.su",      "is.gd",      "j.mp",        "kutt.it",
    "lnkd.in",    "n9.cl",   "ow.ly",    "qr.ae",       "qrco.de",    "rb.gy",       "rebrand.ly",
    "s.id",       "s2r.co",  "short.gy", "shorturl.at", "shorter.me", "snip.ly",     "soo.gd",
    "surl.li",    "t.co",    "t.ly",     "t2m.io",      "tiny.cc",    "tinyurl.com", "tr.im",
    "trib.al",    "u.to",    "urlz.fr",  "v.gd",        "vk.cc",      "wa.link",     "x.co",
    "yourls.org", "zpr.io",
};

// Pages that send anybody anywhere: host (or what it lies below), begin of the path, parameter that
// says where to.
struct Redirector {
  std::string_view host;
  std::string_view path;
  std::string_view parameter;
};
inline constexpr Redirector kRedirectors[] = {
    {"google.com", "/url", "q"},        {"google.com", "/url", "url"},
    {"google.com", "/amp/", ""},        {"bing.com", "/ck/a", "u"},
    {"l.facebook.com", "/l.php", "u"},  {"l.instagram.com", "/", "u"},
    {"linkedin.com", "/slink", "code"}, {"linkedin.com", "/redir/redirect", "url"},
    {"youtube.com", "/redirect", "q"},  {"t.umblr.com", "/redirect", "z"},
    {"doubleclick.net", "/", "adurl"},  {"googleadservices.com", "/pagead/aclk", "adurl"},
    {"translate.goog", "/", ""},        {"baidu.com", "/link", "url"},
    {"yandex.ru", "/redir", "url"},     {"slack-redir.net", "/link", "url"},
};

// Parameters open redirects are called by.
inline constexpr std::string_view kTargetParameters[] = {
    "url",       "u",    "q",    "target", "redirect",    "redirect_uri", "redirect_url",
    "redir",     "next", "goto", "dest",   "destination", "return",       "returnurl",
    "return_to", "rurl", "link", "adurl",  "continue",    "out",          "to",
};

}  // namespace cleanmail::scanner
