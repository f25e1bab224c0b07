"""Writes a C++ header with files as string constants: embed_file.py NAMESPACE CONSTANT=FILE..."""
import sys

namespace, pairs = sys.argv[1], sys.argv[2:]
print(f"#pragma once\n\n#include <string_view>\n\nnamespace {namespace} {{\n")
for pair in pairs:
    constant, path = pair.split("=", 1)
    data = open(path, "rb").read()
    # Octal escapes of three digits end by themselves; question marks could begin a trigraph.
    text = "".join(chr(b) if 32 <= b < 127 and b not in (34, 63, 92) else f"\\{b:03o}" for b in data)
    lines, at = [], 0
    while at < len(text):
        end = min(at + 100, len(text))
        while end < len(text) and "\\" in text[end - 3:end]:  # not inside an escape
            end += 1
        lines.append(text[at:end])
        at = end
    print(f"inline constexpr char {constant}Bytes[] =")
    print("\n".join(f'    "{line}"' for line in lines or [""]) + ";")
    print(f"inline constexpr std::string_view {constant}({constant}Bytes, {len(data)});\n")
print(f"}}  // namespace {namespace}")
