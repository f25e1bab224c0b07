"""Makes of collected mail what a filter may be judged by: what betrays the collection, rather than the mail, is taken out."""
import base64
import hashlib
import re

# Fields added at or behind the receiving border, by lists, by filters and by the programs of collectors.
DROPPED = re.compile(
    rb"(?i)^(x-.*|list-.*|arc-.*|received|received-spf|return-path|delivered-to|delivery-date|envelope-to|original-recipient|"
    rb"authentication-results|dkim-signature|domainkey-signature|dkim-filter|precedence|errors-to|sender|mailing-list|status|lines|"
    rb"bounces-to|old-.*|resent-.*|auto-submitted|feedback-id|require-recipient-valid-since|apparently-to|comments|content-length|"
    rb"replied|forwarded|resent|spamdiagnostic.*|thread-index)$")
REWRITTEN = re.compile(rb"(?i)^(to|cc|bcc)$")
RECIPIENT = b"recipient@example.com"
COLLECTORS = re.compile(rb"(?i)phishing(@|=40|%40|&#64;|\\u0040|\+at\+)pot|username(@|=40|%40)domain\.com|zzzz?(@|=40|%40)[a-z0-9.]*taint\.org")
LIST_TAG = re.compile(rb"(?i)\[[a-z][a-z0-9 ._-]{1,30}\] ?(?=[^ ])")
FOOTERS = [
    re.compile(rb"\r?\n_{30,}\r?\n(?:[^\r\n]*\r?\n){0,3}[^\r\n]*(?:listinfo|mailing list|Sourceforge|sf\.net)[\s\S]{0,600}?(?=\r?\n--|\Z)"),
    re.compile(rb"\r?\n-- \r?\n[^\r\n]*(?:Users' Group|mailing list)[\s\S]{0,400}?(?=\r?\n--[^ ]|\Z)"),
    re.compile(rb"\r?\n-{5,}[^\r\n]*(?:Yahoo! Groups|eGroups)[\s\S]{0,900}?Yahoo! Groups is subject to[^\r\n]*"),
    re.compile(rb"\r?\n_{30,}\r?\n(?:This sf.net email is sponsored by|Spamassassin-)[\s\S]{0,600}?(?=\r?\n--[^ ]|\Z)"),
]
BASE64_LINE = re.compile(rb"[A-Za-z0-9+/]+={0,2}\Z")


def fields_of(header):
    fields = []
    for line in header.split(b"\n"):
        line = line.rstrip(b"\r")
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] += b"\r\n" + line
        elif line:
            fields.append(line)
    return fields


def split(mail):
    """Header and body of a mail, a line of mbox dropped."""
    if mail.startswith(b"From "):
        mail = mail[mail.find(b"\n") + 1:]
    match = re.search(rb"\r?\n\r?\n", mail)
    return (mail, b"") if match is None else (mail[:match.start()], mail[match.end():])


def with_crlf(data):
    return re.sub(rb"\r?\n", b"\r\n", data)


def without_collector(body):
    """The collectors' own addresses replaced, in base64 too: runs of lines that are nothing else are opened."""
    lines = COLLECTORS.sub(RECIPIENT, body).split(b"\r\n")
    out, at = [], 0
    while at < len(lines):
        end = at
        while end < len(lines) and BASE64_LINE.match(lines[end]):
            end += 1
        run = lines[at:end]
        if sum(map(len, run)) < 60:
            out += run + lines[end:end + 1]
        else:
            out += reopened(run) + lines[end:end + 1]
        at = end + 1
    return b"\r\n".join(out)


def reopened(run):
    try:
        plain = base64.b64decode(b"".join(run) + b"===")
    except ValueError:
        return run
    if b"\0" in plain[:200] or not COLLECTORS.search(plain):
        return run
    packed = base64.b64encode(COLLECTORS.sub(RECIPIENT, plain))
    return [packed[i:i + 76] for i in range(0, len(packed), 76)]


def neutral(mail):
    """The mail as a receiver might have got it from anywhere: CRLF, recipients rewritten, nothing of border, list and collector."""
    header, body = split(mail)
    kept = []
    for field in fields_of(header):
        name = field.split(b":", 1)[0].strip()
        if b":" not in field or DROPPED.match(name):
            continue
        if REWRITTEN.match(name):
            if name.lower() == b"to" and not any(one.startswith(b"To:") for one in kept):
                kept.append(b"To: <" + RECIPIENT + b">")
            continue
        if name.lower() == b"subject":
            field = LIST_TAG.sub(b"", field)
        kept.append(COLLECTORS.sub(RECIPIENT, field))
    body = with_crlf(body)
    for footer in FOOTERS:
        body = footer.sub(b"\r\n", body)
    return b"\r\n".join(kept) + b"\r\n\r\n" + without_collector(body)


def shape(mail):
    """What equal mails share: a digest of the body's words, numbers and addresses left out."""
    _, body = split(mail)
    words = re.sub(rb"[^a-z]+", b" ", re.sub(rb"\S*[@0-9]\S*", b" ", body.lower()))
    return hashlib.sha256(words[:20000]).hexdigest()[:16]
