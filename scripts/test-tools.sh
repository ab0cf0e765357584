#!/usr/bin/env bash
# Installs what some tests need (a moto server, boto3, the AWS CLI) into `.venv`. Does nothing when it is there already.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v python3 > /dev/null; then
    echo "test-tools: python3 is needed" >&2
    exit 1
fi
if ! cmp -s scripts/test-tools.txt .venv/installed.txt; then
    python3 -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement scripts/test-tools.txt
    cp scripts/test-tools.txt .venv/installed.txt
fi
