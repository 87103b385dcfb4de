"""Checks a recording against AWS's API models: check.py FILE SIMULATOR CLIENT.

Every response must have the shape in the model, every operation of the simulator must have succeeded once, and every
member that a response can have must have occurred.
"""

import json
import sys
import urllib.error
import urllib.request

from deviations import ACCEPTED, COMMON, UNSEEN
from models import Router, load
from validator import Validator, reachable


class Check:
    """The findings in one recording."""

    def __init__(self):
        self.findings = []
        self.driven = set()
        self.seen = {}
        self.accepted = set()

    def find(self, exchange, text):
        self.findings.append(f"{exchange['method']} {exchange['target']} {exchange['status']}: {text}\n  {exchange['body'][:300]}")

    def exchange(self, operation, exchange):
        if "x-amzn-requestid" not in exchange["headers"]:
            self.find(exchange, "has no x-amzn-RequestId")
        if exchange["status"] < 400:
            self.success(operation, exchange)
        else:
            self.failure(operation, exchange)

    def success(self, operation, exchange):
        self.driven.add(operation)
        if exchange["status"] != operation.status:
            self.find(exchange, f"the model has status {operation.status}")
        if operation.status == 204:
            if exchange["body"]:
                self.find(exchange, "a 204 response must have no body")
            return
        self.body(operation, operation.output, exchange)

    def failure(self, operation, exchange):
        code = exchange["headers"].get("x-amzn-errortype")
        status = operation.errors.get(code, {}).get("httpStatusCode") or COMMON.get(code)
        if status is None:
            self.find(exchange, f"{operation} cannot fail with {code}")
        elif exchange["status"] != status:
            self.find(exchange, f"{code} has status {status}")
        if code in operation.shapes:
            self.body(operation, code, exchange)
        if not message(operation.service, exchange):
            self.find(exchange, "has no message")

    def body(self, operation, shape, exchange):
        if exchange["headers"].get("content-type") not in ("application/json", "application/x-amz-json-1.1"):
            self.find(exchange, "does not have the content type of JSON")
        try:
            value = json.loads(exchange["body"])
        except ValueError as error:
            self.find(exchange, f"is not JSON: {error}")
            return
        validator = Validator(operation.shapes)
        validator.check(shape, value)
        self.seen.setdefault(operation.service, set()).update(validator.seen)
        for problem in validator.problems:
            if not self.is_accepted(operation.service, problem):
                self.find(exchange, str(problem))

    def is_accepted(self, service, problem):
        for value in (problem.value, None):
            key = (service, problem.shape, problem.rule, value)
            if isinstance(value, (str, type(None))) and key in ACCEPTED:
                self.accepted.add(key)
                return True
        return False

    def whole(self, operations):
        """Adds the findings that concern the recording as a whole."""
        undriven = sorted(operations - self.driven, key=str)
        self.findings += [f"{operation} never succeeded" for operation in undriven]
        if undriven:
            return
        for key in ACCEPTED.keys() - self.accepted:
            self.findings.append(f"the deviation {key} did not occur: remove it from the list")
        for service, shape, member in unmet(operations, self.seen):
            self.findings.append(f"{service}: no response had {shape}.{member}")


def message(service, exchange):
    """Returns the message of an error, from the member that the service uses."""
    try:
        return json.loads(exchange["body"]).get("message" if service == "ivschat" else "exceptionMessage")
    except ValueError:
        return None


def unmet(operations, seen):
    """Yields the members that a response can have but none had, except for the known ones."""
    for service in sorted({operation.service for operation in operations}):
        shapes = {}
        for operation in operations:
            if operation.service == service and operation.output:
                reachable(operation.shapes, operation.output, shapes)
        for shape, members in sorted(shapes.items()):
            for member in sorted(members):
                known = UNSEEN.get((service, shape), ())
                if (shape, member) not in seen.get(service, ()) and member not in known and known != "*":
                    yield service, shape, member


def supported(simulator, operations):
    """Returns the operations that the simulator supports. For any other, it returns a JSON error with its name."""
    return {operation for operation in operations if operation.path.startswith("/tags/") or is_supported(simulator, operation)}


def is_supported(simulator, operation):
    request = urllib.request.Request(simulator + operation.path, data=b"{}", method=operation.method)
    try:
        urllib.request.urlopen(request).close()
        raise SystemExit(f"{operation} was accepted although the request is not signed")
    except urllib.error.HTTPError as error:
        text = message(operation.service, {"body": error.read()}) or ""
        if error.code == 403:
            return True
        if error.code == 501 and operation.name in text:
            return False
        raise SystemExit(f"{operation}: neither supported nor rejected with 501 and its name: {error.code} {text}")


def main(file, simulator, client):
    operations = load()
    router, check = Router(operations), Check()
    with open(file, encoding="ascii") as lines:
        recording = [json.loads(line) for line in lines]
    calls = [exchange for exchange in recording if not exchange["target"].startswith("/_simulator")]
    for exchange in calls:
        operation = router.find(exchange["method"], exchange["target"])
        if operation is None:
            check.find(exchange, "is not an operation of AWS's API models")
        else:
            check.exchange(operation, exchange)
    known = supported(simulator, operations)
    check.whole(known)
    print(f"{client}: {len(known)} operations, {len(calls)} responses checked, {len(check.findings)} findings")
    for finding in check.findings:
        print(finding)
    return bool(check.findings)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
