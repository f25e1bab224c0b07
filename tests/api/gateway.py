"""A private gateway with its REST API, for tests: standalone, or with CLEANMAIL_PROFILE=cluster a process a room."""
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy/compose"))
from cluster import Cluster, built_binaries  # noqa: E402
from door import Door  # noqa: E402
from engines import free_port  # noqa: E402

CONFIG = """\
app:
  data_folder: {folder}/data
  host_name: gateway.example.net
  operations: {{ listen: "127.0.0.1:{operations}" }}
  spool: {{ min_free_bytes: 1 }}
  destinations: {{ allow_loopback: true }}
  dns: {{ records_only: true }}
  log: {{ level: warning, file: {folder}/gateway.log }}
ingress:
  listeners:
    - {{ name: mx, listen: "127.0.0.1:{smtp}", role: mx }}
portal:
  listen: "127.0.0.1:{api}"
  requests_per_second: 100000
"""
SCANNER = "scanner:\n  spam_rules: { off: true }\n"  # where the settings do not speak of it


def binary():
    """The gateway, built if need be."""
    subprocess.run(["bazel", "build", "//:cleanmail"], check=True, stderr=subprocess.DEVNULL)
    out = subprocess.run(["bazel", "info", "bazel-bin"], check=True, capture_output=True, text=True).stdout.strip()
    return f"{out}/services/allinone/cleanmail"


class Gateway(Door):
    def __init__(self, folder, settings="", program=None):
        self.folder = pathlib.Path(folder)
        self.smtp, self.api, self.operations = free_port(), free_port(), free_port()
        config = self.folder / "cleanmail.yaml"
        config.write_text(CONFIG.format(folder=folder, smtp=self.smtp, api=self.api, operations=self.operations) + settings +
                          ("" if "scanner:" in settings else SCANNER))
        self.process = subprocess.Popen([program or os.environ.get("CLEANMAIL_BINARY") or binary(), "serve", "--config", str(config)])
        self.wait(lambda: self.ask("GET", "/v1/me").status == 200, "the API")

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def running(self):
        return self.process.poll() is None

    @property
    def api_socket(self):
        return self.folder / "data/api.sock"


@contextlib.contextmanager
def running(settings="", profile=os.environ.get("CLEANMAIL_PROFILE"), program=None):
    """A gateway for the time of a `with`; `settings`: more sections of its configuration, YAML. `program`: of standalone, when not the built one."""
    with tempfile.TemporaryDirectory(prefix="cleanmail_", dir="/tmp") as folder:
        os.chmod(folder, 0o700)
        try:
            gateway = start_cluster(folder, settings) if profile == "cluster" else Gateway(folder, settings, program)
            try:
                yield gateway
            finally:
                gateway.close()
        except BaseException:
            tell_logs(pathlib.Path(folder))
            raise


def tell_logs(folder, lines=15):
    """What the processes said last, for whoever looks for the cause of a failure."""
    for log in sorted([*folder.glob("*.log"), *folder.glob("c/*/log")]):
        last = log.read_text(errors="replace").splitlines()[-lines:]
        if last:
            print(f"--- {log.relative_to(folder)}", *last, sep="\n", file=sys.stderr)


def start_cluster(folder, settings=""):
    """The same as processes of their own; each section goes to its room."""
    sections = {re.match(r"\w+", part)[0]: part for part in re.split(r"^(?=\w)", settings, flags=re.M) if part.strip()}
    os.chmod(folder, 0o711)  # engines that are not root's pass through it
    cluster = Cluster(f"{folder}/c", built_binaries(), settings=sections, clamd=False, engines_folder=f"{folder}/engines",
                      host_name="gateway.example.net", spam_rules=False)
    try:
        cluster.start()
    except BaseException:
        cluster.kill()
        raise
    return cluster
