"""What the faults of a cluster are played in: a cluster with a sink, load that writes down what was acknowledged, and who counts."""
import collections
import concurrent.futures
import http.client
import os
import pathlib
import re
import smtplib
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "deploy/compose"))
sys.path.insert(0, str(HERE))
from cluster import Cluster  # noqa: E402
from engines import S3, Failed, Program, free_port, listens, wait  # noqa: E402
from object_store_proxy import ObjectStoreProxy  # noqa: E402

ROUTED, NAMED = "example.org", "named.example"  # reached by a route, by MX
SECONDS_TO_DELIVER = 0.1                          # so that something is in flight when egress ends
CONNECTIONS_TO_SINK = 20                          # egress.connections_per_destination
ZONE = """
server:
  interface: 127.0.0.1
  port: {port}
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  module-config: "iterator"
  do-not-query-localhost: no
  local-zone: "." static
  local-data: "named.example. 5 IN MX 10 mx.named.example."
  local-data: "mx.named.example. 5 IN A 127.0.0.1"
remote-control:
  control-enable: no
"""


class NameServer(Program):
    """Knows the zone above, and that nothing else is."""

    def __init__(self, folder):
        self.port = free_port()
        (folder / "unbound.conf").write_text(ZONE.format(port=self.port, folder=folder))
        super().__init__("unbound", ["/usr/sbin/unbound", "-c", folder / "unbound.conf"], folder / "unbound.log")


class IllS3(S3):
    """Reached through a proxy that can be made ill."""

    def __init__(self, folder):
        super().__init__(folder)
        self.proxy = ObjectStoreProxy(self.port)

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.proxy.port}"


class FaultyCluster(Cluster):
    """A cluster whose spare rooms start only when a fault asks for them, and whose names come from a name server of its own."""

    SMALL_DISK_BROKER, SMALL_DISK_BYTES = 2, "96m"

    def __init__(self, folder, binaries, sink_port, brokers, pairs, say, small_disk):
        super().__init__(folder, binaries, instances={room: 2 for room in pairs}, brokers=brokers, say=say, spam_rules=False)
        self.sink_port = sink_port
        self.s3 = IllS3(self.engines_folder / "s3")
        self.names = NameServer(self.folder)
        self.small_disk = self.kafka.folder / f"broker{self.SMALL_DISK_BROKER + 1}/data" if small_disk else None
        self.spare = {r.title for r in self.rooms if r.instance > 1 and r.name != "egress"}

    def start(self):
        if self.small_disk:
            self.kafka._prepare(self.SMALL_DISK_BROKER)  # what a broker's data begins with must lie on the small disk
            begin = {f.name: f.read_bytes() for f in self.small_disk.iterdir()}
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.SMALL_DISK_BYTES}", "tmpfs", self.small_disk], check=True)
            for name, content in begin.items():
                (self.small_disk / name).write_bytes(content)
        super().start()

    def used(self):
        return [r for r in self.rooms if r.title not in self.spare]

    def running(self):
        return True  # here rooms may be dead

    def start_rooms(self):
        for room in self.used():
            room.start()
        for room in self.used():
            room.wait_ready()
        self.wait(lambda: self.ask("GET", "/v1/me").status == 200, "the API")

    def config_of(self, room):
        self.dns = f"{{ forwarders: [\"127.0.0.1@{self.names.port}\"], timeout: 2s }}"
        text = super().config_of(room)
        if self.kafka.count > 1:
            text = text.replace("partitions: 6 }", f"partitions: 6, replication: {self.kafka.count}, min_in_sync: {self.kafka.min_in_sync} }}")
        return text

    def _section_of(self, room):
        if room.name == "egress":
            return f"egress: {{ first_retry: 2s, longest_retry: 10s, mx_may_be_private: true, smtp_port: {self.sink_port} }}"
        section = super()._section_of(room)
        if room.name == "ingress":
            section += "\n  limits: { sessions: 10000, sessions_per_address: 10000, sessions_per_network: 10000 }"
        return section


class Load:
    """Senders that mail ids of their own until they are told to stop, and never send an id twice. `acknowledged`: id → when."""

    def __init__(self, port, name, per_second, domain=ROUTED, senders=8, most=10 ** 9):
        self.port, self.name, self.domain, self.most = port, name, domain, most
        self.pause = senders / per_second if per_second else 0
        self.acknowledged, self.replies, self.last_words = {}, collections.Counter(), b""
        self._stop, self._lock, self._number = threading.Event(), threading.Lock(), 0
        self._senders = [threading.Thread(target=self._send, daemon=True) for _ in range(senders)]
        for sender in self._senders:
            sender.start()

    def _next(self):
        with self._lock:
            self._number += 1
            return f"{self.name}-{os.getpid()}-{self._number}" if self._number <= self.most else None

    def _send(self):
        client, sent = None, 0
        while not self._stop.is_set():
            begin = time.monotonic()
            if (name := self._next()) is None:
                return
            try:
                if client is None:
                    client, sent = smtplib.SMTP("127.0.0.1", self.port, local_hostname="client.example", timeout=60), 0
                client.sendmail("load@client.example", [f"ann@{self.domain}"], self._mail(name))
                self.acknowledged[name] = time.monotonic()
                code = 250
            except smtplib.SMTPRecipientsRefused as refused:
                code, self.last_words = next(iter(refused.recipients.values()))
            except smtplib.SMTPResponseException as refused:
                code, self.last_words = refused.smtp_code, refused.smtp_error
            except (smtplib.SMTPException, OSError):
                code = 0
            self.replies[code] += 1
            sent += 1
            if client and (code != 250 or sent >= 20):
                client.close()
                client = None
            self._stop.wait(max(self.pause - (time.monotonic() - begin), 0.1 if code != 250 else 0))
        if client:
            client.close()

    def _mail(self, name):
        return (f"From: <load@client.example>\r\nTo: <ann@{self.domain}>\r\nSubject: {name}\r\nX-Load-Id: {name}\r\n"
                f"Message-ID: <{name}@client.example>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\n"
                + "The quick brown fox jumps over the lazy dog.\r\n" * 40)

    def stop(self):
        self._stop.set()
        for sender in self._senders:
            sender.join(90)

    def finished(self):
        return not any(s.is_alive() for s in self._senders)


class Sink:
    """The mailbox server; `arrived`: id → how often, `first`: id → when it came first."""

    def __init__(self, folder):
        self.port, self.ids = free_port(), folder / "sink.ids"
        self.program = Program("the mailbox server", [sys.executable, HERE / "slow_sink.py", self.port, self.ids, SECONDS_TO_DELIVER],
                               folder / "sink.log")
        self.arrived, self.first = collections.Counter(), {}
        threading.Thread(target=self._watch, daemon=True).start()

    def start(self):
        self.program.start()
        wait(lambda: listens(self.port), "the mailbox server", 30, self.program.running)

    def _watch(self):
        position, rest = 0, b""
        while True:
            if self.ids.exists():
                with open(self.ids, "rb") as file:
                    file.seek(position)
                    new = file.read()
                position += len(new)
                *lines, rest = (rest + new).split(b"\n")
                now = time.monotonic()
                for line in lines:
                    self.first.setdefault(line.decode(), now)
                    self.arrived[line.decode()] += 1
            time.sleep(0.1)


class Watch:
    """Reads the metrics and warnings of all rooms again and again, and keeps what was highest (`highest[metric, room]`) and who said
    what (`warnings`). A room that does not answer has `up` 0, which is kept as `down` 1."""

    ALARMS = re.compile(r"^(cleanmail_(?:bus_lag_events|bus_queued_events|bus_partly_kept|bus_dead_letters_total|kv_degraded|"
                        r"sql_away|blob_away|scanner_engine_away|egress_open_deliveries|rpc_failures_total|app_warnings)"
                        r"|[a-z_]*away)(?:\{[^}]*\})? (\S+)$")

    def __init__(self, cluster):
        self.cluster, self.latest, self.warnings = cluster, {}, collections.defaultdict(set)
        self.highest, self.base = {}, {}
        self._pool = concurrent.futures.ThreadPoolExecutor(16)
        threading.Thread(target=self._run, daemon=True).start()

    def begin(self):
        self.base = dict(self.latest)
        self.highest = dict(self.latest)
        self.warnings = collections.defaultdict(set)

    def _run(self):
        while True:
            list(self._pool.map(self._read, self.cluster.used()))
            time.sleep(0.5)

    def _read(self, room):
        seen = {("down", room.title): 0.0}
        try:
            for line in self._get(room, "/metrics").splitlines():
                if match := self.ALARMS.match(line):
                    key = (match[1], room.title)
                    seen[key] = seen.get(key, 0.0) + float(match[2])
            for line in self._get(room, "/readyz").splitlines():
                if line != "ready":
                    self.warnings[line.removeprefix("warning: ")].add(room.title)
        except (OSError, http.client.HTTPException):
            seen = {("down", room.title): 1.0}
        self.latest.update(seen)
        for key, value in seen.items():
            self.highest[key] = max(self.highest.get(key, 0.0), value)

    @staticmethod
    def _get(room, path):
        connection = http.client.HTTPConnection("127.0.0.1", room.operations, timeout=3)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def lag(self):
        """Events nobody has finished yet and mail egress has in hand, as last read; None while a room does not answer."""
        if any(self.latest.get(("down", r.title), 1.0) for r in self.cluster.used()):
            return None
        used = {r.title for r in self.cluster.used()}
        return sum(v for (metric, room), v in self.latest.items()
                   if room in used and metric in ("cleanmail_bus_lag_events", "cleanmail_egress_open_deliveries"))

    def moved(self):
        """metric → (room, before, highest), of each metric the room where it moved most."""
        most = {}
        for (metric, room), high in self.highest.items():
            before = self.base.get((metric, room), 0.0)
            if high - before > most.get(metric, (None, 0.0, 0.0))[2] - most.get(metric, (None, 0.0, 0.0))[1]:
                most[metric] = (room, before, high)
        return most


def held(cluster):
    """Subjects of what quarantine holds."""
    subjects, token = set(), ""
    while True:
        page = cluster.must("GET", f"/v1/tenants/acme/holds?onlyHeld=true&pageSize=500&pageToken={token}")
        subjects |= {h.get("subject", "") for h in page.get("holds", [])}
        token = page.get("nextPageToken", "")
        if not token:
            return subjects


def open_scene(folder, binaries, brokers, pairs, say, small_disk=False):
    """A running cluster whose tenant's mail arrives. → cluster, sink."""
    folder.mkdir(parents=True, exist_ok=True)
    sink = Sink(folder)
    cluster = FaultyCluster(folder / "c", binaries, sink.port, brokers, pairs, say, small_disk)
    try:
        sink.start()
        cluster.names.start()
        cluster.start()
        cluster.must("POST", "/v1/tenants", {"name": "tenants/acme", "displayName": "Acme"})
        for domain in (ROUTED, NAMED):
            cluster.must("POST", "/v1/tenants/acme/domains", {"name": f"tenants/acme/domains/{domain}"})
        cluster.must("POST", "/v1/tenants/acme/routes",
                     {"name": f"tenants/acme/routes/{ROUTED}", "destinations": [f"127.0.0.1:{sink.port}"]})
        for domain in (ROUTED, NAMED):
            _first_mail(cluster, sink, domain)
    except BaseException:
        cluster.kill()
        raise
    return cluster, sink


def _first_mail(cluster, sink, domain):
    first = Load(cluster.smtp, f"first-{domain}", 5, domain, senders=1)
    try:
        end = time.monotonic() + 60
        while not any(name in sink.arrived for name in list(first.acknowledged)):
            if time.monotonic() > end:
                raise Failed(f"no mail to {domain} arrives: {dict(first.replies)}")
            time.sleep(0.1)
    finally:
        first.stop()
