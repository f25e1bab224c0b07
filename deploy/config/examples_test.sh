#!/bin/bash
# Every example is in order for the program it is for.
set -euo pipefail
examples=deploy/config
services/allinone/cleanmail check-config $examples/standalone.yaml
for room in egress ingress policy portal provisioning quarantine reporting scanner; do
  services/$room/$room --config $examples/cluster/$room.yaml --check-config
done
