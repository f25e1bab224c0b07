#!/usr/bin/env python3
"""Throughput and CPU with everything on, beside Debian's Postfix with rspamd and clamd, interleaved in one run, with real mail.

    tests/load/filtering [--messages 2000] [--runs 5] [--refusing] [--whole] [--own-clamav] [--without-rules] [--without-peer] FOLDER

FOLDER holds mails (*.eml). Each run sends the same mails over 20 connections, one each, from 250 client addresses; it ends when the last
one has arrived at the sink, but for those that are held. What is on is in README.md. CPU is utime + stime of all of a side's processes, its
own clamd included; the resolver both ask is shown apart. Needs the packages of deploy/packages/{tests,peers,quickstart}.txt and
`bazel build -c opt //:cleanmail //tests/sink //tests/load/... //services/scanner/worker:cleanmail-scan-worker`.
"""
import argparse
import base64
import os
import pathlib
import random
import shutil
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy/compose"))
from engines import Clamd  # noqa: E402
from gateway import Gateway  # noqa: E402
from measuring import TICK_MS, Sink, family, free_port, measure, send, ticks_of, wait_for  # noqa: E402
from rspamd import PostfixWithRspamd, Resolver  # noqa: E402

WITH_CLAMD = """\
scanner:
  clamd: {{ address: "{clamd.address}", config_file: {clamd.config} }}
  worker: {{ program: {worker} }}
"""
WITHOUT_CLAMD = """\
scanner:
  worker: {{ program: {worker}, clamav_database: {clamd.signatures} }}
"""
WITHOUT_RULES = "  spam_rules: { off: true }\n"

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


class Filtering(Gateway):
    """The gateway with all it has switched on, and a clamd of its own, or without a clamd: its worker has the signatures."""

    def __init__(self, binaries, folder, sink_port, clamd, resolver, rules, with_clamd):
        self.clamd = clamd if with_clamd else None
        settings = (WITH_CLAMD if with_clamd else WITHOUT_CLAMD).format(
            clamd=clamd, worker=(binaries / "services/scanner/worker/cleanmail-scan-worker").resolve())
        super().__init__(binaries / "services/allinone/cleanmail", folder, free_port(), free_port(), sink_port,
                         dns=f'forwarders: ["127.0.0.1@{resolver.port}"]', listener=', proxy_from: ["127.0.0.0/8"]',
                         sections=settings + WITHOUT_RULES * (not rules))

    def parts(self):
        return {**super().parts(), **({"clamd": family(self.clamd.program.process.pid)} if self.clamd else {})}

    def stop(self):
        super().stop()
        if self.clamd:
            self.clamd.stop()


def new_clamd(folder, start=True):
    """With the standard test file as its only signature, unless this machine has ClamAV's. It looks at mails of earlier runs again: real
    mail is new."""
    clamd = Clamd(folder)
    clamd.settings = "DisableCache yes\n"
    (clamd.start if start else clamd.prepare)()
    return clamd


def list_of(mails, folder, name):
    path = pathlib.Path(folder) / name
    path.write_text("".join(f"{mail}\n" for mail in mails))
    return str(path)


def expect_scanned(source, server, folder):
    """The standard test file does not get through: what is measured does look."""
    mail = pathlib.Path(folder) / "eicar.eml"
    mail.write_bytes(b"From: a@example.net\nTo: b@example.org\nSubject: test\nMIME-Version: 1.0\nContent-Type: application/octet-stream; name=test.bin\n"
                     b"Content-Disposition: attachment; filename=test.bin\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(EICAR))
    held = server.held()
    result = send(source, server, 1, "--files", list_of([mail], folder, "eicar"), "--clients", "1")
    if not result["failed"]:
        wait_for(lambda: server.held() > held, 10, f"{server.name} to hold the test file")


def print_row(title, row, known):
    parts = ", ".join(f"{name[3:]} {value:.2f}" for name, value in row.items() if name.startswith("of "))
    print(f"{title:24} {row['rate']:7.0f} msg/s {row['cpu_ms']:7.2f} CPU-ms/msg ({parts}); resolver {row['resolver']:.2f}; "
          f"held {row['held']:.0f}, refused {row['refused']:.0f} of {known}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--bin", default="bazel-bin", help="where the binaries were built")
    parser.add_argument("--refusing", action="store_true", help="with a rule that may refuse what a scan finds, so that senders wait for scans")
    parser.add_argument("--whole", action="store_true", help="rspamd gives clamd the whole message, as we do, not attachments only")
    parser.add_argument("--own-clamav", action="store_true", help="the gateway's worker has the signatures, as by default, and there is no clamd")
    parser.add_argument("--rspamd-workers", type=int, default=4, help="processes that scan; four is what its documentation has")
    parser.add_argument("--without-rules", action="store_true", help="the gateway without SpamAssassin's rules")
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep the folder of the run, for its logs")
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="cleanmail-filtering-", dir="/tmp")
    os.chmod(folder, 0o755)
    binaries = pathlib.Path(arguments.bin)
    source = binaries / "tests/load/source"
    mails = sorted(pathlib.Path(arguments.folder).resolve().glob("*.eml"))
    random.Random(1).shuffle(mails)
    mails = mails[:arguments.messages]
    command = ["--files", list_of(mails, folder, "mails"), "--clients", "250"]
    resolver = Resolver(f"{folder}/resolver")
    sinks = [Sink(binaries / "tests/sink/sink", tempfile.mkdtemp(dir=folder)) for _ in range(2)]
    servers = []
    try:
        servers.append(Filtering(binaries, f"{folder}/gateway", sinks[0].port, new_clamd(f"{folder}/clamd", not arguments.own_clamav), resolver,
                                 not arguments.without_rules, not arguments.own_clamav))
        if arguments.refusing:
            servers[0].set_rules([{"id": "refused", "conditions": [{"finding": "FINDING_NEVER_FOUND"}], "actions": [{"refuse": {}}]}])
        if not arguments.without_peer:
            servers.append(PostfixWithRspamd(f"{folder}/peer", free_port(), sinks[1].port, new_clamd(f"{folder}/peer-clamd"), resolver,
                                             arguments.rspamd_workers, arguments.whole))
        results = {server.name: [] for server in servers}
        for server, sink in zip(servers, sinks):
            expect_scanned(source, server, folder)
            measure(source, server, sink, min(500, arguments.messages), *command, may_refuse=True)  # warm
        for run in range(arguments.runs):
            for server, sink in zip(servers, sinks):
                asked = ticks_of(resolver.process)
                row = measure(source, server, sink, arguments.messages, *command, may_refuse=True)
                row["resolver"] = (ticks_of(resolver.process) - asked) * TICK_MS / arguments.messages
                results[server.name].append(row)
                print_row(f"run {run + 1} {server.name}", row, arguments.messages)
        medians = {name: {key: statistics.median(r.get(key, 0) for r in rows) for key in rows[-1]} for name, rows in results.items()}
        for name, row in medians.items():
            print_row(f"median {name}", row, arguments.messages)
        if len(medians) == 2:
            ours, theirs = medians.values()
            print(f"rate {ours['rate'] / theirs['rate']:.2f}x, CPU {ours['cpu_ms'] / theirs['cpu_ms']:.2f}x of Postfix, rspamd and clamd")
    finally:
        for each in servers + sinks + [resolver]:
            each.stop()
        if arguments.keep:
            print(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
