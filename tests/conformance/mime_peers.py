#!/usr/bin/env python3
"""mime_peers.py python|gmime < FILES: the leaves another MIME parser sees, a JSON line each; compare FOLDER: ours beside theirs."""
import collections
import email
import email.policy
import hashlib
import json
import os
import sys


def tell(path, kind, name, body):
    flat = hashlib.sha256(bytes(c for c in body if c not in b" \t\r\n")).hexdigest()
    print(json.dumps({"file": path, "type": kind.lower(), "name": name or "", "sha256": hashlib.sha256(body).hexdigest(),
                      "flat": flat, "size": len(body)}))


def read_with_python(path):
    with open(path, "rb") as file:
        message = email.message_from_binary_file(file)
    for part in message.walk():
        if part.is_multipart():
            continue
        body = part.get_payload(decode=True)
        tell(path, part.get_content_type(), part.get_filename(), body if body is not None else b"")


def read_with_gmime(path):
    import gi
    gi.require_version("GMime", "3.0")
    from gi.repository import GMime
    GMime.init()
    stream = GMime.StreamFs.open(path, os.O_RDONLY, 0)
    message = GMime.Parser.new_with_stream(stream).construct_message(None)

    def walk(part):
        if isinstance(part, GMime.Multipart):
            for i in range(part.get_count()):
                walk(part.get_part(i))
        elif isinstance(part, GMime.MessagePart):
            inner = part.get_message()
            if inner is not None:
                walk(inner.get_mime_part())
        elif isinstance(part, GMime.Part):
            memory = GMime.StreamMem.new()
            content = part.get_content()
            if content is not None:
                content.write_to_stream(memory)
            data = memory.get_byte_array()
            kind = part.get_content_type()
            tell(path, kind.get_media_type() + "/" + kind.get_media_subtype(), part.get_filename(), bytes(data) if data else b"")

    top = message.get_mime_part() if message is not None else None
    if top is not None:
        walk(top)


def load(path):
    leaves = collections.defaultdict(list)
    state = {}
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                one = json.loads(line)
            except ValueError:
                continue
            if "differs" in one:
                state[one["file"]] = one
            else:
                leaves[one["file"]].append(one)
    return leaves, state


def compare(folder):
    ours, state = load(os.path.join(folder, "ours"))
    print(f"{len(state)} messages, {sum(len(v) for v in ours.values())} contents of ours, "
          f"{sum(s['differs'] for s in state.values())} messages that programs read differently")
    for peer in ("CPython", "MIME-tools", "Email-MIME", "GMime"):
        path = os.path.join(folder, peer)
        if not os.path.exists(path) or os.path.getsize(path) == 0:
            print(f"{peer}: not there")
            continue
        theirs, _ = load(path)
        counts = collections.Counter()
        examples = collections.defaultdict(list)
        for file, leaves in theirs.items():
            mine = ours.get(file, [])
            by_hash = collections.defaultdict(list)
            for one in mine:
                by_hash[one["sha256"]].append(one)
            for leaf in leaves:
                counts["leaves"] += 1
                kind = judge(leaf, by_hash, mine, state.get(file, {}))
                counts[kind] += 1
                if len(examples[kind]) < 8:
                    examples[kind].append((os.path.basename(file), leaf["type"], leaf["size"]))
        same = counts["same bytes, type, name"]
        print(f"{peer}: {counts['leaves']} leaves, {same} the same ({100 * same / max(counts['leaves'], 1):.2f} %)")
        for kind, count in counts.most_common():
            if kind not in ("leaves", "same bytes, type, name"):
                print(f"  {count:6} {kind}")
                if os.environ.get("EXAMPLES"):
                    print("         ", examples[kind])


def judge(leaf, by_hash, mine, state):
    found = by_hash.get(leaf["sha256"])
    if leaf["size"] == 0:
        return "same bytes, type, name" if found else "an empty leaf"
    if found:
        if any(one["type"] == leaf["type"] and (leaf["name"] in one["names"] or not leaf["name"]) for one in found):
            return "same bytes, type, name"
        if any(leaf["name"] in one["names"] or not leaf["name"] for one in found):
            return "same bytes, another type"
        return "same bytes, another name"
    if any(one["flat"] == leaf["flat"] for one in mine):
        return "bytes differ in white space only (line ends, blanks before them)"
    if leaf["type"].startswith(("message/", "multipart/")):
        return "a message or multipart as one leaf (ours: its parts)"
    ambiguous = state.get("ambiguities", [])
    if ambiguous:
        return "in a message we call broken or ambiguous: " + ambiguous[0]
    return "other bytes: " + leaf["type"].split("/")[0]


def main():
    mode = sys.argv[1]
    if mode == "compare":
        return compare(sys.argv[2])
    read = read_with_python if mode == "python" else read_with_gmime
    for line in sys.stdin:
        try:
            read(line.rstrip("\n"))
        except Exception as error:  # a parser that fails on hostile mail is a result too
            print(json.dumps({"file": line.rstrip("\n"), "failed": str(error)[:200], "type": "", "name": "", "sha256": "", "size": 0}))


if __name__ == "__main__":
    main()
