#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "services/scanner/worker/compound_file.h"

namespace cleanmail::scanner::worker {

// What is active in a document.
struct DocumentFacts {
  bool macros = false;
  bool encrypted = false;
  bool installer = false;   // a package of Windows Installer
  std::string runs_itself;  // what starts a macro without being asked: "AutoOpen"
  std::string calls;        // what its macros reach for outside: "Shell"
  // Of a PDF: scripts, programs it starts, files in it. Empty when there are none.
  std::string active;
};

// VBA and XLM macros and encryption of a compound file.
DocumentFacts LookAtCompoundFile(const CompoundFile& file);
// The part of an Office Open XML package that holds its VBA project.
DocumentFacts LookAtVbaProject(std::string_view bytes);
// A light look: names of a PDF's objects, not into compressed ones (ISO 32000-1 §7.3.5, §12.6).
DocumentFacts LookAtPdf(std::string_view bytes);

// A compressed container of VBA source ([MS-OVBA] §2.4.1); what could be read of a broken one, at
// most `most` bytes.
std::string DecompressVba(std::string_view container, size_t most);

// Script in `html`, which came as a file, that builds another file and hands it out: "HTML
// smuggling". A sentence about what was seen; empty when nothing was.
std::string FindSmuggling(std::string_view html);
// Script that hides what it writes: "document.write of decoded text". Empty when there is none.
std::string FindHiddenScript(std::string_view html);
// A picture in SVG that runs script or holds foreign HTML.
bool HasScript(std::string_view svg);

}  // namespace cleanmail::scanner::worker
