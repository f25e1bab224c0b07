"""Weights of findings by logistic regression: the score is a sum of weights, 5.0 is the line."""
import collections
import hashlib
import math

LINE = 5.0
FOLDS = 5
STEEPNESS = 1.0   # a point of score is a factor of e in the odds
MOST = 4.0        # no single finding that is fitted reaches the line
LOOSE = 8.0       # while they are fitted, before they are stretched: weighty findings keep their order
SEEN = 8          # clusters that have a finding, below which its weight stays as it was

Row = collections.namedtuple("Row", "corpus spam cluster weight names")
# What a finding may weigh: where it began, and between which bounds it may be fitted (equal: it is fixed).
Finding = collections.namedtuple("Finding", "start least most")


def fold_of(row):
    return int(hashlib.sha256(row.cluster.encode()).hexdigest()[:8], 16) % FOLDS


def balanced(rows):
    """Weights that make both sides equally heavy, and corpora of a side less unequal: each counts by the root of its size."""
    size = collections.Counter()
    for row in rows:
        size[row.spam, row.corpus] += row.weight
    side = collections.Counter()
    for (spam, _), total in size.items():
        side[spam] += math.sqrt(total)
    return [row.weight / math.sqrt(size[row.spam, row.corpus]) / side[row.spam] * len(rows) / 2 for row in rows]


def seen_clusters(rows):
    clusters = collections.defaultdict(set)
    for row in rows:
        for name in row.names:
            clusters[name].add(row.cluster)
    return {name: len(found) for name, found in clusters.items()}


def fit(rows, findings, shrinkage, passes=25):
    """The most likely weights that lie within their bounds, each drawn to where it began; cyclic Newton steps. A finding that few mails
    have moves little."""
    weights = {name: finding.start for name, finding in findings.items()}
    counts = balanced(rows)
    margins = [STEEPNESS * (sum(weights.get(name, 0) for name in row.names) - LINE) for row in rows]
    have = collections.defaultdict(list)
    for index, row in enumerate(rows):
        for name in row.names:
            have[name].append(index)
    seen = seen_clusters(rows)
    free = [name for name in have if name in findings and findings[name].least < findings[name].most and seen[name] >= SEEN]
    free.sort(key=lambda name: (-len(have[name]), name))
    for _ in range(passes):
        moved = 0.0
        for name in free:
            finding, indices = findings[name], have[name]
            slope = curve = 0.0
            for index in indices:
                margin = margins[index]
                probability = 1 / (1 + math.exp(-margin)) if margin > -30 else 0.0
                slope += counts[index] * (rows[index].spam - probability)
                curve += counts[index] * probability * (1 - probability)
            now = weights[name]
            slope = STEEPNESS * slope - shrinkage * (now - finding.start)
            curve = STEEPNESS * STEEPNESS * curve + shrinkage
            step = max(-1.0, min(1.0, slope / curve))
            new = max(finding.least, min(finding.most, now + step))
            if new == now:
                continue
            weights[name] = new
            moved = max(moved, abs(new - now))
            for index in indices:
                margins[index] += STEEPNESS * (new - now)
        if moved < 0.01:
            break
    return weights, set(free)


def score(row, weights):
    return sum(weights.get(name, 0) for name in row.names)


def line_at(rows, scores, share):
    """The lowest line at which no more than `share` of the ham, by weight, is at or above it."""
    ham = sorted(((value, row.weight) for row, value in zip(rows, scores) if not row.spam), reverse=True)
    allowed = share * sum(weight for _, weight in ham)
    above, at = 0.0, 0
    line = ham[0][0] + 1e-6
    while at < len(ham):
        end, step = at, 0.0
        while end < len(ham) and ham[end][0] == ham[at][0]:
            step += ham[end][1]
            end += 1
        if above + step > allowed:
            return line
        above += step
        line, at = ham[at][0], end
    return line


def missed(rows, scores, line):
    spam = sum(row.weight for row in rows if row.spam)
    return sum(row.weight for row, value in zip(rows, scores) if row.spam and value < line) / spam


def held(rows, scores, line):
    ham = sum(row.weight for row in rows if not row.spam)
    return sum(row.weight for row, value in zip(rows, scores) if not row.spam and value >= line) / ham


def stretched(weights, fitted, findings, factor):
    """Fitted weights times `factor`, bounds kept."""
    return {name: min(max(MOST, findings[name].start), value * factor) if name in fitted and value > 0 else value
            for name, value in weights.items()}


def stretch_for(rows, weights, fitted, findings, share):
    """The factor that brings the line at `share` of false positives to LINE: found by halving."""
    low, high = 0.3, 3.0
    for _ in range(14):
        middle = (low + high) / 2
        scores = [score(row, stretched(weights, fitted, findings, middle)) for row in rows]
        if held(rows, scores, LINE) > share:
            high = middle
        else:
            low = middle
    return low


def train(rows, findings, shrinkage, share):
    weights, fitted = fit(rows, findings, shrinkage)
    factor = stretch_for(rows, weights, fitted, findings, share)
    return stretched(weights, fitted, findings, factor), fitted


def fold_weights(rows, findings, shrinkage, share):
    """For each fold weights that have not seen its clusters."""
    return [train([row for row in rows if fold_of(row) != fold], findings, shrinkage, share)[0] for fold in range(FOLDS)]


def out_of_fold(rows, weights):
    """Each row's score by weights that have not seen its cluster."""
    return [score(row, weights[fold_of(row)]) for row in rows]
