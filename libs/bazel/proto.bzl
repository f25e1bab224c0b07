"""C++ from .proto files with the system's protoc and grpc_cpp_plugin; no toolchain is fetched."""

ProtoSources = provider(fields = ["sources"])

def _generate(ctx):
    sources = depset(ctx.files.srcs, transitive = [d[ProtoSources].sources for d in ctx.attr.deps])
    extensions = [".pb", ".grpc.pb"] if ctx.attr.grpc else [".pb"]
    headers, code = [], []
    for source in ctx.files.srcs:
        base = source.basename[:-len(".proto")]
        h = [ctx.actions.declare_file(base + e + ".h") for e in extensions]
        c = [ctx.actions.declare_file(base + e + ".cc") for e in extensions]
        arguments = ["--proto_path=.", "--cpp_out=" + ctx.bin_dir.path]
        if ctx.attr.grpc:
            arguments += ["--plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin", "--grpc_out=" + ctx.bin_dir.path]
        ctx.actions.run(
            executable = "/usr/bin/protoc",
            arguments = arguments + [source.path],
            inputs = sources,
            outputs = h + c,
            mnemonic = "Protoc",
        )
        headers += h
        code += c
    return [
        DefaultInfo(files = depset(headers + code)),
        OutputGroupInfo(hdrs = depset(headers), srcs = depset(code)),
        ProtoSources(sources = sources),
    ]

_proto_generate = rule(implementation = _generate, attrs = {
    "srcs": attr.label_list(allow_files = [".proto"]),
    "deps": attr.label_list(providers = [ProtoSources]),
    "grpc": attr.bool(default = False),
})

def _descriptors(ctx):
    sources = depset(transitive = [d[ProtoSources].sources for d in ctx.attr.deps])
    ctx.actions.run(
        executable = "/usr/bin/protoc",
        arguments = ["--proto_path=.", "--include_source_info", "--include_imports", "--descriptor_set_out=" + ctx.outputs.out.path] +
                    [s.path for s in sources.to_list()],
        inputs = sources,
        outputs = [ctx.outputs.out],
        mnemonic = "ProtoDescriptors",
    )

# One descriptor set over the given protos and all they import, comments included.
proto_descriptor_set = rule(implementation = _descriptors, attrs = {
    "deps": attr.label_list(providers = [ProtoSources]),
    "out": attr.output(mandatory = True),
})

def proto_cc_library(name, srcs, deps, grpc, visibility):
    """A cc_library over what protoc makes of srcs; `NAME_gen` carries the sources to importers."""
    _proto_generate(name = name + "_gen", srcs = srcs, deps = [d + "_gen" for d in deps], grpc = grpc, visibility = ["//visibility:public"])
    native.filegroup(name = name + "_hdrs", srcs = [name + "_gen"], output_group = "hdrs")
    native.filegroup(name = name + "_srcs", srcs = [name + "_gen"], output_group = "srcs")
    native.cc_library(
        name = name,
        srcs = [name + "_srcs"],
        hdrs = [name + "_hdrs"],
        copts = ["-w"],
        deps = deps + ["//libs/third_party:protobuf"] + (["//libs/third_party:grpc"] if grpc else []),
        visibility = visibility,
    )
