#!/usr/bin/env python3
"""Throughput, CPU and latency beside Debian's Postfix, interleaved in one run.

    tests/load/bench [--messages 20000] [--runs 5] [--size 4096] [--rules 200] [--tracking] [--refusing] [--cluster]

Each run sends messages over 20 connections, one message each, to a server that filters nothing (no clamd) and delivers to a sink; it
ends when the last one has arrived. Both flush before their 250. CPU is utime + stime of all of the server's processes. Prints a table
row a run and the medians. Needs the packages of deploy/packages/tests.txt and `bazel build -c opt //:cleanmail //tests/sink //tests/load/... //services:all_binaries`.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy/compose"))
from clustered import Clustered  # noqa: E402
from gateway import Gateway  # noqa: E402
from measuring import Sink, free_port, measure, wait_for  # noqa: E402
from postfix import Postfix  # noqa: E402

def latency(source, server, folder, size, messages, rate):
    """p99 from the end of data to the 250 at a rate, and p99 of appending as many bytes with fdatasync to the same disk meanwhile, in ms."""
    times = []
    command = [str(source), f"127.0.0.1:{server.port}", "--messages", str(messages), "--size", str(size), "--connections", "20", "--rate", str(rate)]
    with open(pathlib.Path(folder) / "append", "wb", buffering=0) as file, subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
        while load.poll() is None:
            begin = time.perf_counter()
            file.write(b"x" * size)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - begin) * 1000)
            time.sleep(0.01)
        result = json.loads(load.stdout.read())
    return result["p99_us"] / 1000, sorted(times)[int(len(times) * 0.99)]


def add_rules(gateway, number):
    """So many rules of all kinds, each looked at and none of them matching."""
    conditions = [
        lambda i: {"header": {"name": "Subject", "contains": f"word{i}"}},
        lambda i: {"header": {"name": "Subject", "regex": f"offer [0-9]+ of {i}"}},
        lambda i: {"sender": f"someone{i}@*.example"},
        lambda i: {"senderDomain": f"*.domain{i}.example"},
        lambda i: {"attachment": {"name": f"*{i}.exe"}},
        lambda i: {"network": {"networks": [f"10.{i % 250}.0.0/16"]}},
        lambda i: {"finding": f"FINDING_{i}"},
        lambda i: {"sizeAtLeast": str(10_000_000 + i)},
    ]
    gateway.set_rules([{"id": f"rule-{i}", "conditions": [conditions[i % len(conditions)](i)], "actions": [{"hold": {}}]} for i in range(number)])
    time.sleep(2)


def add_refusal(server):
    """A rule that refuses what a scan might find: every message is scanned while its sender waits."""
    server.set_rules([{"id": "refused", "conditions": [{"finding": "FINDING_NEVER_FOUND"}], "actions": [{"refuse": {}}]}])
    time.sleep(2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--bin", default="bazel-bin", help="where the binaries were built")
    parser.add_argument("--without-postfix", action="store_true")
    parser.add_argument("--rules", type=int, help="instead of Postfix: the gateway with so many rules beside it without")
    parser.add_argument("--cluster", action="store_true", help="instead of the gateway in one process: a process a room over Kafka, PostgreSQL, Redis and S3 (//services:all_binaries)")
    parser.add_argument("--refusing", action="store_true", help="with a rule that may refuse what a scan finds, so that senders wait for scans")
    parser.add_argument("--tracking", action="store_true", help="instead of Postfix: the gateway as it is beside one that remembers nothing of what it did (with --rules: "
                        "beside one without either)")
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="cleanmail-bench-", dir="/tmp")
    os.chmod(folder, 0o755)
    binaries = pathlib.Path(arguments.bin)
    source = binaries / "tests/load/source"
    sinks = [Sink(binaries / "tests/sink/sink", tempfile.mkdtemp(dir=folder)) for _ in range(2)]
    gateway = binaries / "services/allinone/cleanmail"
    servers = [Clustered(binaries, f"{folder}/c", sinks[0].port) if arguments.cluster
               else Gateway(gateway, f"{folder}/gateway", free_port(), free_port(), sinks[0].port)]
    if arguments.rules or arguments.tracking:
        if arguments.rules:
            add_rules(servers[0], arguments.rules)
        plain = binaries / "tests/load/gateway_without_tracking" if arguments.tracking else gateway
        servers.append(Gateway(plain, f"{folder}/plain", free_port(), free_port(), sinks[1].port, command=gateway))
        servers[1].name = "plain"
    elif not arguments.without_postfix:
        servers.append(Postfix(f"{folder}/postfix", free_port(), sinks[1].port))
    results = {server.name: [] for server in servers}
    try:
        if arguments.cluster:
            wait_for(lambda: sinks[0].count() > 0, 60, "the cluster's first delivery")
        if arguments.refusing:
            add_refusal(servers[0])
        for server, sink in zip(servers, sinks):
            measure(source, server, sink, 1000, "--size", str(arguments.size))  # warm
        for run in range(arguments.runs):
            for server, sink in zip(servers, sinks):
                result = measure(source, server, sink, arguments.messages, "--size", str(arguments.size))
                results[server.name].append(result)
                print(f"run {run + 1} {server.name:10} {result['rate']:8.0f} msg/s {result['cpu_ms']:7.3f} CPU-ms/msg", flush=True)
        medians = {name: {key: statistics.median(r[key] for r in rows) for key in rows[0]} for name, rows in results.items()}
        for name, row in medians.items():
            print(f"median {name:10} {row['rate']:8.0f} msg/s {row['cpu_ms']:7.3f} CPU-ms/msg")
        if "postfix" in medians:
            print(f"rate {medians['cleanmail']['rate'] / medians['postfix']['rate']:.2f}x, "
                  f"CPU {medians['cleanmail']['cpu_ms'] / medians['postfix']['cpu_ms']:.2f}x of Postfix")
        if arguments.cluster:
            for name, value in medians["cleanmail"].items():
                if name.startswith("of "):
                    print(f"  {name[3:]:20} {value:7.3f} CPU-ms/msg")
            return
        if "plain" in medians:
            what = [f"{arguments.rules} rules"] * bool(arguments.rules) + ["tracking"] * arguments.tracking
            print(f"with {' and '.join(what)}: rate {medians['cleanmail']['rate'] / medians['plain']['rate']:.2f}x, "
                  f"CPU {medians['cleanmail']['cpu_ms'] / medians['plain']['cpu_ms']:.2f}x of without")
            return
        half = medians["cleanmail"]["rate"] / 2
        latencies, appends = [], []
        for _ in range(arguments.runs):
            number = min(arguments.messages, int(half * 10))
            delay, append = latency(source, servers[0], folder, arguments.size, number, half)
            latencies.append(delay)
            appends.append(append)
        print(f"end of data to 250 at {half:.0f} msg/s: p99 {statistics.median(latencies):.2f} ms; synced append of {arguments.size} bytes: "
              f"p99 {statistics.median(appends):.2f} ms; {statistics.median(latencies) / statistics.median(appends):.1f}x")
    finally:
        for each in servers + sinks:
            each.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
