#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "libs/mail/html/walk.h"

namespace cleanmail::mail::html {

// Something a page points to.
struct Link {
  enum class What {
    kAnchor,   // <a href>: the person clicks
    kArea,     // <area href>
    kForm,     // <form action>, formaction of a button
    kRefresh,  // <meta http-equiv=refresh>: the program goes there
    kImage,    // <img src, srcset>, background=, input type=image
    kCss,      // url() in a style, <link href>
    kFrame,    // iframe, frame, embed, object
    kScript,   // <script src>
  };
  What what = What::kAnchor;
  // As a program would open it: character references read, white space that browsers ignore
  // removed, resolved against <base>. Scheme and host keep their letters' case.
  std::string target;
  std::string written;  // the attribute's value
  std::string text;     // what is shown for it, alternative texts of images included
  bool hidden = false;  // nobody sees it
};

struct Form {
  std::string action;
  std::string method;  // lower case
  bool password = false;
  struct Input {
    std::string type;  // lower case; "text" where none is given
    std::string name;
    bool operator==(const Input&) const = default;
  };
  std::vector<Input> inputs;  // select and textarea as their tag's name
};

struct PageLimits {
  WalkLimits walk = {};
  size_t links = 5000;
  size_t forms = 100;
  size_t texts = 4 << 20;  // bytes of each text below
};

// What a person sees of an HTML document, what is kept from him, and what it points to. Texts are
// UTF-8 as far as the document was.
struct Page {
  std::string title;
  // Lines as blocks make them, white space joined, alternative texts of images in place.
  std::string visible_text;
  // Text that is there but not shown: display:none, tiny, transparent, in the colour of its
  // background, off the screen.
  std::string hidden_text;
  std::vector<Link> links;
  std::vector<Form> forms;
  std::string script;   // text of all scripts and of event handlers ("onclick=..."), a line each
  std::string comment;  // all comments, a line each; conditional comments are comments
  std::string base;     // <base href>
  // How many there are.
  size_t elements = 0;
  size_t images = 0;
  size_t remote_images = 0;  // of these, fetched by http
  size_t data_uris = 0;
  size_t scripts = 0;
  size_t event_handlers = 0;
  size_t frames = 0;
  bool flat = false;       // too deep or large for a tree (walk.h): hidden_text is less sure
  bool truncated = false;  // more links, forms or text than the limits
};

// Reads HTML. Total: whatever comes, something is read.
Page ReadPage(std::string_view utf8_html, const PageLimits& limits = {});

// `link` as a browser would open it on a page whose base is `base` (may be empty): white space and
// control characters at both ends, tabs and line ends anywhere go; backslashes of http links are
// slashes. What stays relative is returned so.
std::string ResolveLink(std::string_view link, std::string_view base);

}  // namespace cleanmail::mail::html
