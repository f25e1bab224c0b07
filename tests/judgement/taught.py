"""The filters after lessons: the mails of each fold are judged by a filter that was taught mails of the other folds, and nothing else."""
import hashlib
import os
import shutil
import subprocess
import sys

import model
import rspamd_peer

HERE = os.path.dirname(os.path.abspath(__file__))


def lessons_without(mails, fold, most):
    """Mails of all other folds, in an order that knows nothing of them: the first `most` of each kind, or all where that is 0."""
    others = sorted((mail for mail in mails if model.fold_of(mail) != fold), key=lambda mail: mail.digest)
    kinds = [[mail for mail in others if mail.spam == spam] for spam in (False, True)]
    chosen = {mail.digest for kind in kinds for mail in (kind[:most] if most else kind)}
    return [mail for mail in others if mail.digest in chosen]


def name_of(lessons):
    """The same for the same lessons."""
    return hashlib.sha256("".join(f"{int(mail.spam)}{mail.digest}" for mail in lessons).encode()).hexdigest()[:16]


class Pupil:
    """A program that is told mails and their kinds, and then asked for others."""

    def __init__(self, command, lessons):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        errors="replace")
        for mail in lessons:
            self._say("spam" if mail.spam else "ham", mail.path)

    def _say(self, what, path):
        self.process.stdin.write(f"{what}\t{path}\n")
        self.process.stdin.flush()

    def judge(self, path):
        """The score, and what it says of the lessons."""
        self._say("judge", path)
        _, score, said = self.process.stdout.readline().rstrip("\n").split("\t")
        return float(score), said

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class SpamAssassin(Pupil):
    """With Bayes, its store in `folder`."""

    def __init__(self, rules, folder, lessons):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        super().__init__(["unshare", "-rn", "perl", os.path.join(HERE, "spamassassin_taught.pl"), *rules, folder], lessons)


class Rspamd(rspamd_peer.Rspamd):
    """With its classifier, over a Redis of its own."""

    def __init__(self, folder, lessons):
        super().__init__(folder, learns=True)
        for mail in lessons:
            with open(mail.path, "rb") as file:
                self.learn(file.read(), mail.spam)

    def judge(self, path):
        with open(path, "rb") as file:
            score, names = super().judge(file.read())
        return score, " ".join(name for name in names if name.startswith("BAYES_"))


def read_known(path):
    known = {}
    if path is not None and os.path.exists(path):
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                fields = line.rstrip("\n").split("\t")
                if len(fields) == 4:
                    known[fields[0], fields[1]] = float(fields[2]), fields[3]
    return known


def judgements(mails, most, make, kept=None):
    """By digest what a filter says after lessons; `make` makes a filter of them. What the file `kept` knows is not asked again."""
    known = read_known(kept)
    found = {}
    for fold in range(model.FOLDS):
        lessons = lessons_without(mails, fold, most)
        taught = name_of(lessons)
        these = [mail for mail in mails if model.fold_of(mail) == fold]
        missing = [mail for mail in these if (taught, mail.digest) not in known]
        if missing:
            print(f"{kept or 'ours'}: fold {fold}: {len(lessons)} lessons, {len(missing)} mails to judge", file=sys.stderr)
            filter_ = make(lessons)
            with open(kept or os.devnull, "a", encoding="utf-8") as file:
                for mail in missing:
                    score, said = known[taught, mail.digest] = filter_.judge(mail.path)
                    print(taught, mail.digest, score, said, sep="\t", file=file, flush=True)
            filter_.stop()
        found.update((mail.digest, known[taught, mail.digest]) for mail in these)
    return found
