"""Closes a test run with the number of test cases: count_results.py EVENTS BAZEL_EXIT SHELL_PASSED SHELL_FAILED.

Bazel's own last line counts targets. A target without a readable result file counts as one case, passed or failed.
"""
import json
import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree


def outcomes(path):
    """Yields (passed, failed) for each test target of a Bazel event file."""
    with open(path, encoding="utf-8") as events:
        for line in events:
            result = json.loads(line).get("testResult")
            if not result:
                continue
            cases = []
            for output in result.get("testActionOutput", []):
                if output["name"] == "test.xml":
                    document = ElementTree.parse(urllib.parse.unquote(output["uri"][len("file://"):]))
                    cases += document.iter("testcase")
            bad = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None)
            if result.get("status") != "PASSED":
                bad = max(bad, 1)
            yield max(len(cases), 1) - bad if result.get("status") == "PASSED" or len(cases) > bad else 0, bad


passed, failed = int(sys.argv[3]), int(sys.argv[4])
for good, bad in outcomes(sys.argv[1]):
    passed, failed = passed + good, failed + bad
if sys.argv[2] != "0" and failed == 0:
    failed = 1  # something did not build
print(f"{passed} passed, {failed} failed")
sys.exit(0 if failed == 0 else 1)
