"""Every metric a room declares stands in its README, and every one that stands there is declared."""
import pathlib
import re
import sys

NAME = re.compile(r"cleanmail_[a-z_]+")
wrong = []
for header in sorted(pathlib.Path("services").glob("*/metrics.h")):
    declared = set(re.findall(r'"(cleanmail_[a-z_]+)"', header.read_text()))
    described = set(NAME.findall(header.with_name("README.md").read_text()))
    own = {name for name in described if name.startswith(f"cleanmail_{header.parent.name}_")}
    wrong += [f"{header.parent}/README.md does not describe {name}" for name in sorted(declared - described)]
    wrong += [f"{header} does not declare {name}, which its README describes" for name in sorted(own - declared)]
print("\n".join(wrong) or "every metric stands in its room's README")
sys.exit(1 if wrong else 0)
