"""Clients of boto3 that hold every answer against botocore's model of the service; and what does so, for `wire.py` too.

boto3 itself overlooks what it does not know: here an unknown element, a value of the wrong type, length or pattern or
outside its enumeration, a required member that is missing and an error that the operation does not have are problems.
"""

import json
import sys
import xml.etree.ElementTree as ET
from datetime import datetime

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import create_parser
from dateutil import parser as dates

import regex
from exceptions import ANY_OPERATION, MODEL_IS_WRONG, S3, UNDECLARED

problems = []
calls = 0


def local(tag):
    return tag.rsplit("}", 1)[-1]


def wire_name(name, shape):
    return shape.serialization.get("name", name)


def cbor(body):
    """What a body in CBOR says."""
    parser = create_parser("smithy-rpc-v2-cbor")
    return parser.parse_data_item(parser.get_peekable_stream_from_bytes(body)) if body else {}


class Check:
    """Holds one request or answer against its model."""

    def __init__(self, where, protocol):
        self.where, self.protocol, self.problems = where, protocol, []

    def problem(self, path, what):
        if (path, what.split(":")[0]) not in MODEL_IS_WRONG:
            self.problems.append(f"{self.where}: {path}: {what}")

    def element(self, shape, element, path):
        kind = shape.type_name
        if kind == "structure":
            self.structure(shape, list(element), path)
        elif kind == "list":
            item = "item" if self.protocol == "ec2" else wire_name("member", shape.member)
            for child in element:
                if local(child.tag) != item:
                    self.problem(path, f"list item <{local(child.tag)}> in place of <{item}>")
                self.element(shape.member, child, f"{path}[]")
            self.constraint(shape, list(element), path)
        elif kind != "map":
            self.scalar(shape, element.text or "", path)

    def structure(self, shape, children, path):
        known, flat_lists = {}, {}
        for name, member in shape.members.items():
            if member.serialization.get("location") in (None, "uri", "querystring"):
                flat = member.type_name == "list" and member.serialization.get("flattened")
                inner = member.member if flat else member
                default = wire_name("member", member.member) if flat and "name" in member.member.serialization else name
                known[member.serialization.get("name", default)] = inner
                if flat:
                    flat_lists[member.serialization.get("name", default)] = member
        seen = [local(child.tag) for child in children]
        for name in {name for name in seen if seen.count(name) > 1 and name not in flat_lists}:
            self.problem(path, f"<{name}> is there more than once")
        for child in children:
            name = local(child.tag)
            if name in known:
                self.element(known[name], child, f"{path}.{name}")
            else:
                self.problem(path, f"unknown element <{name}>")
        for name in shape.required_members:
            member = shape.members[name]
            elsewhere = member.serialization.get("location") or member.serialization.get("xmlAttribute")
            empty_list = member.type_name == "list" and member.serialization.get("flattened")
            if not elsewhere and not empty_list and wire_name(name, member) not in seen:
                self.problem(path, f"<{wire_name(name, member)}> is missing")

    def scalar(self, shape, text, path):
        """A value that came as text."""
        kind = shape.type_name
        value = text
        try:
            if kind in ("integer", "long"):
                value = int(text)
            elif kind in ("float", "double"):
                value = float(text)
            elif kind == "boolean" and text not in ("true", "false"):
                raise ValueError
            elif kind == "timestamp":
                dates.parse(text)
        except (ValueError, OverflowError):
            return self.problem(path, f"no {kind}: {text!r}")
        return self.constraint(shape, value, path)

    def json(self, shape, value, path):
        """A value of JSON or CBOR."""
        kind = shape.type_name
        types = {
            "structure": dict, "map": dict, "list": list, "string": str, "integer": int, "long": int, "boolean": bool,
            "float": (int, float), "double": (int, float), "blob": bytes if self.protocol.endswith("cbor") else str,
            "timestamp": datetime if self.protocol.endswith("cbor") else (int, float) if self.protocol == "json" else str,
        }
        if not isinstance(value, types[kind]) or (isinstance(value, bool) and kind != "boolean"):
            return self.problem(path, f"no {kind}: {value!r}")
        if kind == "structure":
            known = {
                wire_name(name, member): member for name, member in shape.members.items()
                if member.serialization.get("location") in (None, "uri", "querystring")
            }
            for name, inner in value.items():
                if name in known:
                    self.json(known[name], inner, f"{path}.{name}")
                else:
                    self.problem(path, f"unknown member {name}")
            for name in shape.required_members:
                member = shape.members[name]
                if not member.serialization.get("location") and wire_name(name, member) not in value:
                    self.problem(path, f"{name} is missing")
        elif kind == "list":
            for inner in value:
                self.json(shape.member, inner, f"{path}[]")
        elif kind == "map":
            for key, inner in value.items():
                self.scalar(shape.key, key, f"{path} (key)")
                self.json(shape.value, inner, f"{path}{{}}")
        elif kind == "timestamp" and isinstance(value, str):
            return self.scalar(shape, value, path)
        return self.constraint(shape, value, path)

    def constraint(self, shape, value, path):
        """Enumerations, patterns, lengths and ranges."""
        if shape.type_name == "string":
            pattern = shape.metadata.get("pattern")
            if shape.enum and value not in shape.enum:
                self.problem(path, f"not in the enumeration: {value!r}")
            # Models written before Smithy leave the anchors out and mean the whole text.
            elif pattern and not regex.fullmatch(pattern, value, regex.DOTALL):
                self.problem(path, f"does not match {pattern}: {value!r}")
        measured = value
        if shape.type_name in ("string", "list", "map", "blob"):
            measured = len(value)
        if isinstance(measured, (int, float)) and not isinstance(measured, bool):
            least, most = shape.metadata.get("min"), shape.metadata.get("max")
            if least is not None and measured < float(least):
                self.problem(path, f"less than {least}: {value!r}")
            if most is not None and measured > float(most):
                self.problem(path, f"more than {most}: {value!r}")

    def headers(self, shape, headers, path):
        """The members that are headers; the names of those that there are."""
        found = set()
        for name, member in shape.members.items():
            wanted = wire_name(name, member).lower()
            if member.serialization.get("location") == "header":
                if wanted in headers:
                    found.add(wanted)
                    self.scalar(member, headers[wanted], f"{path}.{name}")
                elif name in shape.required_members:
                    self.problem(path, f"the header {wanted} is missing")
            elif member.serialization.get("location") == "headers":
                found |= {given for given in headers if given.startswith(wanted)}
        return found


def protocol_of(service):
    """The protocol that botocore speaks with a service."""
    return service.resolved_protocol


def hold_answer(operation_model, status, headers, body, protocol=None):
    """The problems of an answer. Header names are in lower case; a body that is not known is None."""
    service, operation = operation_model.service_model, operation_model.name
    protocol = protocol or protocol_of(service)
    check = Check(f"{service.service_name}:{operation} answers", protocol)
    if status >= 300:
        check_error(check, operation_model, status, headers, body)
        return check.problems
    shape = operation_model.output_shape
    if protocol in ("rest-xml", "rest-json"):
        wanted = operation_model.http.get("responseCode", 200)
        # S3 answers some calls otherwise than its model says; what it answers is in its documentation.
        if status != wanted and service.service_name != "s3":
            check.problem(operation, f"the status is {status} in place of {wanted}")
        if shape is not None:
            check.headers(shape, headers, operation)
    if protocol in ("query", "ec2"):
        check_wrapped(check, operation_model, body)
        return check.problems
    if shape is None or operation_model.has_streaming_output or body is None:
        return check.problems
    payload = shape.serialization.get("payload")
    if payload:
        shape = shape.members[payload]
        if shape.type_name != "structure":
            return check.problems
    if protocol.endswith("cbor"):
        check.json(shape, cbor(body), operation)
    elif protocol in ("json", "rest-json"):
        check.json(shape, json.loads(body or b"{}"), operation)
    elif body:
        root = ET.fromstring(body)
        check.structure(shape, list(root), operation)
        wanted = (operation_model.output_shape if not payload else shape).serialization.get("xmlNamespace") or {}
        if wanted.get("uri") and not root.tag.startswith("{" + wanted["uri"] + "}"):
            check.problem(operation, f"the namespace is not {wanted['uri']}")
    elif payload or any(not member.serialization.get("location") for member in shape.members.values()):
        check.problem(operation, "the answer has no body")
    return check.problems


def check_wrapped(check, operation_model, body):
    """An answer of the query protocols."""
    operation, shape = operation_model.name, operation_model.output_shape
    if body is None:
        return None
    if not body:
        return check.problem(operation, "the answer has no body")
    root = ET.fromstring(body)
    namespace = operation_model.service_model.metadata["xmlNamespace"]
    if not root.tag.startswith("{" + namespace.rstrip("/")):
        check.problem(operation, f"the namespace is not {namespace}")
    names = [local(child.tag) for child in root]
    if local(root.tag) != f"{operation}Response":
        return check.problem(operation, f"the answer is <{local(root.tag)}>")
    if check.protocol == "ec2":
        children = [child for child in root if local(child.tag) != "requestId"]
        # What has no output answers `<return>true</return>`.
        return check.structure(shape, children, operation) if shape is not None else None
    if shape is None:
        if names != ["ResponseMetadata"]:
            check.problem(operation, f"the answer is of {names}")
        return None
    if names != [shape.serialization["resultWrapper"], "ResponseMetadata"]:
        return check.problem(operation, f"the answer is of {names}")
    return check.structure(shape, list(root[0]), operation)


def code_of(protocol, headers, body):
    """The code of a refusal."""
    if protocol in ("query", "ec2", "rest-xml"):
        root = ET.fromstring(body) if body else []
        return next((e.text for e in root.iter() if local(e.tag) == "Code"), None) if body else None
    if protocol == "rest-json":
        return headers.get("x-amzn-errortype", "").split(":")[0] or None
    content = cbor(body) if protocol.endswith("cbor") else json.loads(body or b"{}")
    return (content.get("__type") or "").rsplit("#", 1)[-1] or None


def check_error(check, operation_model, status, headers, body):
    service = operation_model.service_model.service_name
    operation = operation_model.name
    if operation_model.http.get("method") == "HEAD" or body is None or status == 304:
        return
    code = code_of(check.protocol, headers, body)
    if code is None:
        return check.problem(operation, f"the refusal ({status}) has no code")
    declared = {}
    for shape in operation_model.error_shapes:
        wanted = shape.metadata.get("error", {}).get("httpStatusCode")
        declared |= {shape.name: wanted, shape.error_code: wanted}
    if code in ANY_OPERATION.get(check.protocol, ()):
        return None
    if service == "s3":
        declared = {**S3, **{name: wanted for name, wanted in declared.items() if name not in S3}}
    if code not in declared and (service, operation, code) not in UNDECLARED and (service, "*", code) not in UNDECLARED:
        return check.problem(operation, f"the operation has no error {code}")
    if declared.get(code) not in (None, status):
        check.problem(operation, f"{code} has the status {status} in place of {declared[code]}")
    return None


def check_answer(operation_model, response_dict, **_):
    global calls
    calls += 1
    headers = {name.lower(): value for name, value in response_dict["headers"].items()}
    body = None if operation_model.has_streaming_output and response_dict["status_code"] < 300 else response_dict["body"]
    problems.extend(hold_answer(operation_model, response_dict["status_code"], headers, body))


def client(service, port, region="us-east-1", check=True, **more):
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0})
    made = boto3.client(
        service, endpoint_url=f"http://127.0.0.1:{port}", region_name=region, aws_access_key_id="local",
        aws_secret_access_key="local", config=config, **more,
    )
    if check:
        made.meta.events.register("before-parse.*.*", check_answer)
    return made


def refused(code, operation, **parameters):
    """The call must be refused with a code."""
    try:
        operation(**parameters)
    except ClientError as error:
        found = error.response["Error"]["Code"]
        assert found == code, f"{operation.__name__}: {found} in place of {code}: {error}"
        return
    raise AssertionError(f"{operation.__name__} was not refused with {code}")


def wait(waiter, **parameters):
    """Waits with a short delay: time passes fast here."""
    waiter.config.delay = 0.2
    waiter.config.max_attempts = 300
    waiter.wait(**parameters)


def finish():
    for problem in dict.fromkeys(problems):
        print(problem)
    print(f"{calls} calls, {len(problems)} problems")
    sys.exit(1 if problems else 0)
