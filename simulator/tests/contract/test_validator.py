"""Tests of the validator: valid responses pass, and modified ones fail."""

import copy
import json
import unittest

from check import Check, unmet
from models import Router, load
from validator import Validator

OPERATIONS = {str(operation): operation for operation in load()}
ROOM = {
    "arn": "arn:aws:ivschat:us-west-2:123456789012:room/AbCdEf012345", "id": "AbCdEf012345", "name": "todd",
    "createTime": "2026-01-01T00:00:00Z", "updateTime": "2026-01-01T00:00:00.5Z", "maximumMessageRatePerSecond": 10,
    "maximumMessageLength": 500, "tags": {"team": "blue"}, "loggingConfigurationIdentifiers": [],
    "messageReviewHandler": {"uri": "", "fallbackResult": "ALLOW"},
}
STAGES = {"stages": [{"arn": "arn:aws:ivs:us-west-2:123456789012:stage/AbCdEf012345", "name": "todd", "tags": {}}]}


def problems(operation, value):
    validator = Validator(OPERATIONS[operation].shapes)
    validator.check(OPERATIONS[operation].output, value)
    return [problem.rule for problem in validator.problems]


def exchange(operation, status, body, **headers):
    method, target = OPERATIONS[operation].method, OPERATIONS[operation].path
    headers = {"x-amzn-requestid": "1", "content-type": "application/json"} | headers
    return {"method": method, "target": target, "status": status, "headers": headers, "body": body}


def findings(operation, *arguments, **headers):
    check = Check()
    check.exchange(OPERATIONS[operation], exchange(operation, *arguments, **headers))
    return check.findings


class ModifiedResponses(unittest.TestCase):
    def test_valid_responses_pass(self):
        self.assertEqual(problems("ivschat GetRoom", ROOM), [])
        self.assertEqual(problems("ivs-realtime ListStages", STAGES), [])
        self.assertEqual(findings("ivschat GetRoom", 200, json.dumps(ROOM)), [])
        self.assertEqual(findings("ivschat DeleteRoom", 204, ""), [])

    def test_modified_members_fail(self):
        for member, value, rule in [
            ("unheardOf", 1, "has an unknown member"),
            ("name", 5, "is not of the type string"),
            ("name", None, "is not of the type string"),
            ("name", "to.dd", "does not match the pattern"),
            ("name", "x" * 129, "has a wrong length"),
            ("maximumMessageLength", "500", "is not of the type integer"),
            ("maximumMessageLength", 500.5, "is not of the type integer"),
            ("maximumMessageLength", True, "is not of the type integer"),
            ("maximumMessageLength", 501, "is out of range"),
            ("createTime", 1767225600, "is not of the type timestamp"),
            ("createTime", "yesterday", "is not a time as ISO 8601"),
            ("createTime", "2026-13-01T00:00:00Z", "is not a time as ISO 8601"),
            ("messageReviewHandler", {"fallbackResult": "PERHAPS"}, "is not a value of the enum"),
            ("messageReviewHandler", [], "is not of the type structure"),
            ("loggingConfigurationIdentifiers", {}, "is not of the type list"),
            ("loggingConfigurationIdentifiers", ["nonsense"], "does not match the pattern"),
            ("tags", {"": "x"}, "has a wrong length"),
            ("tags", {"team": 1}, "is not of the type string"),
        ]:
            with self.subTest(member=member, value=value):
                self.assertIn(rule, problems("ivschat GetRoom", ROOM | {member: value}))

    def test_a_missing_required_member_fails(self):
        stages = copy.deepcopy(STAGES)
        del stages["stages"][0]["arn"]
        self.assertEqual(problems("ivs-realtime ListStages", stages), ["has no value for a required member"])
        self.assertEqual(problems("ivs-realtime ListStages", {}), ["has no value for a required member"])

    def test_a_wrong_status_or_header_fails(self):
        room = json.dumps(ROOM)
        self.assertEqual(len(findings("ivschat GetRoom", 201, room)), 1)
        self.assertEqual(len(findings("ivschat GetRoom", 200, room[1:])), 1)
        self.assertEqual(len(findings("ivschat GetRoom", 200, room, **{"content-type": "text/html"})), 1)
        self.assertEqual(len(findings("ivschat DeleteRoom", 204, "{}")), 1)
        self.assertEqual(len(findings("ivschat DeleteRoom", 200, "")), 1)

    def test_an_error_outside_of_the_model_fails(self):
        text = json.dumps({"exceptionMessage": "gone"})
        gone = {"x-amzn-errortype": "ResourceNotFoundException"}
        self.assertEqual(findings("ivs GetChannel", 404, text, **gone), [])
        self.assertEqual(len(findings("ivs GetChannel", 400, text, **gone)), 1)
        self.assertEqual(len(findings("ivs GetChannel", 404, text)), 1)
        self.assertEqual(len(findings("ivs GetChannel", 409, text, **{"x-amzn-errortype": "ConflictException"})), 1)
        # The message is in the member of another service: one finding for the unknown member, one for the missing message.
        self.assertEqual(len(findings("ivs GetChannel", 404, '{"message": "gone"}', **gone)), 2)

    def test_unused_operations_and_members_are_reported(self):
        get = OPERATIONS["ivschat GetRoom"]
        check = Check()
        check.exchange(get, exchange("ivschat GetRoom", 200, json.dumps({"name": "todd"})))
        check.whole({get, OPERATIONS["ivschat ListRooms"]})
        self.assertIn("ivschat ListRooms never succeeded", check.findings)
        self.assertIn(("ivschat", "GetRoomResponse", "arn"), set(unmet({get}, check.seen)))
        self.assertNotIn(("ivschat", "GetRoomResponse", "name"), set(unmet({get}, check.seen)))

    def test_the_arn_determines_the_service_of_tags(self):
        router = Router(OPERATIONS.values())
        for arn, service in [("ivs:us-west-2:1:channel/a", "ivs"), ("ivs:us-west-2:1:stage/a", "ivs-realtime"),
                             ("ivschat:us-west-2:1:room/a", "ivschat")]:
            found = router.find("DELETE", f"/tags/arn%3Aaws%3A{arn.replace(':', '%3A')}?tagKeys=x")
            self.assertEqual(str(found), f"{service} UntagResource")


if __name__ == "__main__":
    unittest.main()
