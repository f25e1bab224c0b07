#!/bin/bash
# Runs over the real tree (tags: local, external), found through the link Bazel made of WORKSPACE.
set -eu
cd "$(dirname "$(readlink -f WORKSPACE)")"
exec python3 tests/layers/check_metrics.py
