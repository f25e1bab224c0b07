#!/usr/bin/env python3
"""judge.py: see `run`, which calls it."""
import argparse
import collections
import datetime
import os
import platform
import random
import subprocess
import sys

import corpora
import rspamd_peer

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "services/scanner/weights"))
import fitting  # noqa: E402
import model  # noqa: E402
import taught  # noqa: E402

RULES = ["/usr/share/spamassassin", "/etc/spamassassin"]
ROUNDS = 200  # of the bootstrap
FEW = 400  # lessons of each kind
BATCH = 50  # mails a filter judges before the next one does
MARK = "<!-- figures -->"


class Child:
    """A program that answers a line for every name of a file it is given."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        errors="replace")

    def ask(self, path):
        self.process.stdin.write(path + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n").split("\t")

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class OurScanner(Child):
    def __init__(self, program, cache, *options, rules=True):
        rules = [word for folder in RULES for word in ("--rules", folder)] if rules else []
        super().__init__([program, *rules, "--cache", os.path.join(cache, "compiled_rules"), *options])

    def judge(self, path):
        return self.ask(path)[1:4]


class SpamAssassin(Child):
    def __init__(self, cache):
        state = os.path.join(cache, "spamassassin-state")
        os.makedirs(state, exist_ok=True)
        super().__init__(["unshare", "-rn", "perl", os.path.join(ROOT, "tests/conformance/sarules/spamassassin_hits.pl"), *RULES, state])

    def judge(self, path):
        return self.ask(path)[1:4]


class Rspamd(rspamd_peer.Rspamd):
    def judge(self, path):
        before = self.processor_seconds()
        with open(path, "rb") as file:
            score, names = super().judge(file.read())
        return " ".join(names), score, int(1e6 * (self.processor_seconds() - before))


def version(package):
    return subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=True).stdout


def kept_scores(cache, name, mails, make):
    """Scores by digest, from the cache as far as they are there."""
    path = os.path.join(cache, name + ".tsv")
    scores = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                fields = line.rstrip("\n").split("\t")
                if len(fields) == 2:
                    scores[fields[0]] = float(fields[1])
    missing = [mail for mail in mails if mail.digest not in scores]
    if not missing:
        return scores
    print(f"{name}: {len(missing)} mails to judge, {len(mails) - len(missing)} known", file=sys.stderr)
    peer = make()
    with open(path, "a", encoding="utf-8") as file:
        for number, mail in enumerate(missing, 1):
            _, score, _ = peer.judge(mail.path)
            scores[mail.digest] = float(score)
            print(mail.digest, score, sep="\t", file=file, flush=True)
            if number % 500 == 0:
                print(f"  {number}", file=sys.stderr)
    peer.stop()
    return scores


def bootstrap(rows, columns, share):
    """For each column of scores the missed part with its interval (2.5 % to 97.5 %), clusters drawn anew; and how often the first column
    misses less than each other one."""
    clusters = collections.defaultdict(list)
    for index, row in enumerate(rows):
        clusters[row.cluster].append(index)
    names = sorted(clusters)
    chance = random.Random(1)
    draws = {name: [] for name in columns}
    for _ in range(ROUNDS):
        drawn = [index for _ in names for index in clusters[chance.choice(names)]]
        these = [rows[index] for index in drawn]
        for name, scores in columns.items():
            values = [scores[index] for index in drawn]
            draws[name].append(model.missed(these, values, model.line_at(these, values, share)))
    first = next(iter(columns))
    better = {name: sum(a < b for a, b in zip(draws[first], draws[name])) / ROUNDS for name in columns}
    return {name: (sorted(values)[int(0.025 * ROUNDS)], sorted(values)[int(0.975 * ROUNDS) - 1]) for name, values in draws.items()}, better


def percent(value):
    return f"{100 * value:.1f}"


def part(rows, scores, corpus):
    chosen = [(row, score) for row, score in zip(rows, scores) if row.corpus == corpus]
    return [row for row, _ in chosen], [score for _, score in chosen]


def missed_table(rows, columns, shares=(0.01, 0.001)):
    spam = [name for _, is_spam, name in corpora.CORPORA if is_spam]
    spam = list(dict.fromkeys(spam))
    lines = ["| filter | false positives | line | missed, all | interval | " + " | ".join(spam) + " |", "|" + "---|" * (5 + len(spam))]
    for share in shares:
        intervals, better = bootstrap(rows, columns, share)
        for name, scores in columns.items():
            line = model.line_at(rows, scores, share)
            low, high = intervals[name]
            each = [percent(model.missed(*part(rows, scores, corpus), line)) for corpus in spam]
            lines.append(f"| {name} | {100 * share:g} % | {line:.1f} | **{percent(model.missed(rows, scores, line))} %** | "
                         f"{percent(low)}–{percent(high)} | " + " | ".join(each) + " |")
        lines.append("")
        lines.append("Of the draws of the bootstrap, the first misses less than " +
                     ", ".join(f"{name} in {percent(value)} %" for name, value in list(better.items())[1:]) + ".")
        lines.append("")
        if share != shares[-1]:
            lines += lines[:2]
    return lines


def default_table(rows, columns, lines_of):
    ham = list(dict.fromkeys(name for _, is_spam, name in corpora.CORPORA if not is_spam))
    lines = ["| filter | its own line | missed | false positives | " + " | ".join(ham) + " |", "|" + "---|" * (4 + len(ham))]
    for name, scores in columns.items():
        line = lines_of[name]
        each = [percent(model.held(*part(rows, scores, corpus), line)) for corpus in ham]
        lines.append(f"| {name} | {line:g} | {percent(model.missed(rows, scores, line))} % | "
                     f"{100 * model.held(rows, scores, line):.2f} % | " + " | ".join(each) + " |")
    return lines


def taught_columns(mails, rows, weights, options, most):
    """Scores of the same filters after lessons, the same for all: at most `most` of each kind, or all of the other folds."""
    cache, work = options.cache, options.work
    ours = taught.judgements(mails, most, lambda lessons: taught.Pupil([options.lessons], lessons))
    columns = {}
    for name, (these, by_fold, less) in weights.items():
        scores = []
        for mail, row in zip(mails, these):
            learned, said = ours[mail.digest]
            left = fitting.BESIDE_LESSONS if said else 1
            own = by_fold[model.fold_of(row)]
            scores.append(learned + sum(own.get(one, 0) * (left if one in less else 1) for one in row.names))
        columns[name] = scores
    theirs = {
        "SpamAssassin": ("spamassassin", lambda lessons: taught.SpamAssassin(RULES, os.path.join(work, "sa"), lessons)),
        "rspamd": ("rspamd", lambda lessons: taught.Rspamd(os.path.join(work, "rspamd-taught"), lessons)),
    }
    for name, (package, make) in theirs.items():
        known = taught.judgements(mails, most, make, os.path.join(cache, f"{package}-{version(package)}-taught.tsv"))
        columns[name] = [known[mail.digest][0] for mail in mails]
    return columns


def cpu_table(mails, ours, cache, work, count):
    """Processor time of the same mails, one filter after the other on fifty: one at work has its code in the caches. The first fifty warm up."""
    chosen = random.Random(1).sample(mails, min(len(mails), count + BATCH))
    filters = {
        "Cleanmail with rules": OurScanner(ours, cache),
        "Cleanmail without rules": OurScanner(ours, cache, rules=False),
        "rspamd": Rspamd(os.path.join(work, "rspamd")),
        "SpamAssassin": SpamAssassin(cache),
    }
    times = {name: [] for name in filters}
    for begin in range(0, len(chosen), BATCH):
        for name, one in filters.items():
            took = [int(one.judge(mail.path)[2]) for mail in chosen[begin:begin + BATCH]]
            times[name] += took if begin > 0 else []
    for one in filters.values():
        one.stop()
    mean = {name: sum(values) / len(values) / 1000 for name, values in times.items()}
    lines = ["| filter | processor time a message, mean | times Cleanmail's with rules |", "|---|---|---|"]
    lines += [f"| {name} | {value:.2f} ms | {value / mean['Cleanmail with rules']:.2f} |" for name, value in mean.items()]
    return lines + ["", f"{len(times['rspamd'])} messages, interleaved by fifties. rspamd's clock has steps of 10 ms; its mean is over all of them."]


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model_name = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} × {model_name}, load {os.getloadavg()[0]:.1f}"


def observe(mails, ours, cache):
    """Our findings, with the weights they have unfitted, as the fitting program takes them."""
    scanner = OurScanner(ours, cache, "--unfitted", "yes")
    counts = corpora.weights(mails)
    observations = []
    for mail, count in zip(mails, counts):
        found = scanner.judge(mail.path)[0]
        observations.append("\t".join([mail.corpus, str(int(mail.spam)), mail.cluster, f"{count * mail.stands_for:.5f}", found]))
    scanner.stop()
    return observations


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("corpora")
    parser.add_argument("--ours", required=True)
    parser.add_argument("--lessons", required=True)
    parser.add_argument("--untaught", action="store_true")
    parser.add_argument("--work", required=True)
    parser.add_argument("--cache", required=True)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--as-is", action="store_true")
    parser.add_argument("--timed", type=int, default=300)
    parser.add_argument("--observations", help="write them here, and stop")
    parser.add_argument("--write", help="put the tables into this page")
    options = parser.parse_args()
    mails = corpora.collect(options.corpora, os.path.join(options.work, "mails"), options.sample, options.as_is)
    observations = observe(mails, options.ours, options.cache)
    path = options.observations or os.path.join(options.work, "observations.tsv")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(observations) + "\n")
    if options.observations:
        return
    rows, start = fitting.read(path)
    findings = {name: fitting.bounds(name, value) for name, value in start.items()}
    their = kept_scores(options.cache, "spamassassin-" + version("spamassassin"), mails, lambda: SpamAssassin(options.cache))
    rspamd = kept_scores(options.cache, "rspamd-" + version("rspamd"), mails, lambda: Rspamd(os.path.join(options.work, "rspamd")))
    less = fitting.said_by_lessons_too(rows, start)
    weights = {}
    for name, these in (("Cleanmail with rules", rows), ("Cleanmail without rules", fitting.without_rules(rows))):
        weights[name] = these, model.fold_weights(these, findings, fitting.SHRINKAGE, fitting.FALSE_POSITIVES), less
    columns = {
        **{name: model.out_of_fold(these, by_fold) for name, (these, by_fold, _) in weights.items()},
        "SpamAssassin": [their[mail.digest] for mail in mails],
        "rspamd": [rspamd[mail.digest] for mail in mails],
    }
    counts = collections.Counter(mail.corpus for mail in mails)
    clusters = {corpus: len({mail.cluster for mail in mails if mail.corpus == corpus}) for corpus in counts}
    lines = [f"{datetime.date.today()}, {machine()}. SpamAssassin {version('spamassassin')}, rspamd {version('rspamd')}, network off. "
             f"Mails {'as they are' if options.as_is else 'neutralised'}: " +
             ", ".join(f"{name} {count} in {clusters[name]} clusters" for name, count in counts.items()) + ".", ""]
    own_lines = {"Cleanmail with rules": 5, "Cleanmail without rules": 5, "SpamAssassin": 5, "rspamd": 6}
    lines += ["**Nothing learned.**", ""] + missed_table(rows, columns) + default_table(rows, columns, own_lines) + [""]
    if not options.untaught:
        for title, most in (("all mails of the other folds", 0), (f"{FEW} of each kind from the other folds", FEW)):
            columns = taught_columns(mails, rows, weights, options, most)
            lines += [f"**After lessons: {title}.**", ""] + missed_table(rows, columns) + default_table(rows, columns, own_lines) + [""]
    if options.timed:
        lines += cpu_table(mails, options.ours, options.cache, options.work, options.timed)
    text = "\n".join(lines)
    print(text)
    if options.write:
        with open(options.write, encoding="utf-8") as file:
            page = file.read().split(MARK)
        with open(options.write, "w", encoding="utf-8") as file:
            file.write(page[0] + MARK + "\n" + text + "\n" + MARK + page[2])


if __name__ == "__main__":
    main()
