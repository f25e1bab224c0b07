"""A whole cluster on one machine: the engines (engines.py) and a process for each room, on loopback.

    with Cluster(folder, binaries) as cluster:      # start() and stop()
        cluster.ask("GET", "/v1/tenants")           # door.py
        cluster.room("egress").kill(); cluster.room("egress").start()
        cluster.postgres.kill(); cluster.postgres.start()

`tests/api/gateway.py` is its standalone twin: both have the doors of door.py.
"""
import hashlib
import http.client
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import sys

from door import Door
from engines import S3, Clamd, Failed, Kafka, Postgres, Program, Redis, free_port, wait

ROOMS = ["provisioning", "policy", "quarantine", "reporting", "egress", "portal", "scanner", "ingress"]
WITH_ROWS = ["provisioning", "policy", "quarantine", "reporting", "egress", "portal", "scanner"]  # a schema in PostgreSQL each
WITH_BODIES = ["ingress", "scanner", "quarantine", "egress", "reporting"]  # the last only deletes them
TRUST_DOMAIN = "cleanmail"


class Authority:
    """Makes the certificates by which rooms know each other."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self.certificate = folder / "authority.pem"
        if not self.certificate.exists():
            self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650", "-subj",
                          "/CN=cleanmail authority", "-addext", "keyUsage=critical,keyCertSign", "-keyout", folder / "authority.key",
                          "-out", self.certificate)

    def issue(self, room, days=365):
        """A certificate for a room and its key; what is there is replaced. → their files."""
        certificate, key = self.folder / f"{room}.pem", self.folder / f"{room}.key"
        request, extensions = self.folder / f"{room}.csr", self.folder / f"{room}.ext"
        extensions.write_text(f"subjectAltName=URI:spiffe://{TRUST_DOMAIN}/{room},DNS:{room}\nextendedKeyUsage=serverAuth,clientAuth\n")
        self._openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={room}", "-keyout",
                      f"{key}.new", "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.folder / "authority.key", "-days", days,
                      "-set_serial", f"0x{secrets.token_hex(15)}", "-extfile", extensions, "-out", f"{certificate}.new")
        os.replace(f"{key}.new", key)
        os.replace(f"{certificate}.new", certificate)
        request.unlink()
        extensions.unlink()
        return certificate, key

    @staticmethod
    def _openssl(*arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"openssl {arguments[0]}: {done.stderr.strip()}")


class Room:
    """One process of a room; `instance` counts from 1."""

    def __init__(self, cluster, name, instance=1):
        self.cluster, self.name, self.instance = cluster, name, instance
        self.title = name if instance == 1 else f"{name}-{instance}"
        self.folder = cluster.folder / self.title
        self.rpc, self.operations = free_port(), free_port()
        self.program = None
        self.wrapper = []  # before the program's name: faketime

    def write_config(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self.config = self.folder / f"{self.name}.yaml"
        self.config.write_text(self.cluster.config_of(self))
        self.config.chmod(0o600)

    def start(self):
        binary = self.cluster.binaries / self.name
        self.program = self.program or Program(self.title, [*self.wrapper, binary, "--config", self.config], self.folder / "log")
        self.program.start()

    def is_ready(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.operations, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        finally:
            connection.close()

    def wait_ready(self, patience=90):
        wait(self.is_ready, f"{self.title} (see {self.folder}/log)", patience, self.running)

    def running(self):
        return self.program is not None and self.program.running()

    def stop(self):
        self.program.stop()

    def kill(self):
        self.program.kill()

    def restart(self):
        self.stop()
        self.start()

    def send(self, number):
        self.program.send(number)

    @property
    def pid(self):
        return self.program.process.pid


class Cluster(Door):
    def __init__(self, folder, binaries, instances=None, brokers=1, clamd=True, settings=None, say=lambda text: None,
                 engines_folder=None, host_name="gateway.example.org", spam_rules=True):
        """`binaries`: a folder with a program per room. `instances`: processes of a room, when not one. `settings`: more YAML for a
        room's file (`{"ingress": "ingress: {…}"}` replaces its section). `say` hears of progress. `spam_rules`: whether mail is
        judged by those that are installed."""
        self.folder = pathlib.Path(folder).resolve()
        self.binaries = pathlib.Path(binaries)
        self.settings, self.say, self.host_name = settings or {}, say, host_name
        self.spam_rules = spam_rules
        self.dns = "{ records_only: true }   # a trial needs no DNS: to every name there is nothing"
        if len(str(self.folder)) > 70:
            raise Failed(f"{self.folder} is too long a path for the sockets in it")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self.engines_folder = pathlib.Path(engines_folder) if engines_folder else self._engines_folder()
        self.engines_folder.mkdir(parents=True, exist_ok=True)
        self.engines_folder.chmod(0o755)
        self.postgres = Postgres(self.engines_folder / "postgres")
        self.redis = Redis(self.engines_folder / "redis")
        self.kafka = Kafka(self.engines_folder / "kafka", brokers)
        self.s3 = S3(self.engines_folder / "s3")
        self.clamd = Clamd(self.engines_folder / "clamd") if clamd else None
        self.smtp, self.api = free_port(), free_port()
        self.smtp_ports = {}
        self.rooms = [Room(self, name, i + 1) for name in ROOMS for i in range((instances or {}).get(name, 1))]
        self.authority = None
        self.passwords = {room: secrets.token_hex(16) for room in WITH_ROWS}

    def _engines_folder(self):
        """Engines that refuse to be root's must be able to enter their folder, which root's own home may forbid."""
        if os.getuid() != 0:
            return self.folder / "engines"
        return pathlib.Path("/var/tmp") / f"cleanmail-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]}"

    # --- doors ---
    @property
    def api_socket(self):
        return self.folder / "portal/data/api.sock"

    @property
    def operations(self):
        return self.room("ingress").operations

    def environment(self):
        """For the command line."""
        return {"CLEANMAIL_SOCKET": str(self.api_socket)}

    def room(self, title):
        """`egress`, `egress-2`."""
        return next(r for r in self.rooms if r.title == title)

    def engines(self):
        return [e for e in (self.postgres, self.redis, self.kafka, self.s3, self.clamd) if e]

    def running(self):
        return all(r.running() for r in self.rooms)

    # --- life ---
    def start(self):
        self.start_engines()
        self.prepare_rooms()
        self.start_rooms()

    def start_engines(self):
        for engine in self.engines():
            self.say(f"{engine.name} …")
            engine.start()

    def prepare_rooms(self):
        """Schemas, certificates, secrets, settings."""
        self.postgres.make_schemas(self.passwords)
        self.say("certificates and settings of the rooms …")
        self.authority = Authority(self.folder / "certificates")
        self._write_secrets()
        for room in self.rooms:
            self.authority.issue(room.name)
            room.write_config()

    def start_rooms(self):
        for room in self.rooms:
            room.start()
        for room in self.rooms:
            room.wait_ready()
            self.say(f"{room.title} is ready")
        self.wait(lambda: self.ask("GET", "/v1/me").status == 200, "the API")

    def stop(self):
        # Where mail comes in first, what the others ask last.
        for room in reversed(self.rooms):
            if room.program:
                room.send(signal.SIGTERM)
        for room in reversed(self.rooms):
            if room.program:
                room.stop()
        for engine in reversed(self.engines()):
            engine.stop()

    close = stop

    def kill(self):
        for part in [*(r for r in self.rooms if r.program), *self.engines()]:
            part.kill()

    def remove(self):
        """Everything it has kept."""
        shutil.rmtree(self.engines_folder, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    # --- settings ---
    def _write_secrets(self):
        folder = self.folder / "secrets"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)
        master = folder / "master_key"
        if not master.exists():
            master.write_text(secrets.token_hex(32) + "\n")  # 32 bytes; keep it, as one would in earnest
        for name, secret in {"redis": self.redis.password, "s3": self.s3.secret,
                             **{f"postgres_{room}": password for room, password in self.passwords.items()}}.items():
            (folder / name).write_text(secret + "\n")
        for file in folder.iterdir():
            file.chmod(0o600)

    def config_of(self, room):
        secret, certificates = self.folder / "secrets", self.folder / "certificates"
        targets = {}
        for other in self.rooms:
            targets.setdefault(other.name, []).append(f"127.0.0.1:{other.rpc}")
        lines = [
            "app:",
            "  profile: cluster",
            f"  data_folder: {room.folder}/data",
            f"  host_name: {self.host_name}",
            f"  instance: {room.title}",
            f"  operations: {{ listen: \"127.0.0.1:{room.operations}\" }}",
            "  destinations: { allow_loopback: true }   # the mailbox server of a trial runs here",
            f"  dns: {self.dns}",
            "  rpc:",
            f"    listen: 127.0.0.1:{room.rpc}",
            f"    tls: {{ certificate: {certificates}/{room.name}.pem, key: {certificates}/{room.name}.key, "
            f"authority: {certificates}/authority.pem, trust_domain: {TRUST_DOMAIN} }}",
            "    peers:",
            *[f"      - {{ room: {name}, target: \"ipv4:{','.join(at)}\" }}" for name, at in targets.items() if name != room.name],
            f"  kafka: {{ brokers: [{', '.join(chr(34) + a + chr(34) for a in self.kafka.addresses)}], partitions: 6 }}",
            f"  redis: {{ addresses: [\"{self.redis.address}\"], password: \"file:{secret}/redis\" }}",
        ]
        if room.name in WITH_ROWS:
            lines.append(f"  postgres: {{ hosts: [\"{self.postgres.address}\"], tls: disable, "
                         f"password: \"file:{secret}/postgres_{room.name}\" }}")
        if room.name in WITH_BODIES:
            lines.append(f"  s3: {{ endpoint: \"{self.s3.endpoint}\", bucket: {self.s3.bucket}, access_key: {self.s3.access}, "
                         f"secret_key: \"file:{secret}/s3\"" + (", sweeps: true" if room.name == "reporting" else "") + " }")
        if room.name == "provisioning":
            lines.append(f"  master_key: \"file:{secret}/master_key\"")
        return "\n".join(lines) + "\n" + self.settings.get(room.name, self._section_of(room)) + "\n"

    def _section_of(self, room):
        if room.name == "ingress":
            port = self.smtp if room.instance == 1 else self.smtp_ports.setdefault(room.title, free_port())
            tls = self.folder / "tls"
            certificate = (f", certificates: [{{ chain_file: {tls}/cert.pem, key_file: {tls}/key.pem }}]" if (tls / "cert.pem").exists()
                           else "")
            return f"ingress:\n  listeners:\n    - {{ name: mx, listen: \"127.0.0.1:{port}\", role: mx{certificate} }}"
        if room.name == "scanner":
            rules = "" if self.spam_rules else "\n  spam_rules: { off: true }"
            clamd = f"\n  clamd: {{ address: \"{self.clamd.address}\", config_file: {self.clamd.config} }}" if self.clamd else ""
            return f"scanner:{rules}{clamd}" if rules or clamd else ""
        if room.name == "portal":
            api = self.api if room.instance == 1 else free_port()
            return f"portal:\n  listen: 127.0.0.1:{api}\n  requests_per_second: 100000"
        return ""


def built_binaries(optimised=False):
    """The programs of all rooms, built if need be. → the folder of $CLEANMAIL_BINARIES, or one of links to what Bazel has built."""
    if os.environ.get("CLEANMAIL_BINARIES"):
        return pathlib.Path(os.environ["CLEANMAIL_BINARIES"])
    root = pathlib.Path(__file__).resolve().parents[2]
    mode = ["-c", "opt"] if optimised else []
    subprocess.run(["bazel", "build", *mode, "//services:all_binaries", "//tests/sink"], check=True, cwd=root,
                   stderr=None if sys.stderr.isatty() else subprocess.DEVNULL)
    out = subprocess.run(["bazel", "info", *mode, "bazel-bin"], check=True, cwd=root, capture_output=True, text=True).stdout.strip()
    return collect(pathlib.Path(out), root / ".cluster-binaries")


def collect(bazel_bin, folder):
    """Copies the programs out of Bazel's tree, where the next build would change them."""
    folder.mkdir(parents=True, exist_ok=True)
    programs = {**{room: f"services/{room}/{room}" for room in ROOMS}, "cleanmail": "services/allinone/cleanmail",
                "cleanmail-scan-worker": "services/scanner/worker/cleanmail-scan-worker", "sink": "tests/sink/sink"}
    for name, path in programs.items():
        fresh = folder / f"{name}.new"
        shutil.copyfile(bazel_bin / path, fresh)
        fresh.chmod(0o755)
        os.replace(fresh, folder / name)
    return folder
