"""AWS's own models of the three APIs, from botocore."""

import urllib.parse

from botocore.loaders import Loader

SERVICES = ("ivs", "ivschat", "ivs-realtime")


class Operation:
    """An operation of a service, with its shapes."""

    def __init__(self, service, name, model):
        described = model["operations"][name]
        self.service = service
        self.name = name
        self.shapes = model["shapes"]
        self.method = described["http"]["method"]
        self.path = described["http"]["requestUri"]
        self.status = described["http"].get("responseCode", 200)
        self.output = described.get("output", {}).get("shape")
        self.errors = {error["shape"]: self.shapes[error["shape"]]["error"] for error in described.get("errors", [])}

    def __str__(self):
        return f"{self.service} {self.name}"


def load():
    """Returns all operations of the three services."""
    loader = Loader()
    models = {service: loader.load_service_model(service, "service-2") for service in SERVICES}
    return [Operation(service, name, model) for service, model in models.items() for name in model["operations"]]


class Router:
    """Finds the operation of a request."""

    def __init__(self, operations):
        self.plain = {(operation.method, operation.path): operation for operation in operations}
        self.tags = {(operation.method, operation.service): operation
                     for operation in operations if operation.path.startswith("/tags/")}

    def find(self, method, target):
        path = target.partition("?")[0]
        if not path.startswith("/tags/"):
            return self.plain.get((method, path))
        return self.tags.get((method, service_of(urllib.parse.unquote(path.removeprefix("/tags/")))))


def service_of(arn):
    """Returns the service of a resource. ivs and ivs-realtime share their ARN prefix."""
    if arn.startswith("arn:aws:ivschat:"):
        return "ivschat"
    kind = arn.rpartition(":")[2].partition("/")[0]
    return "ivs-realtime" if kind in ("stage", "storage-configuration") else "ivs"
