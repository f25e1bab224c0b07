"""Text files as C++ constants."""

def cleanmail_migrations(name, srcs):
    """`migrations.h` with a constant for each SQL file: 0001_holds.sql becomes kMigration0001Holds."""
    native.genrule(
        name = name + "_header",
        srcs = srcs,
        outs = ["migrations.h"],
        cmd = "python3 $(location //libs/bazel:embed_text.py) $$(dirname $@ | sed 's|^.*/bin/||') $(SRCS) > $@",
        tools = ["//libs/bazel:embed_text.py"],
    )
    native.cc_library(name = name, hdrs = ["migrations.h"])
