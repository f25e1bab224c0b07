"""A mailbox server for the stories: takes mail, or says of recipients what it is told to."""
import contextlib
import socket
import socketserver
import threading


class Destination:
    """Listens on loopback from `open` on. `replies[address]` is what RCPT is answered with; others get `otherwise`."""

    def __init__(self):
        self.mails = []  # (sender, recipients, text) in the order they came
        self.replies = {}
        self.otherwise = "250 2.1.5 Ok"
        self.asked = []  # addresses of every RCPT
        self.connections = 0
        self.server = None
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]

    def open(self):
        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 128  # with the usual 5 a burst of connections waits in vain for a greeting

        destination = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError):
                    destination.converse(self)

        self.server = Server(("127.0.0.1", self.port), Session)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.server = None

    def subjects(self):
        return [line[9:] for _, _, text in self.mails for line in text.split("\r\n\r\n")[0].split("\r\n") if line.startswith("Subject: ")]

    def converse(self, session):
        self.connections += 1

        def say(text):
            session.wfile.write(text.encode() + b"\r\n")

        say("220 destination ESMTP")
        sender, recipients = "", []
        for raw in session.rfile:
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            verb = line[:4].upper()
            if verb in ("EHLO", "HELO"):
                say("250 destination")
            elif verb == "MAIL":
                sender, recipients = line.split("<", 1)[1].split(">", 1)[0], []
                say("250 2.1.0 Ok")
            elif verb == "RCPT":
                address = line.split("<", 1)[1].split(">", 1)[0]
                self.asked.append(address)
                reply = self.replies.get(address, self.otherwise)
                if reply.startswith("2"):
                    recipients.append(address)
                say(reply)
            elif verb == "DATA":
                if not recipients:
                    say("503 5.5.1 No recipients")
                    continue
                say("354 Go on")
                lines = []
                for data in session.rfile:
                    if data == b".\r\n":
                        break
                    lines.append(data[1:] if data.startswith(b".") else data)
                self.mails.append((sender, recipients, b"".join(lines).decode("utf-8", "replace")))
                say("250 2.0.0 Kept")
            elif verb == "QUIT":
                say("221 Bye")
                return
            else:
                say("250 Ok")
