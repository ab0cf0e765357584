#!/usr/bin/env bash
# Measures `vpipe check`, `fmt` and `run --local` in a release build: medians of 20 runs, beside /bin/true. How long pest
# alone takes for the same file says `cargo bench --no-default-features --bench floor`.
# Usage: scripts/bench.sh [path of a release vpipe]
set -euo pipefail
cd "$(dirname "$0")/.."
vpipe=${1:-target/release/vpipe}
[ -x "$vpipe" ] || { cargo build --release; vpipe=target/release/vpipe; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 - "$work" <<'PY'
import sys
work = sys.argv[1]
def resource(n):
    return f'''
security_group group_{n} {{
  vpc = main
  description = "group {n}"
  allow tcp {1 + n % 60000} from "10.{n // 256 % 256}.{n % 256}.0/24"
}}
'''
for count in (1_000, 10_000, 100_000):
    with open(f"{work}/{count}.vpipe", "w") as out:
        out.write('pipeline big { region = "us-east-1" }\n\nexisting vpc main { default = true }\n')
        out.writelines(resource(n) for n in range(count))
PY

python3 - "$vpipe" "$work" <<'PY'
import os, resource, statistics, subprocess, sys, time
vpipe, work = sys.argv[1:]
quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
def measure(name, command, runs=20, before=None):
    times = []
    for _ in range(runs):
        if before:
            before()
        start = time.perf_counter()
        code = subprocess.run(command, **quiet).returncode
        times.append((time.perf_counter() - start) * 1000)
        assert code == 0, f"{name}: exit {code}"
    print(f"{name:<44} {statistics.median(times):9.1f} ms  (median of {runs})")
def memory(command):
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)])
    return os.wait4(pid, 0)[2].ru_maxrss / 1024
measure("/bin/true", ["/bin/true"])
measure("check examples/vprofile", [vpipe, "check", "examples/vprofile/vprofile.vpipe"])
for count, runs in ((1_000, 20), (10_000, 20), (100_000, 5)):
    file = f"{work}/{count}.vpipe"
    measure(f"check {count} resources", [vpipe, "check", file], runs)
    print(f"{'  peak memory':<44} {memory([os.path.abspath(vpipe), 'check', file]):9.1f} MiB")
helps = subprocess.run([vpipe, "--help"], capture_output=True, text=True).stdout
if " fmt " in helps:
    command = [os.path.abspath(vpipe), "fmt", "--check", f"{work}/10000.vpipe"]
    measure("fmt --check 10000 resources", command)
    print(f"{'  peak memory':<44} {memory(command):9.1f} MiB")
if " run " in helps:
    def reset():
        subprocess.run([vpipe, "local", "reset", "examples/vprofile"], **quiet)
    measure("run --local examples/vprofile, virtual time",
            [vpipe, "run", "examples/vprofile", "--stage", "dev", "--local", "--yes"], 5, reset)
PY
