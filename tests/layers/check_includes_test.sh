#!/bin/bash
# Runs over the real tree (tags: local, external), found through the link Bazel made of WORKSPACE.
set -eu
root=$(dirname "$(readlink -f WORKSPACE)")
exec python3 "$root/tests/layers/check_includes.py" "$root"
