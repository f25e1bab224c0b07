"""A private gateway over a folder of its own, for load and kill runs."""
import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.request

from measuring import family

CONFIG = """\
app:
  data_folder: {folder}/data
  host_name: gateway.example.net
  destinations: {{ allow_loopback: true }}
  dns: {{ {dns} }}
  operations: {{ listen: "127.0.0.1:{operations}" }}
  spool: {{ min_free_bytes: {min_free_bytes} }}
ingress:
  listeners:
    - {{ name: mx, listen: "127.0.0.1:{port}", role: mx{listener} }}
  limits:
    sessions: 100000
    sessions_per_address: 100000
    sessions_per_network: 100000
"""
FILTERS_NOTHING = "scanner:\n  spam_rules: { off: true }\n"


class Gateway:
    """`cleanmail serve` with one tenant whose domain example.org goes to a sink."""

    name = "cleanmail"

    def __init__(self, binary, folder, port, operations_port, sink_port, tls=None, min_free_bytes=1, environment=None, command=None, dns="records_only: true",
                 listener="", sections=FILTERS_NOTHING):
        self.command_line = str(command or binary)
        self.binary, self.folder, self.port, self.operations = str(binary), pathlib.Path(folder), port, operations_port
        self.folder.mkdir(parents=True, exist_ok=True)
        listener += ", certificates: [{ chain_file: %s, key_file: %s }]" % tls if tls else ""
        (self.folder / "cleanmail.yaml").write_text(
            CONFIG.format(folder=folder, port=port, operations=operations_port, listener=listener, dns=dns, min_free_bytes=min_free_bytes) + sections)
        self.environment = dict(os.environ, CLEANMAIL_SOCKET=f"{folder}/data/api.sock", **(environment or {}))
        self.process = None
        self.start()
        if "acme" not in self.command("tenants", "list"):
            self.command("tenants", "add", "acme")
            self.command("domains", "add", "acme", "example.org")
            self.command("routes", "add", "acme", "example.org", f"127.0.0.1:{sink_port}")
            time.sleep(0.5)

    def start(self):
        """Starts it; returns the seconds until it was ready."""
        begin = time.monotonic()
        with open(self.folder / "gateway.log", "ab") as log:
            self.process = subprocess.Popen([self.binary, "serve", "--config", str(self.folder / "cleanmail.yaml")],
                                            stderr=log, env=self.environment)
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.operations}/readyz", timeout=1) as answer:
                    if answer.status == 200:
                        return time.monotonic() - begin
            except OSError:
                pass
            if self.process.poll() is not None:
                raise RuntimeError(f"the gateway ended with {self.process.returncode}: see {self.folder}/gateway.log")
            if time.monotonic() - begin > 120:
                raise RuntimeError(f"the gateway is not ready: see {self.folder}/gateway.log")
            time.sleep(0.005)

    def command(self, *arguments):
        return subprocess.run([self.command_line, *arguments], env=self.environment, check=True, capture_output=True, text=True).stdout

    def set_rules(self, rules):
        """Of the tenant's policy."""
        file = self.folder / "policy.json"
        file.write_text(json.dumps({"rules": rules}))
        self.command("policies", "put", "acme", "standard", "--file", str(file))

    def parts(self):
        """Processes by what they are."""
        gateway, *others = family(self.process.pid)
        return {"gateway": [gateway], "worker": others} if others else {"gateway": [gateway]}

    def held(self):
        """Messages in quarantine, ever."""
        return self.metric("cleanmail_quarantine_holds_total")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(60)

    def metric(self, name):
        """Sum of a metric over its labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.operations}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name)
