"""What the fault scripts share: a gateway over a folder, a sink that writes down what arrives, and mail with ids of its own."""
import os
import pathlib
import shutil
import smtplib
import subprocess
import sys
import tempfile
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BIN = ROOT / "bazel-bin"
sys.path.insert(0, str(HERE.parent / "load"))
from measuring import Sink, free_port, wait_for  # noqa: E402,F401
from gateway import Gateway  # noqa: E402

BINARIES = ["services/allinone/cleanmail", "tests/sink/sink"]


class Failed(Exception):
    """What was expected did not come."""


def expect(condition, what):
    if not condition:
        raise Failed(what)


def in_mount_namespace():
    """Starts this script again where its mounts are seen by nobody else. Fails where that is not permitted."""
    if os.environ.get("CLEANMAIL_FAULTS_NAMESPACE"):
        return
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        print(f"FAIL {pathlib.Path(sys.argv[0]).name}: needs root: `unshare -m` is not permitted here")
        sys.exit(1)
    os.environ["CLEANMAIL_FAULTS_NAMESPACE"] = "1"
    os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable, *sys.argv])


class Scene:
    """A folder, a sink and a gateway, and who has been promised what."""

    def __init__(self, **gateway):
        self.folder = tempfile.mkdtemp(prefix="cleanmail-faults-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.acknowledged = []
        self.number = 0
        self.gateway_options = gateway
        self.gateway = None
        self.mails = pathlib.Path(self.folder) / "mails"
        self.mails.mkdir()
        self.sink = KeepingSink(BIN / "tests/sink/sink", self.folder, self.mails)

    @property
    def data(self):
        return pathlib.Path(self.folder) / "gateway/data"

    def start(self):
        self.gateway = Gateway(BIN / "services/allinone/cleanmail", f"{self.folder}/gateway", free_port(), free_port(), self.sink.port,
                               **self.gateway_options)

    def send(self, size=2000, patience=30):
        """Sends one mail; the code of the last reply, or 0 when there was none."""
        self.number += 1
        name = f"fault-{os.getpid()}-{self.number}"
        mail = (f"From: <a@client.example>\r\nTo: <ann@example.org>\r\nSubject: {name}\r\nX-Load-Id: {name}\r\n\r\n"
                + ("x" * 70 + "\r\n") * (size // 72))
        try:
            with smtplib.SMTP("127.0.0.1", self.gateway.port, local_hostname="client.example", timeout=patience) as client:
                client.sendmail("a@client.example", ["ann@example.org"], mail)
        except smtplib.SMTPRecipientsRefused as refused:
            return next(iter(refused.recipients.values()))[0]
        except smtplib.SMTPResponseException as refused:
            return refused.smtp_code
        except (smtplib.SMTPServerDisconnected, OSError):
            return 0
        self.acknowledged.append(name)
        return 250

    def arrived(self):
        return set(self.sink.ids.read_text().split()) if self.sink.ids.exists() else set()

    def expect_all_to_arrive(self, seconds=30):
        try:
            wait_for(lambda: set(self.acknowledged) <= self.arrived(), seconds, "what was acknowledged")
        except RuntimeError as late:
            lost = set(self.acknowledged) - self.arrived()
            raise Failed(f"{len(lost)} of {len(self.acknowledged)} acknowledged mails did not arrive: {sorted(lost)[:5]}") from late

    def expect_flow_again(self, seconds=30):
        """New mail is taken again, by the same process."""
        begin = time.monotonic()
        while self.send() != 250:
            expect(time.monotonic() - begin < seconds, f"no mail was taken within {seconds} s of the fault's end")
            expect(self.gateway.process.poll() is None, "the gateway has ended")
            time.sleep(0.2)
        return time.monotonic() - begin

    def close(self):
        if self.gateway and self.gateway.process.poll() is None:
            self.gateway.stop()
        self.sink.stop()


class KeepingSink(Sink):
    """A sink that keeps the mails too."""

    def __init__(self, binary, folder, mails):
        self.ids = pathlib.Path(folder) / "sink.ids"
        self.port = free_port()
        self.process = subprocess.Popen([str(binary), f"127.0.0.1:{self.port}", "--quiet", "--ids", str(self.ids), "--folder", str(mails)],
                                        stdout=subprocess.DEVNULL)
        time.sleep(0.3)


def play(story, *variants):
    """Plays story(scene) once for each variant (the gateway's options), says PASS or FAIL and exits accordingly."""
    name = pathlib.Path(sys.argv[0]).name
    for variant in variants or ({},):
        scene = None
        try:
            missing = [path for path in BINARIES if not (BIN / path).exists()]
            expect(not missing, f"not built: bazel build {' '.join('//' + path for path in missing)}")
            scene = Scene(**variant)
            words = story(scene)
            scene.close()
            shutil.rmtree(scene.folder, ignore_errors=True)
            print(f"PASS {name}: {words}", flush=True)
        except Exception as error:  # whatever it was, the reader wants one line that begins with FAIL
            if not isinstance(error, Failed):
                traceback.print_exc()
            if scene:
                scene.close()
            print(f"FAIL {name} {variant or ''}: {error}" + (f" (see {scene.folder})" if scene else ""), flush=True)
            sys.exit(1)
    sys.exit(0)
