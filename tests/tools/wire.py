"""Holds what the tests recorded (README.md) against botocore's models: every request and every answer.

    python wire.py RECORDS TABLE SOURCES PORT

Sums the records up in a table, and asks the local cloud on a port what it implements. Prints each problem once, and ends
with 1 when there is any, or nothing was recorded. Beside the table, `wire-unseen.txt` lists the operations that drivers
call and no test has seen, and those that the local cloud implements and neither boto3 nor the AWS CLI has toured: those
are problems too once all tests ran.
"""

import base64
import json
import os
import sys
from collections import Counter, defaultdict
from pathlib import Path

from asked import Asked
from botocore.exceptions import UnknownServiceError
from conform import code_of, hold_answer
from exceptions import NOT_TOURED
from sources import PROBE, called, implemented


# vpipe at the local cloud, and at moto.
VPIPE = {"vpipe", "moto"}

# The test executables that record, by the beginnings of their names.
RECORDING = {"suite", "vpipe"}


def records(folder, complete):
    """Every exchange; those of executables that have been built anew since are deleted. Adds to `complete` which test
    executables ran all of their tests with the binary as it is now."""
    for file in sorted(folder.glob("*.ndjson")):
        with file.open("rb") as lines:
            for line in lines:
                # Whoever was killed while it wrote leaves half a line.
                if not line.endswith(b"\n"):
                    continue
                record = json.loads(line)
                if "executable" in record:
                    executable = Path(record["executable"])
                    try:
                        current = str(os.stat(executable).st_mtime_ns) == record["modified"]
                    except OSError:
                        current = False
                    if current and record.get("all") and file.stat().st_mtime_ns > built(executable):
                        complete.add(executable.name.split("-")[0])
                elif current:
                    yield record
        if not current:
            file.unlink()


def built(executable):
    """When the binary beside a test executable was built."""
    binary = executable.parent.parent / "vpipe"
    return binary.stat().st_mtime_ns if binary.exists() else 0


def content(body):
    """A recorded body: text, bytes in base64, or only a length."""
    if isinstance(body, int):
        return None
    return base64.b64decode(body[0]) if isinstance(body, list) else body.encode()


def client_of(record):
    if record["via"] != "port":
        return {"bridge": "vpipe", "test": "test", "moto": "moto"}[record["via"]]
    agent = record["request"]["headers"].get("user-agent", "")
    for word, name in (("eb-cli", "eb"), ("aws-cli", "aws"), ("Boto3", "boto3"), ("aws-sdk-rust", "vpipe")):
        if word in agent:
            return name
    return "other"


class Wire:
    """What was seen, and what is wrong with it."""

    def __init__(self):
        self.rows, self.problems = defaultdict(Counter), Counter()

    def hold(self, record):
        """Holds one exchange against the models."""
        who, request, reply = client_of(record), record["request"], record["reply"]
        request["body"] = content(request["body"])
        request["headers"][":host"] = request["host"]
        try:
            asked = Asked(request)
        except (ValueError, UnknownServiceError):
            asked = None
        if asked is None or asked.operation is None:
            # What tests make up may mean nothing, but is to be refused.
            if who in VPIPE or (reply and reply["status"] < 400 and asked and asked.service):
                self.problems[f"no operation: {request['method']} {request['host']}{request['path']} [{who}]"] += 1
            return
        name = f"{asked.service}:{asked.operation.name}"
        row = self.rows[(name, who)]
        row["requests"] += 1
        accepted = reply is not None and reply["status"] < 300
        if accepted and record["operation"].split(":")[1] != asked.operation.name:
            self.problems[f"{name}: the local cloud takes it for {record['operation']} [{who}]"] += 1
        # What others ask may be wrong, as long as it is refused; what tests ask by hand, even when it is not.
        if who in VPIPE or (accepted and who != "test"):
            self.count(asked.hold(), who)
        if reply is None:
            return
        row["answers"] += 1
        body = content(reply["body"])
        if request["method"] == "HEAD" and asked.operation.http.get("method") != "HEAD":
            return
        self.count(hold_answer(asked.operation, reply["status"], reply["headers"], body, asked.protocol), who)
        if reply["status"] >= 300 and body:
            row[f"={code_of(asked.protocol, reply['headers'], body)}"] += 1

    def count(self, problems, who):
        for problem in problems:
            self.problems[f"{problem} [{who}]"] += 1

    def by(self, *clients):
        return {name for name, who in self.rows if who in clients}

    def write(self, table):
        with table.open("w") as out:
            print("operation", "client", "requests", "answers", "refusals", sep="\t", file=out)
            for (name, who), row in sorted(self.rows.items()):
                codes = sorted((code[1:], number) for code, number in row.items() if code.startswith("="))
                told = " ".join(f"{code}={number}" for code, number in codes)
                print(name, who, row["requests"], row["answers"], told, sep="\t", file=out)


def main(folder, table, cloud, port):
    wire, complete = Wire(), set()
    for record in records(folder, complete):
        if record["request"]["headers"].get("user-agent") != PROBE:
            wire.hold(record)
    wire.write(table)
    found, unknown = called(cloud)
    implements, toured = implemented(cloud, port), wire.by("boto3", "aws")
    unseen = [f"no test has seen vpipe ask for {name}" for name in sorted(found - wire.by("vpipe"))]
    unseen += [f"neither boto3 nor the AWS CLI toured {name}" for name in sorted(implements - toured - NOT_TOURED)]
    told = [f"{problem} ({number} times)" for problem, number in sorted(wire.problems.items())]
    print(*told, *sorted(unknown), sep="\n")
    table.with_name("wire-unseen.txt").write_text("".join(f"{line}\n" for line in unseen))
    if complete >= RECORDING:
        print(*unseen, sep="\n")
        told += unseen
    else:
        print(f"only some of the tests ran: what they have not seen is in {table.with_name('wire-unseen.txt')}, and no problem")
    sums = [sum(row[what] for row in wire.rows.values()) for what in ("requests", "answers")]
    refusals = sum(number for row in wire.rows.values() for code, number in row.items() if code.startswith("="))
    clients = {who for _, who in wire.rows}
    by = ", ".join(f"{who} {len(wire.by(who))}" for who in sorted(clients))
    print(f"{len(wire.by(*clients))} operations ({by}), {sums[0]} requests, {sums[1]} answers, of which {refusals} refusals")
    print(f"drivers call {len(found)}, the local cloud implements {len(implements)}; nobody asked for {len(unseen)} of them")
    sys.exit(1 if told or unknown or not wire.rows else 0)


main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
