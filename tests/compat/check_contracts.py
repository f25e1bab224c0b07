"""Compares the contracts with those that are already out: check_contracts.py GOLDEN DESCRIPTORS [--write].

GOLDEN has one line for each thing that others may rely on (a field's number, type and label, an enum's value, a method's types, an
event's topic). A line that is gone or different is an incompatible change and fails, unless the field's number is reserved now.
A line that is new fails too, until --write has put it there: so that a contract grows on purpose. DESCRIPTORS is a
FileDescriptorSet; it is read with protoc --decode, which needs no Python package.
"""
import re
import subprocess
import sys


def parse(text):
    """protoc's text form as nested lists of (key, value)."""
    stack = [[]]
    for line in text.splitlines():
        line = line.strip()
        if line == "}":
            stack.pop()
        elif line.endswith("{"):
            child = []
            stack[-1].append((line[:-1].strip(), child))
            stack.append(child)
        elif ":" in line:
            key, value = line.split(":", 1)
            stack[-1].append((key.strip(), value.strip().strip('"')))
    return stack[0]


def all_of(node, key):
    return [value for name, value in node if name == key]


def one(node, key, otherwise=""):
    return next(iter(all_of(node, key)), otherwise)


def message_lines(prefix, message):
    name = prefix + "." + one(message, "name")
    for field in all_of(message, "field"):
        kind = one(field, "type_name") or one(field, "type")
        yield f"{name} {one(field, 'number')} {one(field, 'label')[6:].lower()} {kind} {one(field, 'name')}"
    for reserved in all_of(message, "reserved_range"):
        for number in range(int(one(reserved, "start")), int(one(reserved, "end"))):
            yield f"{name} {number} reserved"
    for options in all_of(message, "options"):
        for key, topic in options:
            if "topic" in key or key == "50800":
                yield f"{name} topic {' '.join(f'{k}={v}' for k, v in topic)}"
    for nested in all_of(message, "nested_type"):
        yield from message_lines(name, nested)
    for enum in all_of(message, "enum_type"):
        yield from enum_lines(name, enum)


def enum_lines(prefix, enum):
    for value in all_of(enum, "value"):
        yield f"{prefix}.{one(enum, 'name')} {one(value, 'number')} value {one(value, 'name')}"


def lines_of(descriptors):
    """Every line of the golden file, from a FileDescriptorSet's bytes."""
    text = subprocess.run(
        ["protoc", "--decode=google.protobuf.FileDescriptorSet", "/usr/include/google/protobuf/descriptor.proto", "--proto_path=/usr/include"],
        input=descriptors, capture_output=True, check=True).stdout.decode()
    for _, file in [(k, v) for k, v in parse(text) if k == "file"]:
        package = one(file, "package")
        if not package.startswith("cleanmail."):
            continue
        for message in all_of(file, "message_type"):
            yield from message_lines(package, message)
        for enum in all_of(file, "enum_type"):
            yield from enum_lines(package, enum)
        for service in all_of(file, "service"):
            for method in all_of(service, "method"):
                yield f"{package}.{one(service, 'name')} rpc {one(method, 'name')} {one(method, 'input_type')} {one(method, 'output_type')}"


def broken(golden, current):
    """Golden lines that no longer hold and are not excused by a reservation."""
    for line in sorted(golden - current):
        name, number = line.split(" ")[:2]
        if f"{name} {number} reserved" not in current or re.search(r" rpc | value | topic ", line):
            yield line


def main():
    golden_path, descriptors_path = sys.argv[1:3]
    with open(descriptors_path, "rb") as file:
        current = set(lines_of(file.read()))
    with open(golden_path, encoding="utf-8") as file:
        golden = set(file.read().splitlines())
    gone = list(broken(golden, current))
    for line in gone:
        print(f"INCOMPATIBLE: no longer there or changed: {line}")
    if "--write" in sys.argv and not gone:
        with open(golden_path, "w", encoding="utf-8") as file:
            file.write("\n".join(sorted(current)) + "\n")
        return 0
    new = sorted(current - golden)
    for line in new:
        print(f"NEW, not yet in the golden file (tests/compat/update writes it): {line}")
    return 1 if gone or new else 0


if __name__ == "__main__":
    sys.exit(main())
