#!/bin/bash
# Bazel refuses what goes up or sideways: builds small wrong targets in a copy of the tree and expects the refusal.
# Run outside Bazel: tests/layers/check.sh
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'bazel --output_base="$work/out" shutdown >/dev/null 2>&1; chmod -R u+w "$work" 2>/dev/null; rm -rf "$work"' EXIT
(cd "$root" && git ls-files -co --exclude-standard | grep -E '(^|/)(BUILD|BUILD\.bazel|WORKSPACE|\.bazelrc)$|\.(bzl|BUILD)$' |
  tar cf - -T - | tar xf - -C "$(mkdir -p "$work/tree" && echo "$work/tree")")
cd "$work/tree" || exit 1
failed=0
passed=0

# refused WHERE WHAT: a target in package WHERE that depends on WHAT is refused for its visibility
refused() {
  local where=$1 what=$2
  [ -f "$where/BUILD.bazel" ] || { echo "no package $where"; failed=$((failed + 1)); return; }
  cp "$where/BUILD.bazel" "$work/kept"
  printf '\ncc_library(name = "layers_wrong", deps = ["%s"])\n' "$what" >> "$where/BUILD.bazel"
  if bazel --output_base="$work/out" build --nobuild --disk_cache= "//$where:layers_wrong" > "$work/log" 2>&1; then
    echo "FAILED: //$where may depend on $what"
    failed=$((failed + 1))
  elif grep -q "is not visible from" "$work/log"; then
    passed=$((passed + 1))
  else
    echo "FAILED: //$where -> $what was refused for another reason:"
    grep ERROR "$work/log" | head -5
    failed=$((failed + 1))
  fi
  cp "$work/kept" "$where/BUILD.bazel"
}

refused libs/base //services/policy:service
refused libs/base //libs/net:listener
refused libs/mail/address //libs/net:listener
refused libs/mail/mime //libs/telemetry:log
refused libs/net //libs/bus:journal
refused libs/config //libs/app:process
refused libs/bus //libs/directory:directory
refused libs/store/spool //libs/app:environment
refused libs/rpc //libs/authz:authorizer
refused services/policy //services/quarantine:service
refused services/scanner //services/policy:service
echo "$passed passed, $failed failed"
exit $((failed > 0))
