"""Tests of a whole gateway, on both profiles."""

load("//libs/bazel:defs.bzl", "cleanmail_cc_library", "cleanmail_cc_test")

def cleanmail_story_test(name, srcs, deps = [], **kwargs):
    """Compiled once, linked twice: `NAME` in one process, `NAME_cluster` as a process a room over real engines (deployment.h)."""
    cleanmail_cc_library(
        name = name + "_cases",
        testonly = True,
        srcs = srcs,
        alwayslink = True,
        deps = deps + ["//tests/e2e:gateway", "//libs/third_party:gtest"],
    )
    cleanmail_cc_test(
        name = name,
        size = "medium",
        deps = [":" + name + "_cases", "//tests/e2e:standalone"],
        **kwargs
    )
    cleanmail_cc_test(
        name = name + "_cluster",
        size = "medium",
        tags = ["no-sandbox"],  # PostgreSQL runs as another user
        deps = [":" + name + "_cases", "//tests/e2e:cluster"],
        **kwargs
    )
