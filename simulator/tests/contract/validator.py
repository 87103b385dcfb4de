"""Validation of values against the shapes of AWS's API models."""

import datetime

import regex

TYPES = {
    "structure": dict, "map": dict, "list": list, "string": str, "timestamp": str, "boolean": bool,
    "integer": int, "long": int, "float": (int, float), "double": (int, float),
}
ISO8601 = regex.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class Problem:
    """A violation of a rule: the value, and the shape with the rule."""

    def __init__(self, path, shape, rule, value):
        self.path, self.shape, self.rule, self.value = path, shape, rule, value

    def __str__(self):
        return f"{self.path}: {self.rule} ({self.shape}): {self.value!r}"


class Validator:
    """Collects violations, and the members that have occurred in each structure."""

    def __init__(self, shapes):
        self.shapes = shapes
        self.problems = []
        self.seen = set()

    def check(self, name, value, path="$"):
        shape = self.shapes[name]
        kind = shape["type"]
        wrong_type = not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")
        if wrong_type:
            self.add(path, name, f"is not of the type {kind}", value)
        else:
            getattr(self, f"check_{kind}", self.check_bounds)(name, shape, value, path)

    def check_structure(self, name, shape, value, path):
        members = body_members(shape)
        for member in shape.get("required", []):
            if member in members and member not in value:
                self.add(path, name, "has no value for a required member", member)
        for member, inner in value.items():
            if member not in members:
                self.add(path, name, "has an unknown member", member)
                continue
            self.seen.add((name, member))
            self.check(members[member]["shape"], inner, f"{path}.{member}")

    def check_map(self, name, shape, value, path):
        self.length(name, shape, value, path)
        for key, inner in value.items():
            self.check(shape["key"]["shape"], key, f"{path}[{key!r}]")
            self.check(shape["value"]["shape"], inner, f"{path}[{key!r}]")

    def check_list(self, name, shape, value, path):
        self.length(name, shape, value, path)
        for index, inner in enumerate(value):
            self.check(shape["member"]["shape"], inner, f"{path}[{index}]")

    def check_string(self, name, shape, value, path):
        self.length(name, shape, value, path)
        if "enum" in shape and value not in shape["enum"]:
            self.add(path, name, "is not a value of the enum", value)
        # Matches the whole text, as AWS's services do.
        if "pattern" in shape and not regex.fullmatch(shape["pattern"], value):
            self.add(path, name, "does not match the pattern", value)

    def check_timestamp(self, name, shape, value, path):
        assert shape.get("timestampFormat") == "iso8601", f"{name} has another format of time"
        try:
            assert ISO8601.fullmatch(value)
            datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
        except (AssertionError, ValueError):
            self.add(path, name, "is not a time as ISO 8601", value)

    def check_bounds(self, name, shape, value, path):
        if value < shape.get("min", value) or value > shape.get("max", value):
            self.add(path, name, "is out of range", value)

    def length(self, name, shape, value, path):
        if not shape.get("min", 0) <= len(value) <= shape.get("max", len(value)):
            self.add(path, name, "has a wrong length", value)

    def add(self, path, shape, rule, value):
        self.problems.append(Problem(path, shape, rule, value))


def body_members(shape):
    """Returns the members of a structure that are in the body, by their names in the body."""
    members = shape.get("members", {})
    return {member.get("locationName", name): member for name, member in members.items() if "location" not in member}


def reachable(shapes, name, found=None):
    """Returns every member of every structure that a response of this shape can have."""
    found = {} if found is None else found
    shape = shapes[name]
    if shape["type"] == "structure" and name not in found:
        found[name] = set(body_members(shape))
        for member in body_members(shape).values():
            reachable(shapes, member["shape"], found)
    for part in ("member", "value"):
        if part in shape:
            reachable(shapes, shape[part]["shape"], found)
    return found
