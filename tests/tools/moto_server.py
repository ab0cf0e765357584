"""A moto server, with two things mended, which records what vpipe asks it (README.md).

    python moto_server.py PORT RECORDS BINARY

In moto a deleted cache cluster is `deleting` for ever, so that whoever waits for its end waits for ever too. Here it is
gone once somebody has seen it so, as on AWS. The values of DNS records stand in CDATA, which AWS never sends and the AWS
SDK for Rust does not read.

What moto answers is its own affair and not recorded: as if each connection had broken.
"""

import base64
import io
import json
import os
import sys
import threading
from pathlib import Path
from urllib.parse import parse_qsl

from moto.elasticache.models import ElastiCacheBackend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.route53 import responses as route53
from moto.server import main

# Longer bodies are told by their length, as `src/local/record.rs` does.
LONGEST = 256 * 1024

port, records, binary = sys.argv[1:]
lock = threading.Lock()
records = Path(records)
records.mkdir(parents=True, exist_ok=True)
file = os.fdopen(os.open(records / f"moto-{os.getpid()}.ndjson", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "a")


def write(line):
    with lock:
        file.write(json.dumps(line) + "\n")
        file.flush()


def told(body):
    """A body as the local cloud records it."""
    if len(body) > LONGEST:
        return len(body)
    try:
        return body.decode()
    except UnicodeDecodeError:
        return [base64.b64encode(body).decode()]


def asked(environ, body):
    """A request as the local cloud records it."""
    headers = {name[5:].lower().replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.lower().replace("_", "-")] = environ[name]
    return {
        "method": environ["REQUEST_METHOD"], "host": headers.pop("host", ""), "path": environ["REQUEST_URI"].split("?")[0],
        "query": parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True), "headers": headers, "body": told(body),
    }


def recording(self, environ, start_response):
    """Serves a request that was written down before."""
    whole, length = environ.get("wsgi.input_terminated"), int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read() if whole else environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    # Only vpipe is of interest here.
    if "aws-sdk-rust" in environ.get("HTTP_USER_AGENT", ""):
        write({"via": "moto", "operation": None, "request": asked(environ, body), "reply": None})
    return serve(self, environ, start_response)


serve = DomainDispatcherApplication.__call__
DomainDispatcherApplication.__call__ = recording
describe = ElastiCacheBackend.describe_cache_clusters


def describe_and_forget(self, cache_cluster_id=None):
    clusters = describe(self, cache_cluster_id)
    for cluster in clusters:
        if cluster.cache_cluster_status == "deleting":
            del self.cache_clusters[cluster.cache_cluster_id]
    return clusters


ElastiCacheBackend.describe_cache_clusters = describe_and_forget
route53.LIST_RRSET_RESPONSE = route53.LIST_RRSET_RESPONSE.replace("<![CDATA[", "").replace("]]>", "")
write({"executable": binary, "modified": str(os.stat(binary).st_mtime_ns), "all": False})
main(["--host", "127.0.0.1", "--port", port])
