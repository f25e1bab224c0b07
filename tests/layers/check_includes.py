#!/usr/bin/env python3
"""Outside libraries come in by one door each: their headers are included nowhere else (libs/README.md, rule 5)."""
import os
import re
import sys

# What an include begins with -> the folders and file names that are its door. Tests may include anything.
DOORS = {
    "rocksdb/": ["libs/store/spool/"],
    "librdkafka/": ["libs/bus/kafka/"],
    "hiredis": ["libs/store/kv/"],
    "libpq": ["libs/store/sql/"],
    "soci/": ["libs/store/sql/"],
    "sqlite3.h": ["libs/store/sql/"],
    "openssl/": ["libs/crypto/", "libs/net/"],
    "sodium": ["libs/crypto/", "libs/net/"],
    "boost/asio": ["libs/net/", "libs/http/", "libs/mail/smtp/", "services/ingress/session/"],
    "boost/beast": ["libs/http/"],
    "curl/": ["libs/http/"],
    "unbound.h": ["libs/dns/"],
    "yaml-cpp/": ["libs/config/"],
    "gumbo.h": ["libs/mail/html/"],
    "unicode/": ["libs/mail/mime/"],
    "idn2.h": ["libs/mail/address/"],
    "libpsl.h": ["libs/mail/address/"],
    "re2/": ["services/policy/rules/"],
    "pcre2.h": ["libs/regex/"],
    "hs/": ["libs/regex/"],
    **{header: ["services/scanner/worker/"] for header in (
        "archive", "clamav.h", "yara", "seccomp.h", "png.h", "jpeglib.h", "gif_lib.h", "webp/", "ZXing/")},
    "grpcpp/": ["libs/rpc/", "libs/app/", "services/*/api.h", "services/*/api.cc"],
}
# Layers Bazel cannot see because a header may be found without a dependency.
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
ROOM = re.compile(r"^services/([a-z_]+)/")


def is_test(path):
    name = os.path.basename(path)
    return (path.startswith("tests/") or "_test." in name or "_benchmark." in name or name.startswith("fake_")
            or name in ("test_process.h", "test_process.cc", "run_task.h"))


def is_door(path, doors):
    for door in doors:
        pattern = "^" + re.escape(door).replace(r"\*", "[^/]*")
        if re.match(pattern if door.endswith("/") else pattern + "$", path):
            return True
    return False


def complaints(root):
    for folder in ("libs", "services", "tests"):
        for where, _, names in os.walk(os.path.join(root, folder)):
            for name in sorted(names):
                if not name.endswith((".h", ".cc")):
                    continue
                full = os.path.join(where, name)
                path = os.path.relpath(full, root)
                if is_test(path):
                    continue
                with open(full, encoding="utf-8", errors="replace") as lines:
                    for number, line in enumerate(lines, 1):
                        match = INCLUDE.match(line)
                        if not match:
                            continue
                        included = match.group(1)
                        for begin, doors in DOORS.items():
                            if included.startswith(begin) and not is_door(path, doors):
                                yield f"{path}:{number}: <{included}> belongs behind {', '.join(doors)}"
                        mine, theirs = ROOM.match(path), ROOM.match(included)
                        if mine and theirs and mine.group(1) not in ("allinone", theirs.group(1)):
                            yield f"{path}:{number}: room {mine.group(1)} includes room {theirs.group(1)}; rooms meet in proto only"
                        if path.startswith("libs/") and theirs:
                            yield f"{path}:{number}: a library includes a room"
                        if path.startswith(("libs/mail/", "libs/base/")) and included.startswith("proto/"):
                            yield f"{path}:{number}: {path.split('/')[1]} knows no proto"


def main():
    root = sys.argv[1]
    found = list(complaints(root))
    for complaint in found:
        print(complaint)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
