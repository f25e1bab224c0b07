"""Stands in for rules_cc, which Debian does not package: the native rules under their usual names."""

cc_library, cc_binary, cc_test, cc_import = native.cc_library, native.cc_binary, native.cc_test, native.cc_import
cc_proto_library, cc_toolchain, cc_toolchain_suite = native.cc_proto_library, native.cc_toolchain, native.cc_toolchain_suite
fdo_prefetch_hints, fdo_profile, objc_library, objc_import = native.fdo_prefetch_hints, native.fdo_profile, native.objc_library, native.objc_import
