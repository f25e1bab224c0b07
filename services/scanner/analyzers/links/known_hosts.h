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

// Where anybody publishes pages, files or forms at no cost. Hosts or what lies below them; sorted.
inline constexpr std::string_view kFreeHosts[] = {
    "000webhostapp.com",
    "amplifyapp.com",
    "azureedge.net",
    "azurewebsites.net",
    "backblazeb2.com",
    "blob.core.windows.net",
    "blogspot.com",
    "bubbleapps.io",
    "canva.site",
    "carrd.co",
    "cloudflare-ipfs.com",
    "cloudfront.net",
    "cprapid.com",
    "digitaloceanspaces.com",
    "docs.google.com",
    "duckdns.org",
    "firebaseapp.com",
    "firebasestorage.googleapis.com",
    "fleek.co",
    "forms.gle",
    "forms.office.com",
    "framer.website",
    "fwdtms.com",
    "github.io",
    "gitlab.io",
    "glitch.me",
    "godaddysites.com",
    "herokuapp.com",
    "infinityfreeapp.com",
    "ipfs.io",
    "jotform.com",
    "linodeobjects.com",
    "mybluehost.me",
    "myftp.org",
    "netlify.app",
    "ngrok.io",
    "onrender.com",
    "page.link",
    "pages.dev",
    "plesk.page",
    "r2.dev",
    "repl.co",
    "s3.amazonaws.com",
    "serveo.net",
    "sites.google.com",
    "square.site",
    "storage.googleapis.com",
    "surge.sh",
    "translate.goog",
    "tripod.com",
    "typeform.com",
    "ukit.me",
    "vercel.app",
    "web.app",
    "web.core.windows.net",
    "webflow.io",
    "weebly.com",
    "weeblysite.com",
    "wixsite.com",
    "wordpress.com",
    "workers.dev",
    "yolasite.com",
    "zyrosite.com",
};

// Parameters open redirects are called by.
inline constexpr std::string_view kTargetParameters[] = {
    "url",       "u",    "q",    "target", "redirect",    "redirect_uri", "redirect_url",
    "redir",     "next", "goto", "dest",   "destination", "return",       "returnurl",
    "return_to", "rurl", "link", "adurl",  "continue",    "out",          "to",
};

}  // namespace cleanmail::scanner
