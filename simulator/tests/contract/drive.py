"""Runs the scenario with boto3: drive.py URL, with the URL of the simulator."""

import json
import os
import sys
import urllib.request

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

URL = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))


def client(service):
    return boto3.client(service, endpoint_url=URL, region_name="us-west-2", aws_access_key_id="AKIAEXAMPLE",
                        aws_secret_access_key="secret", config=Config(retries={"total_max_attempts": 1}))


CLIENTS = {service: client(service) for service in ("ivs", "ivschat", "ivs-realtime")}


def filled(value, kept):
    """Returns the value with kept values in place of `$name`."""
    if isinstance(value, dict):
        return {key: filled(inner, kept) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, kept) for inner in value]
    if isinstance(value, str):
        # Longest names first, because a name can be a prefix of another.
        for name in sorted(kept, key=len, reverse=True):
            value = value.replace(f"${name}", kept[name])
    return value


def at(value, path):
    """Returns the value at a path such as `a.0.b`. `length` is the length of a list."""
    for part in path.split("."):
        if isinstance(value, list):
            value = len(value) if part == "length" else value[int(part)]
        else:
            value = value[part]
    return value


def administer(line, body):
    method, path = line.split(" ", 1)
    body = None if body is None else json.dumps(body).encode()
    urllib.request.urlopen(urllib.request.Request(f"{URL}/_simulator{path}", body, method=method)).close()


def call(step, kept):
    service, operation = step["call"].split(".")
    try:
        output = getattr(CLIENTS[service], xform_name(operation))(**filled(step["with"], kept))
    except ClientError as error:
        code = error.response["Error"]["Code"]
        assert code == step.get("fails"), f"failed with {error}"
        return
    assert "fails" not in step, f"succeeded: {output}"
    kept.update({name: at(output, path) for name, path in step.get("keep", {}).items()})
    for path, wanted in step.get("see", {}).items():
        assert at(output, path) == filled(wanted, kept), f"{path} is {at(output, path)!r}"


def main():
    with open(f"{HERE}/scenario.json", encoding="utf-8") as file:
        scenario = json.load(file)
    place = "us-west-2:123456789012"
    kept = {"goneRoom": f"arn:aws:ivschat:{place}:room/gone", "gone": f"arn:aws:ivs:{place}:channel/gone"}
    for step in scenario:
        try:
            if "admin" in step:
                administer(filled(step["admin"], kept), filled(step.get("body"), kept))
            else:
                call(step, kept)
        except Exception as error:
            sys.exit(f"boto3: {json.dumps(step)}: {type(error).__name__}: {error}")


main()
