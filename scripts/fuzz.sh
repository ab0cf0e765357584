#!/usr/bin/env bash
# Fuzzes the parser, the checker and the formatter, one after the other, with the stable toolchain. What is found lies in
# `fuzz/artifacts/TARGET/` and belongs into `tests/corpus/`.
# Needs `cargo install cargo-fuzz` and a C++ compiler. Usage: scripts/fuzz.sh [SECONDS for each] [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] || targets=(parse check fmt)

python3 fuzz/seeds.py
# cargo-fuzz passes flags that the stable compiler knows but does not yet promise.
export RUSTC_BOOTSTRAP=1
for target in "${targets[@]}"; do
    cargo fuzz run --sanitizer none "$target" -- -dict=fuzz/vpipe.dict -timeout=10 -rss_limit_mb=2048 \
        -max_len=4096 -max_total_time="$seconds" -print_final_stats=1
done
