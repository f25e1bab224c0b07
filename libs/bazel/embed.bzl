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

def cleanmail_embed(name, header, namespace, files, visibility = None):
    """A header with whole files as std::string_view constants: files = {"kDocsHtml": "docs.html"}."""
    native.genrule(
        name = name + "_header",
        srcs = files.values(),
        outs = [header],
        cmd = "python3 $(location //libs/bazel:embed_file.py) %s %s > $@" % (
            namespace,
            " ".join(["%s=$(location %s)" % (constant, file) for constant, file in files.items()]),
        ),
        tools = ["//libs/bazel:embed_file.py"],
    )
    native.cc_library(name = name, hdrs = [header], visibility = visibility)
