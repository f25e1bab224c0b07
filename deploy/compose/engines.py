"""The engines of a cluster on one machine, each a private instance on loopback: PostgreSQL, Redis, Kafka, an S3 server, clamd.

Every engine has start(), stop(), kill(), running() and what is needed to reach it. Nothing outlives this process: the kernel kills
what is left of it.
"""
import contextlib
import ctypes
import os
import pathlib
import random
import secrets
import shutil
import signal
import socket
import subprocess
import time

SERVERS = pathlib.Path(os.environ.get("CLEANMAIL_SERVERS") or "/var/cache/cleanmail/servers")
POSTGRES = pathlib.Path("/usr/lib/postgresql/15/bin")
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """Something did not start; the text says what and where to look."""


_given = set()


def free_port():
    """One that this process has not given out, below those the kernel gives to connections: one of these could take it before its owner has
    started."""
    while True:
        port = random.randrange(10240, 32000)
        with contextlib.suppress(OSError), socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port


def wait(is_true, what, patience=60, alive=lambda: True):
    """Until `is_true()`; an error of connections is no. Failed when it takes longer, or what is waited for has ended."""
    end = time.monotonic() + patience
    while True:
        with contextlib.suppress(OSError, ValueError):
            if is_true():
                return
        if not alive() or time.monotonic() > end:
            raise Failed(f"{what} did not come up")
        time.sleep(0.05)


def listens(port):
    with socket.create_connection(("127.0.0.1", port), 1):
        return True


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Program:
    """A program that is started, ended and started again with the same arguments; its output goes to `log`."""

    def __init__(self, name, argv, log, user=None, env=None):
        if user and os.getuid() == 0:
            # A change of user forgets whose child it is to die with: setpriv sets it after.
            argv = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--pdeathsig=KILL", *argv]
        self.name, self.argv, self.log, self.env = name, [str(a) for a in argv], log, env
        self.process = None

    def start(self):
        if self.running():
            return
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_die_with_parent,
                                            start_new_session=True, env={**os.environ, **(self.env or {})})

    def running(self):
        return self.process is not None and self.process.poll() is None

    def send(self, number):
        if self.running():
            self.process.send_signal(number)

    def stop(self, how=signal.SIGTERM, patience=30):
        self.send(how)
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)
        self.kill()

    def kill(self):
        self.send(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
        self.process = None


def give_to(user, folder):
    """Makes a folder that a user the engine runs as may enter; as oneself when not root."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.getuid() == 0:
        shutil.chown(folder, user, user)


class Engine:
    """`folder` is its own; a second start finds what the first has kept."""

    name = ""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.program = None

    def stop(self):
        if self.program:
            self.program.stop()

    def kill(self):
        if self.program:
            self.program.kill()

    def running(self):
        return self.program is not None and self.program.running()

    def _up(self, is_up, patience=60):
        self.program.start()
        wait(is_up, f"{self.name} (see {self.program.log})", patience, self.program.running)


class Postgres(Engine):
    name = "PostgreSQL"

    def __init__(self, folder):
        super().__init__(folder)
        self.port = free_port()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        if not (POSTGRES / "postgres").exists():
            raise Failed("PostgreSQL is missing: deploy/packages/install cluster")
        give_to("postgres", self.folder)
        self.folder.chmod(0o700)
        data = self.folder / "data"
        if not data.exists():
            make = Program("initdb", [POSTGRES / "initdb", "-D", data, "-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256",
                                      "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"], self._log(), "postgres")
            make.start()
            if make.process.wait() != 0:
                raise Failed(f"initdb failed: {self._log()}")
        self.program = Program("postgres", [
            POSTGRES / "postgres", "-D", data, "-c", "listen_addresses=127.0.0.1", "-c", f"port={self.port}", "-c",
            f"unix_socket_directories={self.folder}", "-c", "unix_socket_permissions=0700", "-c", "max_connections=200"], self._log(), "postgres")
        self._up(lambda: self._psql("select 1", check=False).returncode == 0)

    def _log(self):
        return self.folder.parent / "postgres.log"

    def _psql(self, sql, database="postgres", check=True):
        argv = ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-p", str(self.port), "-U", "postgres", "-d", database]
        if os.getuid() == 0:
            argv = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *argv]
        done = subprocess.run(argv, input=sql, capture_output=True, text=True, cwd="/")
        if check and done.returncode != 0:
            raise Failed(f"psql: {done.stderr.strip()}")
        return done

    def query(self, sql, database="cleanmail"):
        """As the superuser; the lines of the answer."""
        return self._psql(sql, database).stdout.splitlines()

    def make_schemas(self, passwords):
        """A database `cleanmail`, in it for each room a role and a schema of its name that no other role may enter."""
        if not self.query("select 1 from pg_database where datname = 'cleanmail'", "postgres"):
            self.query("create database cleanmail", "postgres")
            self.query("revoke all on database cleanmail from public; revoke all on schema public from public")
        for room, password in passwords.items():
            if not self.query(f"select 1 from pg_roles where rolname = '{room}'"):
                self.query(f'create role "{room}" login')
            self.query(f"alter role \"{room}\" password '{password}'")
            self.query(f'grant connect on database cleanmail to "{room}"; create schema if not exists "{room}" authorization "{room}"')

    def stop(self):
        if self.program:
            self.program.stop(signal.SIGINT)  # fast: sessions are ended


class Redis(Engine):
    name = "Redis"

    def __init__(self, folder):
        super().__init__(folder)
        self.port, self.password = free_port(), secrets.token_hex(16)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        if not shutil.which("redis-server"):
            raise Failed("Redis is missing: deploy/packages/install cluster")
        give_to("redis", self.folder)
        config = self.folder / "redis.conf"
        config.write_text(f'bind 127.0.0.1\nport {self.port}\ndir {self.folder}\nsave ""\nappendonly no\nrequirepass {self.password}\n')
        give_to("redis", self.folder)
        if os.getuid() == 0:
            shutil.chown(config, "redis", "redis")
        config.chmod(0o600)
        self.program = Program("redis", ["redis-server", config], self.folder.parent / "redis.log", "redis")
        self._up(lambda: listens(self.port))


class Kafka(Engine):
    """Some brokers that are controllers too."""

    name = "Kafka"

    def __init__(self, folder, brokers=1, min_in_sync=None):
        super().__init__(folder)
        self.count = brokers
        self.min_in_sync = min_in_sync or max(1, brokers - 1)
        self.ports = [(free_port(), free_port()) for _ in range(brokers)]
        self.programs = [None] * brokers
        self.compiler = ["-XX:TieredStopAtLevel=1"]  # starts sooner; [] runs faster in the end

    @property
    def addresses(self):
        return [f"127.0.0.1:{port}" for port, _ in self.ports]

    def _prepare(self, index):
        port, controller = self.ports[index]
        folder = self.folder / f"broker{index + 1}"
        data = folder / "data"
        home = SERVERS / "kafka"
        if not data.exists():
            data.mkdir(parents=True)
            shutil.copy(home / "formatted/bootstrap.checkpoint", data)
            (data / "meta.properties").write_text(
                f"version=1\nnode.id={index + 1}\ncluster.id=Q2xlYW5tYWlsQ2x1c3RlMQ\n"
                f"directory.id=Q2xlYW5tYWlsQ2x1c3R{'ABCDEFGHI'[index]}MQ\n")
        voters = ",".join(f"{i + 1}@127.0.0.1:{c}" for i, (_, c) in enumerate(self.ports))
        settings = {
            "process.roles": "broker,controller", "node.id": index + 1, "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}", "inter.broker.listener.name": "PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT", "log.dirs": data, "num.partitions": 6,
            "default.replication.factor": self.count, "min.insync.replicas": self.min_in_sync,
            "offsets.topic.replication.factor": self.count, "offsets.topic.num.partitions": 6,
            "transaction.state.log.replication.factor": self.count, "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 1, "group.initial.rebalance.delay.ms": 0, "num.network.threads": 2,
            "num.io.threads": 2, "background.threads": 2, "broker.session.timeout.ms": 3000, "broker.heartbeat.interval.ms": 500,
            "auto.create.topics.enable": "false", "log.cleaner.dedupe.buffer.size": 16777216}
        (folder / "server.properties").write_text("".join(f"{k}={v}\n" for k, v in settings.items()))
        self.programs[index] = Program(f"broker {index + 1}", [
            "java", "-Xms128m", "-Xmx256m", "-XX:+UseSerialGC", *self.compiler, "-Xshare:auto",
            f"-XX:SharedArchiveFile={home}/broker.jsa", "-cp", f"{home}/libs/*", "kafka.Kafka", folder / "server.properties"],
            self.folder.parent / f"kafka{index + 1}.log")

    def start(self):
        if not (SERVERS / "kafka/version").exists():
            raise Failed("the Kafka broker is missing: deploy/packages/install_kafka")
        for index in range(self.count):
            self._prepare(index)
            self.programs[index].start()
        for index in range(self.count):
            self._wait(index)

    def _wait(self, index):
        program = self.programs[index]
        wait(lambda: listens(self.ports[index][0]), f"{program.name} (see {program.log})", 90, program.running)

    def kill_broker(self, index):
        self.programs[index].kill()

    def restart_broker(self, index):
        self.programs[index].start()
        self._wait(index)

    def stop(self):
        for program in filter(None, self.programs):
            program.send(signal.SIGTERM)
        for program in filter(None, self.programs):
            program.stop()

    def kill(self):
        for program in filter(None, self.programs):
            program.kill()

    def running(self):
        return all(p is not None and p.running() for p in self.programs)


class S3(Engine):
    name = "the S3 server"

    def __init__(self, folder):
        super().__init__(folder)
        self.port = free_port()
        self.access, self.secret, self.bucket = "cleanmail", secrets.token_hex(20), "cleanmail"

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        program = SERVERS / "versitygw/versitygw"
        if not program.exists():
            raise Failed("the S3 server is missing: deploy/packages/install_s3_server")
        # Its buckets are folders; this one is the bodies'.
        (self.folder / "buckets" / self.bucket).mkdir(parents=True, exist_ok=True)
        self.program = Program("versitygw", [program, "--port", f"127.0.0.1:{self.port}", "posix", self.folder / "buckets"],
                               self.folder.parent / "s3.log", env={"ROOT_ACCESS_KEY": self.access, "ROOT_SECRET_KEY": self.secret})
        self._up(lambda: listens(self.port))

    def objects(self):
        return [p for p in (self.folder / "buckets" / self.bucket).rglob("*") if p.is_file()]


class Clamd(Engine):
    name = "clamd"
    settings = ""  # further lines of clamd.conf

    EICAR = ("Eicar-Test-File:0:*:58354f2150254041505b345c505a58353428505e2937434329377d2445494341522d5354414e444152442d414e544956495255"
             "532d544553542d46494c452124482b482a\n")

    @property
    def address(self):
        return f"unix:{self.folder}/clamd.sock"

    @property
    def config(self):
        return self.folder / "clamd.conf"

    @property
    def signatures(self):
        """ClamAV's where this machine has them, else a folder where the standard test file alone is known."""
        system = pathlib.Path("/var/lib/clamav")
        return system if list(system.glob("*.c[vl]d")) else self.folder / "database"

    def prepare(self):
        """Its folder and signatures."""
        give_to("clamav", self.folder)
        if self.signatures.is_relative_to(self.folder):
            give_to("clamav", self.signatures)
            (self.signatures / "eicar.ndb").write_text(self.EICAR)

    def start(self):
        if not shutil.which("clamd"):
            raise Failed("clamd is missing: deploy/packages/install quickstart")
        self.prepare()
        self.config.write_text(f"DatabaseDirectory {self.signatures}\nLocalSocket {self.folder}/clamd.sock\nLocalSocketMode 666\n"
                               "Foreground yes\nStreamMaxLength 100M\nMaxScanSize 400M\nMaxFileSize 100M\nAlertExceedsMax yes\n" + self.settings)
        self.program = Program("clamd", ["clamd", "-c", self.config], self.folder.parent / "clamd.log", "clamav")
        self._up(self._answers, 120)

    def _answers(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(2)
            s.connect(f"{self.folder}/clamd.sock")
            s.sendall(b"zPING\0")
            return s.recv(10).startswith(b"PONG")
