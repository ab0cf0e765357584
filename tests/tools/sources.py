"""What the sources of vpipe call, and what a local cloud that is being served implements."""

import re
import urllib.error
import urllib.request

from asked import SIGNED_AS, model
from botocore import xform_name
from conform import client, code_of, protocol_of

# The name of the client that asks only to see what is implemented.
PROBE = "vpipe-probe"

# What the local cloud answers to operations that it does not have.
UNKNOWN = {"InvalidAction", "MethodNotAllowed", "NotImplemented", "UnknownOperationException"}


def services(cloud):
    """The services that have a client in `src/cloud/clients.rs`: field, and the name that requests are signed with."""
    crates = re.findall(r"pub (\w+): aws_sdk_(\w+)::Client", (cloud / "clients.rs").read_text())
    other = {"elasticloadbalancingv2": "elasticloadbalancing", "cloudwatch": "monitoring"}
    return {field: other.get(crate, crate) for field, crate in crates}


def called(cloud):
    """The operations that drivers call: `clients.rds.create_db_instance()`. In a folder that is named like a client
    any variable is that client."""
    fields = services(cloud)
    names = {
        service: {xform_name(name): name for name in model(SIGNED_AS.get(service, service)).operation_names}
        for service in fields.values()
    }
    every = {name for known in names.values() for name in known}
    found, unknown = set(), set()
    for file in cloud.rglob("*.rs"):
        folder = fields.get(file.relative_to(cloud).parts[0])
        for owner, name in re.findall(r"(\w+|\))\s*\.\s*(\w+)\(\)", file.read_text()):
            service = fields.get(owner, folder)
            if service and name in names[service]:
                found.add(f"{service}:{names[service][name]}")
            elif name in every:
                unknown.add(f"{file}: whose operation is `{name}`?")
    return found, unknown


def implemented(cloud, port):
    """The operations that the local cloud on a port does not say it does not have."""
    found = set()
    s3 = client("s3", port, check=False)
    for service in sorted(set(services(cloud).values())):
        for name in model(SIGNED_AS.get(service, service)).operation_names:
            if service == "s3":
                # S3 says that there is no such bucket before it looks at what is to be done with it.
                s3.create_bucket(Bucket="none")
                s3.put_object(Bucket="none", Key="none", Body=b"")
            if answers(service, name, port):
                found.add(f"{service}:{name}")
    return found


def answers(service, name, port):
    described = model(SIGNED_AS.get(service, service))
    operation, protocol = described.operation_model(name), protocol_of(described)
    headers = {"User-Agent": PROBE, "Authorization": f"AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/{service}/aws4_request, x"}
    method, path, body = "POST", "/", None
    if protocol in ("query", "ec2"):
        body = f"Action={name}&Version={described.api_version}".encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif protocol == "json":
        headers["X-Amz-Target"] = f"{described.metadata['targetPrefix']}.{name}"
    elif protocol == "smithy-rpc-v2-cbor":
        path = f"/service/{described.metadata['targetPrefix']}/operation/{name}"
        headers["smithy-protocol"] = "rpc-v2-cbor"
    else:
        method, path = operation.http["method"], re.sub(r"{[^}]+}", "none", operation.http["requestUri"])
        # What S3 tells operations apart by.
        shape, more = operation.input_shape, []
        for required in shape.required_members if shape else ():
            member = shape.members[required]
            wanted = member.serialization.get("name", required)
            if member.serialization.get("location") == "querystring":
                more.append(f"{wanted}=1")
            elif member.serialization.get("location") == "header":
                headers[wanted] = "none/none"
        path += ("&" if "?" in path else "?") + "&".join(more) if more else ""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, headers=headers, method=method)
    try:
        urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        said = {key.lower(): value for key, value in error.headers.items()}
        if method == "HEAD":
            return error.status not in (400, 501)
        # To a service that the local cloud does not have.
        if protocol.endswith("cbor") and "cbor" not in said.get("content-type", ""):
            return False
        return code_of(protocol, said, error.read()) not in UNKNOWN
    return True
