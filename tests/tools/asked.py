"""Reads requests as the services do, from botocore's models: which operation, and what is wrong with it."""

import json
import re
import xml.etree.ElementTree as ET
from functools import cache
from urllib.parse import parse_qsl, unquote

import botocore.session
from conform import Check, cbor, local, wire_name

# Services whose requests are signed with another name than botocore's.
SIGNED_AS = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}

# Query parameters that no member stands for: which operation of S3 is meant, and signatures in URLs.
NO_MEMBERS = {
    "x-id", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders",
    "x-amz-signature", "x-amz-security-token", "awsaccesskeyid", "signature", "expires",
}


@cache
def model(service):
    return botocore.session.get_session().get_service_model(service)


class Asked:
    """A request: its service, protocol, operation and parameters."""

    def __init__(self, request):
        self.method, self.path = request["method"], request["path"]
        self.query = [tuple(pair) for pair in request["query"]]
        self.headers, self.body = request["headers"], request["body"]
        self.operation = None
        scope = re.search(r"Credential=[^,]*?/([^/,]+)/aws4_request", self.headers.get("authorization", ""))
        presigned = dict(self.query).get("X-Amz-Credential", "")
        self.service = scope[1] if scope else presigned.split("/")[-2] if presigned.count("/") > 1 else None
        if self.service is None:
            return
        self.model = model(SIGNED_AS.get(self.service, self.service))
        self.protocol = self.spoken()
        name = self.named()
        if name in self.model.operation_names:
            self.operation = self.model.operation_model(name)

    def spoken(self):
        """The protocol: some services speak several."""
        known = self.model.metadata.get("protocols") or [self.model.metadata["protocol"]]
        if "smithy-rpc-v2-cbor" in known and self.headers.get("smithy-protocol") == "rpc-v2-cbor":
            return "smithy-rpc-v2-cbor"
        if "json" in known and "x-amz-target" in self.headers:
            return "json"
        return "query" if "query" in known else known[0]

    def named(self):
        if self.protocol == "smithy-rpc-v2-cbor":
            return self.path.rsplit("/", 1)[-1]
        if self.protocol == "json":
            return self.headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        if self.protocol in ("query", "ec2"):
            self.form = self.query + parse_qsl(self.text() or "", keep_blank_values=True)
            return dict(self.form).get("Action")
        return self.routed()

    def text(self):
        return self.body.decode() if self.body is not None else None

    def routed(self):
        """The operation of a REST service that fits best: the most words and parameters of its own."""
        path = self.path
        if self.model.service_name == "s3":
            bucket = re.match(r"(.+)\.s3[.-]", self.headers.get(":host", ""))
            path = f"/{bucket[1]}{path}" if bucket else path
        best = None
        for name in self.model.operation_names:
            operation = self.model.operation_model(name)
            if operation.http["method"] != self.method:
                continue
            template, _, flags = operation.http["requestUri"].partition("?")
            uri = routes(template).fullmatch(path.rstrip("/") or "/")
            wanted = dict(parse_qsl(flags, keep_blank_values=True))
            given = dict(self.query)
            if uri is None or any(given.get(flag, None) not in (value, value or "") for flag, value in wanted.items()):
                continue
            if any(flag not in given for flag in wanted):
                continue
            needs, score = self.needs(operation)
            if needs and (best is None or (len(wanted) + score, literal(template)) > best[0]):
                best = (len(wanted) + score, literal(template)), name, uri.groupdict(), set(wanted)
        if best is None:
            return None
        self.uri, self.flags = {name: unquote(value) for name, value in best[2].items()}, best[3]
        return best[1]

    def needs(self, operation):
        """Whether the query and headers that an operation must have are there, and how many there are."""
        shape = operation.input_shape
        given, score = {name for name, _ in self.query}, 0
        for name in shape.required_members if shape else ():
            member = shape.members[name]
            place, wanted = member.serialization.get("location"), wire_name(name, member)
            if place in ("querystring", "header"):
                if wanted not in given and wanted.lower() not in self.headers:
                    return False, 0
                score += 1
        return True, score

    def hold(self):
        """The problems of the request."""
        operation = self.operation
        check = Check(f"{self.model.service_name}:{operation.name} is asked", self.protocol)
        shape = operation.input_shape
        if self.protocol in ("query", "ec2"):
            self.hold_form(check, shape)
        elif self.protocol == "json":
            prefix = self.model.metadata["targetPrefix"]
            if not self.headers["x-amz-target"].startswith(prefix + "."):
                check.problem(operation.name, f"the target is not of {prefix}")
            check.json(shape, json.loads(self.text() or "{}"), operation.name)
        elif self.protocol == "smithy-rpc-v2-cbor":
            check.json(shape, cbor(self.body), operation.name)
        elif shape is not None:
            self.hold_rest(check, shape)
        return check.problems

    def hold_form(self, check, shape):
        name = self.operation.name
        form = [(key, value) for key, value in self.form if key not in ("Action", "Version")]
        version = dict(self.form).get("Version")
        if version != self.model.api_version:
            check.problem(name, f"the version is {version} in place of {self.model.api_version}")
        tree = {}
        for key, value in form:
            node, steps = tree, key.split(".")
            for step in steps[:-1]:
                node = node.setdefault(step, {})
                if not isinstance(node, dict):
                    return check.problem(name, f"{key} is there both with and without more")
            if steps[-1] in node:
                check.problem(name, f"{key} is there more than once")
            node[steps[-1]] = value
        if shape is None:
            if tree:
                check.problem(name, f"unknown member {next(iter(tree))}")
            return None
        return form_structure(check, shape, tree, name)

    def hold_rest(self, check, shape):
        name = self.operation.name
        check.headers(shape, self.headers, name)
        asked = {}
        for member_name, member in shape.members.items():
            place, wanted = member.serialization.get("location"), wire_name(member_name, member)
            if place == "uri":
                check.scalar(member, self.uri.get(safe(wanted), ""), f"{name}.{member_name}")
            elif place == "querystring":
                asked[wanted] = member
        for key, value in self.query:
            if key in asked:
                inner = asked[key].member if asked[key].type_name == "list" else asked[key]
                check.scalar(inner, value, f"{name}.{key}")
            elif key not in self.flags and key.lower() not in NO_MEMBERS:
                check.problem(name, f"unknown query parameter {key}")
        payload = shape.serialization.get("payload")
        if payload and shape.members[payload].type_name != "structure":
            return None
        inner = shape.members[payload] if payload else shape
        has_body = payload or any(not m.serialization.get("location") for m in shape.members.values())
        if not has_body:
            if self.body:
                check.problem(name, f"a body that nothing asks for: {self.body[:80]!r}")
            return None
        if not self.body:
            if payload and payload in shape.required_members:
                check.problem(name, f"{payload} is missing")
            elif not payload and any(
                not shape.members[r].serialization.get("location") for r in shape.required_members
            ):
                check.problem(name, "the body is missing")
            return None
        if self.protocol == "rest-json":
            return check.json(inner, json.loads(self.text()), name)
        root = ET.fromstring(self.body)
        wanted = wire_name(payload, inner) if payload else shape.serialization.get("locationName")
        if self.model.service_name == "s3" and not wanted:
            wanted = None
        if wanted and local(root.tag) != wanted:
            check.problem(name, f"the body is <{local(root.tag)}> in place of <{wanted}>")
        return check.structure(inner, list(root), name)


def form_structure(check, shape, tree, path):
    """The members of a structure in the dotted names of the query protocols."""
    if not isinstance(tree, dict):
        return check.problem(path, f"no structure: {tree!r}")
    known = {form_name(check, name, member): (name, member) for name, member in shape.members.items()}
    for key, value in tree.items():
        if key not in known:
            check.problem(path, f"unknown member {key}")
        else:
            form_value(check, known[key][1], value, f"{path}.{known[key][0]}")
    for key, (name, _) in known.items():
        if name in shape.required_members and key not in tree:
            check.problem(path, f"{name} is missing")
    return None


def form_name(check, name, member):
    if check.protocol == "ec2":
        given = member.serialization.get("queryName")
        plain = member.serialization.get("name", name)
        return given or plain[:1].upper() + plain[1:]
    if member.type_name == "list" and member.serialization.get("flattened"):
        return member.member.serialization.get("name", wire_name(name, member))
    return wire_name(name, member)


def form_value(check, shape, value, path):
    kind = shape.type_name
    if kind == "structure":
        return form_structure(check, shape, value, path)
    if kind not in ("list", "map"):
        if isinstance(value, dict):
            return check.problem(path, f"no {kind}: {value!r}")
        return check.scalar(shape, value, path)
    # An empty list is `Name=`.
    items = {} if value == "" else value
    flat = check.protocol == "ec2" or shape.serialization.get("flattened")
    if items and not flat:
        word = wire_name("member", shape.member) if kind == "list" else "entry"
        if not isinstance(items, dict) or set(items) != {word}:
            return check.problem(path, f"no {kind} of {word}: {items!r}")
        items = items[word]
    if not isinstance(items, dict) or set(items) != {str(at + 1) for at in range(len(items))}:
        return check.problem(path, f"not counted from 1: {items!r}")
    for item in items.values():
        if kind == "list":
            form_value(check, shape.member, item, f"{path}[]")
        else:
            key, inner = wire_name("key", shape.key), wire_name("value", shape.value)
            if not isinstance(item, dict) or set(item) != {key, inner}:
                check.problem(path, f"no pair of {key} and {inner}: {item!r}")
                continue
            check.scalar(shape.key, item[key], f"{path} (key)")
            form_value(check, shape.value, item[inner], f"{path}{{}}")
    return check.constraint(shape, items, path)


def safe(name):
    return re.sub(r"\W", "_", name)


def literal(template):
    return len(re.sub(r"{[^}]*}", "", template))


@cache
def routes(template):
    """A path template as an expression."""
    parts = re.split(r"({[^}]+})", template.rstrip("/") or "/")
    expression = ""
    for part in parts:
        if part.startswith("{") and part.endswith("+}"):
            expression += f"(?P<{safe(part[1:-2])}>.+)"
        elif part.startswith("{"):
            expression += f"(?P<{safe(part[1:-1])}>[^/]+)"
        else:
            expression += re.escape(part)
    return re.compile(expression)
