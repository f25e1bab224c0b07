#!/bin/bash
# The contracts still hold, and the check would notice if they did not.
set -euo pipefail
here=$(dirname "$0")
python3 "$here/check_contracts.py" "$1" "$2"

# A field that loses its number must be noticed: a golden line is changed, as if the proto had been.
changed=$(mktemp)
trap 'rm -f "$changed"' EXIT
sed 's/^cleanmail.mail.v1.Message 1 /cleanmail.mail.v1.Message 77 /' "$1" > "$changed"
if python3 "$here/check_contracts.py" "$changed" "$2" > /dev/null; then
  echo "a renumbered field was not noticed" >&2
  exit 1
fi
