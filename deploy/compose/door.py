"""The doors of a gateway, whatever its profile: its REST API by socket or token, its SMTP port, its operations port."""
import contextlib
import http.client
import json
import smtplib
import socket
import time


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


class Door:
    """Needs of whoever inherits it: `api_socket` (path), `api`, `smtp`, `operations` (ports), running()."""

    def wait(self, is_true, what, patience=60):
        end = time.monotonic() + patience
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException, KeyError):
                if is_true():
                    return
            if not self.running() or time.monotonic() > end:
                raise SystemExit(f"waited in vain for {what}")
            time.sleep(0.05)

    def ask(self, method, path, body=None, token=None, headers=None):
        """Over the socket as its owner, or over TCP with a token."""
        connection = (http.client.HTTPConnection("127.0.0.1", self.api, timeout=60) if token is not None
                      else UnixConnection(str(self.api_socket)))
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
        """What gives tokens hears of a tenant, a partner or a domain a moment after it was made."""
        path, end = f"/v1/{parent}apiTokens", time.monotonic() + 10
        while (answer := self.ask("POST", path, fields)).status != 200:
            if time.monotonic() > end:
                raise SystemExit(f"POST {path}: {answer.status} {answer.text}")
            time.sleep(0.05)
        return answer.json()["secret"]

    def mail(self, sender, recipient, subject, text):
        message = f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {subject}\r\n\r\n{text}\r\n"
        with smtplib.SMTP("127.0.0.1", self.smtp) as client:
            client.sendmail(sender, [recipient], message)

    def metrics(self, port=None):
        """As text; of the process whose operations port it is."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.operations, timeout=10)
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
