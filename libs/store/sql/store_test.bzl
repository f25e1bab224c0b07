"""Tests of a room's store, on every kind of database."""

load("//libs/bazel:defs.bzl", "cleanmail_cc_library", "cleanmail_cc_test")

def cleanmail_store_test(name, srcs, deps = [], size = "small", **kwargs):
    """Compiled once, linked twice: `NAME` on SQLite, `NAME_postgres` on a PostgreSQL of its own (libs/store/sql/test_database.h)."""
    cleanmail_cc_library(
        name = name + "_cases",
        testonly = True,
        srcs = srcs,
        alwayslink = True,
        deps = deps + ["//libs/store/sql:test_database", "//libs/third_party:gtest"],
    )
    cleanmail_cc_test(
        name = name,
        size = size,
        deps = [":" + name + "_cases", "//libs/store/sql:test_database_sqlite"],
        **kwargs
    )
    cleanmail_cc_test(
        name = name + "_postgres",
        size = size,
        tags = ["no-sandbox"],  # the server runs as another user
        deps = [":" + name + "_cases", "//libs/store/sql:test_database_postgres"],
        **kwargs
    )
