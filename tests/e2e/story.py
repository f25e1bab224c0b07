"""What the stories have in common: a private gateway driven over REST, and sentences that must hold."""
import pathlib
import smtplib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "api"))
from gateway import running  # noqa: E402, F401


def check(holds, sentence):
    if not holds:
        raise SystemExit(f"FAIL {pathlib.Path(sys.argv[0]).name}: {sentence}")


def refusal(gateway, recipient, text="Subject: x\r\n\r\nHello.\r\n", sender="eve@example.net"):
    """The reply that refuses the mail, as 'code text'; None when it is taken."""
    with smtplib.SMTP("127.0.0.1", gateway.smtp) as client:
        try:
            client.sendmail(sender, [recipient], text)
        except smtplib.SMTPRecipientsRefused as refused:
            code, words = next(iter(refused.recipients.values()))
            return f"{code} {words.decode()}"
        except smtplib.SMTPDataError as refused:
            return f"{refused.smtp_code} {refused.smtp_error.decode()}"
    return None


def mail(recipient, subject, extra="", body="Hello.\r\n"):
    return f"From: <eve@example.net>\r\nTo: <{recipient}>\r\nSubject: {subject}\r\n{extra}\r\n{body}"


def send(gateway, recipient, subject, extra="", body="Hello.\r\n"):
    """Sends a mail that must be taken."""
    words = refusal(gateway, recipient, mail(recipient, subject, extra, body))
    check(words is None, f"mail to {recipient} was refused: {words}")


def send_first(gateway, recipient, subject):
    """Sends a mail as often as it is refused: SMTP knows of a new domain a moment later than the API."""
    gateway.wait(lambda: refusal(gateway, recipient, mail(recipient, subject)) is None, "the first mail to be taken")


def finished(gateway, name, token=None):
    """The resource of some long work, once it has ended well."""
    gateway.wait(lambda: gateway.must("GET", f"/v1/{name}", token=token)["progress"]["state"] not in ("STATE_WAITING", "STATE_RUNNING"), f"the end of {name}")
    work = gateway.must("GET", f"/v1/{name}", token=token)
    check(work["progress"]["state"] == "STATE_SUCCEEDED", f"{name} ended as {work['progress']}")
    return work


def held(gateway, tenant, token=None):
    return gateway.must("GET", f"/v1/tenants/{tenant}/holds?onlyHeld=true", token=token).get("holds", [])
