"""House macros: warnings, test defaults, fuzz drivers and the shape of a service change here and nowhere else."""

load("//libs/bazel:proto.bzl", "proto_cc_library")

# What gcc 12 says of the standard library's and protobuf's own inlined code when it optimises is wrong; without optimising the
# same warnings stay on.
_COPTS = ["-Wall", "-Wextra", "-Werror"] + select({
    "//libs/bazel:optimised": ["-Wno-maybe-uninitialized", "-Wno-restrict", "-Wno-stringop-overflow", "-Wno-array-bounds"],
    "//conditions:default": [],
})

# What is measured and shipped takes its memory from jemalloc; tests and sanitizers from where they always do.
_MALLOC = select({
    "//libs/bazel:optimised": "//libs/third_party:jemalloc",
    "//conditions:default": "@bazel_tools//tools/cpp:malloc",
})

def cleanmail_cc_library(name, copts = [], **kwargs):
    """A library with the house's warnings. Visibility is private unless said."""
    native.cc_library(name = name, copts = _COPTS + copts, **kwargs)

def cleanmail_cc_binary(name, copts = [], **kwargs):
    """A program with the house's warnings."""
    native.cc_binary(name = name, copts = _COPTS + copts, **kwargs)

def cleanmail_server(name, deps, copts = [], **kwargs):
    """A program that runs for long on many threads."""
    native.cc_binary(name = name, copts = _COPTS + copts, deps = deps, malloc = _MALLOC, **kwargs)

def cleanmail_cc_test(name, deps = [], size = "small", copts = [], **kwargs):
    """A GoogleTest test; gtest's main is linked in."""
    native.cc_test(
        name = name,
        size = size,
        copts = _COPTS + copts,
        deps = deps + ["//libs/third_party:gtest_main", "//libs/bazel:tsan_suppressions"],
        **kwargs
    )

def cleanmail_cc_fuzz_test(name, srcs, corpus, deps = []):
    """A libFuzzer target `NAME_fuzzer` (build with --config=fuzz) and its corpus as the ordinary test `NAME`."""
    native.cc_binary(name = name + "er", srcs = srcs, copts = _COPTS, deps = deps, testonly = True, tags = ["manual", "fuzz"])
    native.cc_test(
        name = name,
        size = "small",
        srcs = srcs,
        copts = _COPTS,
        args = ["$(locations %s)" % f for f in corpus],
        data = corpus,
        deps = deps + ["//libs/bazel:fuzz_corpus_main"],
    )

def cleanmail_cc_benchmark(name, srcs, deps = []):
    """A google-benchmark program, run by hand: `bazel run -c opt`."""
    native.cc_binary(
        name = name,
        srcs = srcs,
        copts = _COPTS,
        testonly = True,
        deps = deps + ["//libs/third_party:benchmark"],
    )

def cleanmail_proto(name, srcs, deps = [], grpc = False):
    """C++ of a .proto file, public: contracts are what every room may see. deps are written in full (`//a:b`)."""
    proto_cc_library(name = name, srcs = srcs, deps = deps, grpc = grpc, visibility = ["//visibility:public"])

def cleanmail_service(name, parts, contracts = [], deps = []):
    """A room: `:service` (its recipe, for the all-in-one and tests) and `:NAME` (the process that runs it alone)."""
    native.cc_library(
        name = "service",
        srcs = ["service.cc"],
        hdrs = ["service.h"],
        copts = _COPTS,
        visibility = ["//services/allinone:__pkg__", "//tests:__subpackages__"],
        deps = parts + contracts + deps + ["//libs/app:service", "//libs/app:environment"],
    )
    cleanmail_server(
        name = name,
        srcs = ["main.cc"],
        visibility = ["//deploy:__subpackages__", "//services:__pkg__", "//tests:__subpackages__"],
        deps = [":service", "//libs/app:run_main"],
    )
