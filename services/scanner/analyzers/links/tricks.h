#pragma once

#include <string>
#include <vector>

#include "services/scanner/analyzers/links/target.h"
#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner {

// By what a target looks like another, or hides.
struct Trick {
  FindingId id;
  std::string evidence;
};

// The tricks one target plays.
std::vector<Trick> FindTricks(const LinkTarget& target);

// Whether a label of `host` (Unicode) is made to be taken for another: scripts that do not go
// together, or letters of another script that all look Latin ("аррӏе").
bool LooksLikeAnother(std::string_view host);

// `host` with its A-labels as they are shown.
std::string ShownForm(std::string_view host);

}  // namespace cleanmail::scanner
