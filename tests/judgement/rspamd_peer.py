"""Debian's rspamd with its own settings, without network: one worker behind a socket, asked mail by mail."""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def children(pid):
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    return [int(one) for one in found]


class Rspamd:
    """Private folders below `folder`; the packaged configuration with sockets, folders and resolver put aside. If it `learns`, there is a
    Redis of its own for the packaged classifier, which nothing else of it uses."""

    def __init__(self, folder, learns=False):
        self.folder = os.path.abspath(folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("local.d", "override.d", "run", "log", "db"):
            os.makedirs(os.path.join(self.folder, name))
        self.socket = os.path.join(self.folder, "run", "normal.sock")
        self.controller = os.path.join(self.folder, "run", "controller.sock")
        self.redis = None
        write = {
            "worker-normal.inc": f'bind_socket = "{self.socket} mode=0666";\ncount = 1;\n',
            "worker-controller.inc": f'bind_socket = "{self.controller} mode=0666";\n' if learns else "enabled = false;\n",
            "worker-proxy.inc": "enabled = false;\n",
            # What asks the network fails at once: nobody listens there, and the process has no way out.
            "options.inc": 'dns { nameserver = ["127.0.0.1:9"]; timeout = 0.05s; retransmits = 1; }\n',
            "logging.inc": 'level = "error";\n',
        }
        if learns:
            self._start_redis(os.path.join(self.folder, "run", "redis.sock"))
            write["classifier-bayes.conf"] = f'backend = "redis";\nservers = "{self.folder}/run/redis.sock";\n'
        for name, text in write.items():
            with open(os.path.join(self.folder, "override.d", name), "w", encoding="utf-8") as file:
                file.write(text)
        for path, names, files in os.walk(self.folder):
            os.chmod(path, 0o777)
        variables = {"LOCAL_CONFDIR": self.folder, "RUNDIR": self.folder + "/run", "LOGDIR": self.folder + "/log",
                     "DBDIR": self.folder + "/db"}
        self.process = subprocess.Popen(
            ["unshare", "-rn", "rspamd", "-f", "-i", "-c", "/etc/rspamd/rspamd.conf"] +
            [f"--var={name}={value}" for name, value in variables.items()],
            stdout=subprocess.DEVNULL, stderr=open(self.folder + "/stderr", "wb"))
        deadline = time.time() + 240
        while not self._answers(self.socket) or (learns and not self._answers(self.controller)):
            if time.time() > deadline or self.process.poll() is not None:
                raise SystemExit(f"rspamd does not start; see {self.folder}/stderr and log/")
            time.sleep(0.1)
        self.connection = None

    def _start_redis(self, path):
        self.redis = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--unixsocketperm", "777", "--save", "",
                                       "--dir", self.folder], stdout=subprocess.DEVNULL)
        deadline = time.time() + 60
        while not os.path.exists(path):
            if time.time() > deadline or self.redis.poll() is not None:
                raise SystemExit("redis-server does not start")
            time.sleep(0.05)

    @staticmethod
    def _answers(path):
        try:
            connection = Connection(path)
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def workers(self):
        return children(self.process.pid)

    def processor_seconds(self):
        return sum(processor_seconds(pid) for pid in self.workers())

    def judge(self, mail):
        """Score and the names of the symbols that have a weight."""
        connection = Connection(self.socket)
        connection.request("POST", "/checkv2", body=mail)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer["score"], sorted(name for name, symbol in answer.get("symbols", {}).items() if symbol.get("score"))

    def learn(self, mail, spam):
        """Whether it was learnt: rspamd declines what it knows already and what has too few words."""
        connection = Connection(self.controller)
        connection.request("POST", "/learnspam" if spam else "/learnham", body=mail)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status == 200

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        if self.redis is not None:
            self.redis.terminate()
            self.redis.wait()
