"""A cluster on this machine for load runs: a process a room and the engines, with one tenant whose domain example.org goes to a sink."""
import pathlib
import tempfile

from cluster import Cluster, collect
from engines import free_port
from measuring import family

INGRESS = """\
ingress:
  listeners:
    - {{ name: mx, listen: "127.0.0.1:{port}", role: mx }}
  limits:
    sessions: 100000
    sessions_per_address: 100000
    sessions_per_network: 100000
"""


class Clustered:
    name = "cleanmail"

    def __init__(self, bazel_bin, folder, sink_port):
        self.programs = tempfile.TemporaryDirectory(prefix="cleanmail-programs-")
        self.port = free_port()
        self.cluster = Cluster(folder, collect(pathlib.Path(bazel_bin), pathlib.Path(self.programs.name)), clamd=False,
                               settings={"ingress": INGRESS.format(port=self.port)}, engines_folder=f"{folder}-engines", spam_rules=False)
        self.cluster.kafka.compiler = []
        self.cluster.start()
        self.cluster.must("POST", "/v1/tenants", {"name": "tenants/acme"})
        self.cluster.must("POST", "/v1/tenants/acme/domains", {"name": "tenants/acme/domains/example.org", "recipientMode": "RECIPIENT_MODE_ANY"})
        self.cluster.must("POST", "/v1/tenants/acme/routes", {"name": "tenants/acme/routes/example.org", "destinations": [f"127.0.0.1:{sink_port}"]})
        self.cluster.smtp = self.port
        self.cluster.wait(self.takes_mail, "the first mail to be taken")

    def takes_mail(self):
        try:
            self.cluster.mail("first@client.example", "first@example.org", "first", "Hello.")
            return True
        except Exception:  # refused as long as ingress does not know the domain
            return False

    def set_rules(self, rules):
        """Of the tenant's policy."""
        self.cluster.must("PATCH", "/v1/tenants/acme/policies/standard", {"rules": rules})

    def parts(self):
        """Processes by what they are."""
        parts = {room.title: family(room.pid) for room in self.cluster.rooms}
        for engine in self.cluster.engines():
            parts[engine.name] = [p for program in programs_of(engine) for p in family(program.process.pid)]
        return parts

    def held(self):
        return 0

    def stop(self):
        self.cluster.stop()
        self.cluster.remove()
        self.programs.cleanup()


def programs_of(engine):
    return getattr(engine, "programs", None) or [engine.program]
