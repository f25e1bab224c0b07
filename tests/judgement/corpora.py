"""The mails that are judged, and how much each counts."""
import collections
import hashlib
import os

import neutralise

# Folder below the one given, whether it is spam, how many are taken (evenly spread by digest), the name in tables.
CORPORA = [
    ("mail-ham-openbmc", False, "list mail 2019-2026"),
    ("sa/package/data/easy-ham-1", False, "ham 2002, easy"),
    ("sa/package/data/easy-ham-2", False, "ham 2002, easy"),
    ("sa/package/data/hard-ham-1", False, "ham 2002, hard"),
    ("sa/package/data/spam-1", True, "spam 2002"),
    ("sa/package/data/spam-2", True, "spam 2002"),
    ("mail-phish-2005", True, "phishing 2004-05"),
    ("mail-phish-2022-2024", True, "phishing 2022-24"),
]

Mail = collections.namedtuple("Mail", "path digest corpus spam cluster stands_for")


def clusters_of(folder):
    index = os.path.join(folder, "index.tsv")
    if not os.path.exists(index):
        return {}
    with open(index, encoding="utf-8") as lines:
        names = next(lines).rstrip("\n").split("\t")
        rows = [dict(zip(names, line.rstrip("\n").split("\t"))) for line in lines]
    return {row["file"]: row["cluster"] for row in rows if row.get("cluster")}


def collect(root, work, sample, as_is=False):
    """Writes the mails, neutralised unless `as_is`, below `work` and lists them. Of each corpus a share of `sample` that its size has,
    at least 250 (so that the small ones count)."""
    sizes = {}
    for folder, spam, _ in CORPORA:
        base = os.path.join(root, folder)
        if not os.path.isdir(base):
            raise SystemExit(f"{base} is not there; tests/judgement/README.md says what belongs there")
        sizes[folder] = sorted(name for name in os.listdir(base) if name.endswith((".eml", ".txt")))
    total = sum(map(len, sizes.values()))
    mails = []
    for folder, spam, corpus in CORPORA:
        base = os.path.join(root, folder)
        clusters = clusters_of(base)
        names = sorted(sizes[folder], key=lambda name: hashlib.sha256(name.encode()).hexdigest())
        if sample:
            names = names[:max(250, sample * len(names) // total)]
        stands_for = len(sizes[folder]) / len(names)  # mails of the corpus for each that is taken
        for name in names:
            with open(os.path.join(base, name), "rb") as file:
                mail = file.read()
            cluster = clusters.get(name) or neutralise.shape(mail)
            mail = neutralise.with_crlf(mail) if as_is else neutralise.neutral(mail)
            digest = hashlib.sha256(mail).hexdigest()
            path = os.path.join(work, digest[:2], digest + ".eml")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(mail)
            mails.append(Mail(path, digest, corpus, spam, corpus + "/" + cluster, stands_for))
    seen = set()
    return [mail for mail in mails if not (mail.digest in seen or seen.add(mail.digest))]


def weights(mails):
    """What each mail counts: the mails of a cluster count as one."""
    size = collections.Counter(mail.cluster for mail in mails)
    return [1 / size[mail.cluster] for mail in mails]
