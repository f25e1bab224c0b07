"""What is fitted, and between which bounds."""
import re

import model

SHRINKAGE = 3.0
FALSE_POSITIVES = 0.008   # aimed at, so that fresh mail stays below 1 %
RULES = "spam_rules:"
# Rules about what corpora differ in, or what is taken out of them: borders, dates, recipients, the mere form of mail.
ABOUT_CORPORA = re.compile(
    r"RCVD|RECEIVED|RELAY|DKIM|SPF|DMARC|ARC|LIST|MIME_HTML|HEADER_CTYPE|HTML_MESSAGE|NEEDS_ENCODING|MISSING_|DATE|USER_AGENT|"
    r"^TO_|_TO_|TO_IN_SUBJ|REPLY_A|^T_|CTE_|MSGID|OUTLOOK")
# Findings that may be fitted weigh at least this: what weighs less is a note.
NOTE = 0.05
SURE = 5.0  # and less than this: what holds by itself was meant to
# What is left of a weight where lessons speak. By hand: by regression over the corpora it would be about 0.1, as lessons know what corpora
# differ in; a tenant's own mail is harder.
BESIDE_LESSONS = 0.5


def read(path):
    rows, start = [], {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            corpus, spam, cluster, weight, found = line.rstrip("\n").split("\t")
            names = []
            for one in found.split():
                name, value = one.rsplit("=", 1)
                start[name] = float(value)
                names.append(name)
            rows.append(model.Row(corpus, int(spam), cluster, float(weight), frozenset(names)))
    return rows, start


# Newsletters, notices of shops and free mailboxes have these too, and the corpora hardly have any of them. Before weights are stretched.
AT_MOST = {"appearance:LINKS_ELSEWHERE": 1.0, "appearance:ADDRESS_RANDOM": 1.0, "appearance:SUBJECT_PICTURES": 1.0,
           "appearance:GREETS_NOBODY": 2.0, "appearance:SUBJECT_SHOUTS": 2.0, "wording:HARDLY_ANY_TEXT": 3.0}


def bounds(name, start):
    if start < NOTE or start >= SURE:
        return model.Finding(start, start, start)
    if name.startswith(RULES):
        if ABOUT_CORPORA.search(name[len(RULES):]):
            return model.Finding(start, start, start)
        return model.Finding(start, 0.0, max(start, min(model.MOST, start + 2)))
    return model.Finding(start, 0.0, AT_MOST.get(name, model.LOOSE))


def said_by_lessons_too(rows, start):
    """What weighs less where lessons speak: what was fitted, and all rules that were seen."""
    clusters = model.seen_clusters(rows)
    return {name for name in clusters if NOTE <= start[name] < SURE and (name.startswith(RULES) or clusters[name] >= model.SEEN)}


def without_rules(rows):
    return [row._replace(names=frozenset(name for name in row.names if not name.startswith(RULES))) for row in rows]


def share(rows, name, spam):
    total = sum(row.weight for row in rows if row.spam == spam)
    return sum(row.weight for row in rows if row.spam == spam and name in row.names) / total
