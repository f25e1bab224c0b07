"""Writes a C++ header with one string constant for each SQL file given: embed_text.py FOLDER FILE..."""
import pathlib
import sys

folder, files = sys.argv[1], sorted(sys.argv[2:])
room = pathlib.PurePath(folder).name
print(f"#pragma once\n\n#include <string_view>\n\n// Made from migrations/*.sql of this room.\nnamespace cleanmail::{room} {{\n")
for file in files:
    stem = pathlib.PurePath(file).stem
    constant = "kMigration" + "".join(word.capitalize() for word in stem.split("_"))
    print(f'inline constexpr std::string_view {constant} = R"sql({pathlib.Path(file).read_text()})sql";\n')
print(f"}}  // namespace cleanmail::{room}")
