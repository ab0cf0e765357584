"""Clients of boto3 that hold every answer against botocore's model of the service.

boto3 itself overlooks what it does not know: here an unknown element, a value of the wrong type or outside its
enumeration, a required member that is missing and an error code that the operation does not have are problems.
"""

import json
import sys
import xml.etree.ElementTree as ET

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from dateutil import parser as dates

# Codes that services of the query protocols answer with although no operation lists them.
COMMON = {
    "ExpiredToken", "InternalFailure", "InvalidAction", "InvalidParameterCombination", "InvalidParameterValue",
    "MissingParameter", "Throttling", "ValidationError", "MissingAction", "InvalidInput", "LimitExceeded",
    # What Beanstalk answers to options that are not valid, as issues of its users show.
    "ConfigurationValidationException",
}

# Where a model is wrong. The documentation of DescribeEnvironmentHealth has `Ready` and so on as its status.
WRONG = {"DescribeEnvironmentHealth.Status"}

problems = []
calls = 0


def local(tag):
    return tag.rsplit("}", 1)[-1]


def wire_name(name, shape):
    return shape.serialization.get("name", name)


class Check:
    """Holds one answer against its model."""

    def __init__(self, where, protocol):
        self.where, self.protocol = where, protocol

    def problem(self, path, what):
        problems.append(f"{self.where}: {path}: {what}")

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
        elif kind != "map":
            self.scalar(shape, element.text or "", path)

    def structure(self, shape, children, path):
        known = {}
        for name, member in shape.members.items():
            if member.serialization.get("location") in (None, "uri", "querystring"):
                flat = member.type_name == "list" and member.serialization.get("flattened")
                inner = member.member if flat else member
                default = wire_name("member", member.member) if flat and "name" in member.member.serialization else name
                known[member.serialization.get("name", default)] = inner
        seen = {local(child.tag) for child in children}
        for child in children:
            name = local(child.tag)
            if name in known:
                self.element(known[name], child, f"{path}.{name}")
            else:
                self.problem(path, f"unknown element <{name}>")
        for name in shape.required_members:
            member = shape.members[name]
            elsewhere = member.serialization.get("location") or member.serialization.get("xmlAttribute")
            if not elsewhere and wire_name(name, member) not in seen:
                self.problem(path, f"<{wire_name(name, member)}> is missing")

    def scalar(self, shape, text, path):
        kind = shape.type_name
        try:
            if kind in ("integer", "long"):
                int(text)
            elif kind in ("float", "double"):
                float(text)
            elif kind == "boolean" and text not in ("true", "false"):
                raise ValueError
            elif kind == "timestamp":
                dates.parse(text)
            elif kind == "string" and shape.enum and text not in shape.enum and path not in WRONG:
                raise ValueError
        except (ValueError, OverflowError):
            self.problem(path, f"{text!r} is no {kind}{' of ' + str(shape.enum) if getattr(shape, 'enum', None) else ''}")

    def json(self, shape, value, path):
        kind = shape.type_name
        if kind == "structure":
            if not isinstance(value, dict):
                return self.problem(path, f"{value!r} is no structure")
            known = {wire_name(name, member): member for name, member in shape.members.items()}
            for name, inner in value.items():
                if name in known:
                    self.json(known[name], inner, f"{path}.{name}")
                else:
                    self.problem(path, f"unknown member {name}")
            for name in shape.required_members:
                if wire_name(name, shape.members[name]) not in value:
                    self.problem(path, f"{name} is missing")
        elif kind == "list":
            for inner in value:
                self.json(shape.member, inner, f"{path}[]")
        elif kind == "map":
            for key, inner in value.items():
                self.json(shape.value, inner, f"{path}.{key}")
        elif kind == "timestamp" and self.protocol == "json":
            if not isinstance(value, (int, float)):
                self.problem(path, f"{value!r} is no number of seconds")
        elif kind == "timestamp":
            self.scalar(shape, value, path)
        elif kind == "string":
            if not isinstance(value, str) or (shape.enum and value not in shape.enum):
                self.problem(path, f"{value!r} is no string{' of ' + str(shape.enum) if shape.enum else ''}")
        elif kind in ("integer", "long"):
            if not isinstance(value, int) or isinstance(value, bool):
                self.problem(path, f"{value!r} is no integer")
        elif kind == "boolean" and not isinstance(value, bool):
            self.problem(path, f"{value!r} is no boolean")


def check_answer(operation_model, response_dict, **_):
    global calls
    calls += 1
    service, operation = operation_model.service_model, operation_model.name
    protocol = service.protocol_name if hasattr(service, "protocol_name") else service.metadata["protocol"]
    check = Check(f"{service.service_name}:{operation}", protocol)
    status, body = response_dict["status_code"], response_dict["body"]
    if status >= 300:
        return check_error(check, operation_model, protocol, body)
    shape = operation_model.output_shape
    if shape is None or operation_model.has_streaming_output:
        return None
    payload = shape.serialization.get("payload")
    if payload:
        shape = shape.members[payload]
        if shape.type_name != "structure":
            return None
    if protocol in ("json", "rest-json"):
        return check.json(shape, json.loads(body or b"{}"), operation)
    if not body:
        return None
    root = ET.fromstring(body)
    namespace = service.metadata.get("xmlNamespace")
    if protocol == "query" and namespace and not root.tag.startswith("{" + namespace):
        check.problem(operation, f"the namespace is not {namespace}")
    if protocol == "query":
        wrapper = operation_model.output_shape.serialization["resultWrapper"]
        names = [local(child.tag) for child in root]
        if local(root.tag) != f"{operation}Response" or names != [wrapper, "ResponseMetadata"]:
            return check.problem(operation, f"the answer is <{local(root.tag)}> of {names}")
        check.structure(shape, list(root[0]), operation)
    elif protocol == "ec2":
        if local(root.tag) != f"{operation}Response":
            check.problem(operation, f"the answer is <{local(root.tag)}>")
        check.structure(shape, [child for child in root if local(child.tag) != "requestId"], operation)
    else:
        check.structure(shape, list(root), operation)
    return None


def check_error(check, operation_model, protocol, body):
    # EC2 and S3 have no models of their errors.
    if protocol not in ("query", "json", "rest-json") or not body:
        return
    # Whatever the model says, a value that breaks its constraints is a `ValidationException` to services with JSON.
    common = {"UnknownOperationException", "SerializationException", "ValidationException"}
    known = set(COMMON) if protocol == "query" else common
    for shape in operation_model.error_shapes:
        known |= {shape.name, shape.error_code}
    if protocol == "query":
        root = ET.fromstring(body)
        code = next((e.text for e in root.iter() if local(e.tag) == "Code"), None)
    elif protocol == "json":
        code = json.loads(body).get("__type")
    else:
        return
    if code not in known:
        check.problem(operation_model.name, f"the operation has no error {code}")


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
