"""What load runs share: a sink that counts, processor time of a server's processes, one measured run."""
import json
import os
import pathlib
import socket
import subprocess
import time

TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ticks_of(process):
    """CPU so far of a process and of its children that have ended."""
    try:
        fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:15]))
    except FileNotFoundError:
        return 0


def family(process):
    """A process and all that it and its children have started and that still live."""
    children = []
    try:
        for task in os.listdir(f"/proc/{process}/task"):
            children += pathlib.Path(f"/proc/{process}/task/{task}/children").read_text().split()
    except FileNotFoundError:  # ended meanwhile
        pass
    return [process, *(p for child in children for p in family(int(child)))]


class Sink:
    """tests/sink, counting arrivals by the lines of its id file."""

    def __init__(self, binary, folder):
        self.ids = pathlib.Path(folder) / "sink.ids"
        self.port = free_port()
        self.process = subprocess.Popen([str(binary), f"127.0.0.1:{self.port}", "--quiet", "--ids", str(self.ids)], stdout=subprocess.DEVNULL)
        time.sleep(0.5)

    def count(self):
        return self.ids.read_bytes().count(b"\n") if self.ids.exists() else 0

    def last(self):
        """When the last one arrived, in seconds since 1970."""
        return self.ids.stat().st_mtime

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def wait_for(condition, seconds, what, every=0.005):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {seconds} s in vain for {what}")
        time.sleep(every)


def send(source, server, messages, *more):
    out = subprocess.run([str(source), f"127.0.0.1:{server.port}", "--messages", str(messages), "--connections", "20", *more],
                         check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def measure(source, server, sink, messages, *more, may_refuse=False):
    """One run; messages a second from the first byte to the last arrival, and CPU-ms a message. What the server holds or (`may_refuse`) refuses
    need not arrive."""
    arrived, held, begin = sink.count(), server.held(), time.time()
    before = {name: sum(map(ticks_of, processes)) for name, processes in server.parts().items()}
    result = send(source, server, messages, *more)
    if result["failed"] and not may_refuse:
        raise RuntimeError(f"{server.name} refused {result['failed']} messages")
    wait_for(lambda: sink.count() - arrived + server.held() - held >= result["acknowledged"], 300, f"{server.name}'s deliveries", every=0.1)
    seconds = sink.last() - begin
    time.sleep(1)  # what is written behind counts too
    row = {"rate": messages / seconds, "cpu_ms": 0, "p99_ms": result["p99_us"] / 1000, "held": server.held() - held, "refused": result["failed"]}
    for name, processes in server.parts().items():
        cpu = (sum(map(ticks_of, processes)) - before.get(name, 0)) * TICK_MS / messages
        row[f"of {name}"] = cpu
        row["cpu_ms"] += cpu
    return row
