"""A private gateway with its REST API, for the tests of this folder."""
import contextlib
import http.client
import json
import os
import pathlib
import signal
import smtplib
import socket
import subprocess
import tempfile
import time

CONFIG = """\
app:
  data_folder: {folder}/data
  host_name: gateway.example.net
  operations: {{ listen: "127.0.0.1:{operations}" }}
  spool: {{ min_free_bytes: 1 }}
  destinations: {{ allow_loopback: true }}
  log: {{ level: warning, file: {folder}/gateway.log }}
ingress:
  listeners:
    - {{ name: mx, listen: "127.0.0.1:{smtp}", role: mx }}
portal:
  listen: "127.0.0.1:{api}"
  requests_per_second: 100000
"""


def binary():
    """The gateway, built if need be."""
    subprocess.run(["bazel", "build", "//:cleanmail"], check=True, stderr=subprocess.DEVNULL)
    out = subprocess.run(["bazel", "info", "bazel-bin"], check=True, capture_output=True, text=True).stdout.strip()
    return f"{out}/services/allinone/cleanmail"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text

    def json(self):
        return json.loads(self.text)


class Gateway:
    def __init__(self, folder, settings=""):
        self.folder = pathlib.Path(folder)
        self.smtp, self.api, self.operations = free_port(), free_port(), free_port()
        config = self.folder / "cleanmail.yaml"
        config.write_text(CONFIG.format(folder=folder, smtp=self.smtp, api=self.api, operations=self.operations) + settings)
        self.process = subprocess.Popen([os.environ.get("CLEANMAIL_BINARY") or binary(), "serve", "--config", str(config)])
        self.wait(lambda: self.ask("GET", "/v1/me").status == 200, "the API")

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def wait(self, is_true, what, patience=60):
        end = time.monotonic() + patience
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException, KeyError):
                if is_true():
                    return
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"waited in vain for {what}")
            time.sleep(0.05)

    def ask(self, method, path, body=None, token=None, headers=None):
        """Over the socket as its owner, or over TCP with a token."""
        connection = (http.client.HTTPConnection("127.0.0.1", self.api, timeout=60) if token is not None
                      else UnixConnection(str(self.folder / "data/api.sock")))
        headers = dict(headers or {})
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode("utf-8", "replace"))
        finally:
            connection.close()

    def must(self, method, path, body=None, token=None):
        answer = self.ask(method, path, body, token)
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {answer.text}")
        return answer.json()

    def token(self, parent, **fields):
        return self.must("POST", f"/v1/{parent}apiTokens", fields)["secret"]

    def mail(self, sender, recipient, subject, text):
        message = f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {subject}\r\n\r\n{text}\r\n"
        with smtplib.SMTP("127.0.0.1", self.smtp) as client:
            client.sendmail(sender, [recipient], message)

    def metrics(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.operations, timeout=10)
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()


@contextlib.contextmanager
def running(settings=""):
    """A gateway for the time of a `with`; `settings`: more of its configuration, YAML."""
    with tempfile.TemporaryDirectory(prefix="cleanmail_", dir="/tmp") as folder:
        os.chmod(folder, 0o700)
        gateway = Gateway(folder, settings)
        try:
            yield gateway
        finally:
            gateway.close()
