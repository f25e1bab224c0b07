#!/usr/bin/env python3
"""compare.py THEIRS OURS STATUS: which rules fire in SpamAssassin and here, over the rules both run; a table of those that differ."""
import collections
import sys


def read(path):
    found = {}
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            fields = line.rstrip("\n").split("\t")
            if len(fields) >= 4:
                found[fields[0]] = ({hit.split("=")[0] for hit in fields[1].split()}, int(fields[3]))
    return found


def share(both, either):
    return f"{both} of {either} = {100 * both / either if either else 100:.3f} %"


def main():
    theirs, ours = read(sys.argv[1]), read(sys.argv[2])
    status = {}
    with open(sys.argv[3], encoding="utf-8", errors="replace") as lines:
        for line in lines:
            name, state, reason = (line.rstrip("\n").split("\t") + ["", ""])[:3]
            status[name] = (state == "active", reason)
    mails = sorted(set(theirs) & set(ours))
    counts = {"all": [0, 0], "visible": [0, 0]}
    missing, extra, not_run = (collections.Counter() for _ in range(3))
    for mail in mails:
        there, here = theirs[mail][0], ours[mail][0]
        not_run.update(rule for rule in there if not status.get(rule, (False,))[0])
        there = {rule for rule in there if status.get(rule, (False,))[0]}
        for kind, test in (("all", lambda rule: True), ("visible", lambda rule: not rule.startswith("__"))):
            counts[kind][0] += sum(map(test, there & here))
            counts[kind][1] += sum(map(test, there | here))
        missing.update(there - here)
        extra.update(here - there)
    visible = [rule for rule in status if not rule.startswith("__")]
    print(f"messages                         {len(mails)}")
    print(f"pairs of message and rule, both  {share(*counts['all'])}")
    print(f"of visible rules                 {share(*counts['visible'])}")
    print(f"visible rules active             {sum(status[rule][0] for rule in visible)} of {len(visible)}, "
          f"of those with a score {sum(status[rule][0] for rule in visible)} of "
          f"{sum(not status[rule][1].startswith('its score is 0') for rule in visible)}")
    for title, found in (("SpamAssassin", theirs), ("here", ours)):
        times = sorted(found[mail][1] for mail in mails)
        if times:
            print(f"processor time a message, {title:<13}mean {sum(times) / len(times) / 1000:.2f} ms, median {times[len(times) // 2] / 1000:.2f} ms")
    print("\nrule\tonly SpamAssassin\tonly here")
    for rule in sorted(set(missing) | set(extra), key=lambda rule: -(missing[rule] + extra[rule])):
        print(f"{rule}\t{missing[rule]}\t{extra[rule]}")
    if not_run:
        print("\nfires there, does not run here\tmessages\twhy")
        for rule, count in not_run.most_common():
            print(f"{rule}\t{count}\t{status.get(rule, (False, 'not known'))[1]}")
    sys.exit(0 if counts["all"][1] and counts["all"][0] / counts["all"][1] >= 0.98 else 1)


if __name__ == "__main__":
    main()
