//! Tests of input rules.

use serde_json::json;

use super::*;

const INNER: &[Member] = &[required("uri", text(5)), optional("mode", Rule::Choice(&["A", "B"]))];
const MEMBERS: &[Member] = &[
    required("arn", arn("ivs", "channel")),
    optional("name", NAME),
    optional("rate", Rule::Integer { min: 1, max: 100 }),
    optional("on", Rule::Boolean),
    optional("list", Rule::List { min: 1, max: 2, of: &NAME }),
    optional("map", Rule::Map { max: 2, key: &NAME, value: &text(3) }),
    optional("inner", Rule::Object(INNER)),
];
const ARN: &str = "arn:aws:ivs:us-west-2:123456789012:channel/abc";

fn rejected(mut input: Value) -> ApiError {
    if input.get("arn").is_none() {
        input["arn"] = json!(ARN);
    }
    check(MEMBERS, &input).expect_err("an error")
}

#[test]
fn valid_input_passes_and_unknown_members_are_ignored() {
    let input = json!({"arn": ARN, "name": "a-b_C1", "rate": 100, "on": false, "list": ["x"], "map": {"k": "v"},
                       "inner": {"uri": "", "mode": "A"}, "unknown": 1});
    assert_eq!(check(MEMBERS, &input), Ok(()));
    assert_eq!(check(MEMBERS, &json!({"arn": ARN, "name": null})), Ok(()));
}

#[test]
fn the_error_names_the_member() {
    for (input, member) in [
        (json!({"arn": null}), "arn"),
        (json!({"arn": "arn:aws:ivs:us-west-2:1:stage/a"}), "arn"),
        (json!({"name": "a.b"}), "name"),
        (json!({"name": "x".repeat(129)}), "name"),
        (json!({"rate": 0}), "rate"),
        (json!({"rate": 101}), "rate"),
        (json!({"list": []}), "list"),
        (json!({"list": ["a", "b", "c"]}), "list"),
        (json!({"list": ["a", "b!"]}), "list.2.member"),
        (json!({"list": [null]}), "list.1.member"),
        (json!({"map": {"a": "", "b": "", "c": ""}}), "map"),
        (json!({"map": {"a": "long"}}), "map.a.member"),
        (json!({"inner": {}}), "inner.uri"),
        (json!({"inner": {"uri": "", "mode": "C"}}), "inner.mode"),
    ] {
        let error = rejected(input.clone());
        assert_eq!(error.code, "ValidationException", "{input}");
        assert!(error.message.contains(&format!("at '{member}' failed")), "{input}: {}", error.message);
    }
}

#[test]
fn all_violations_are_reported_at_once() {
    let error = rejected(json!({"name": "!", "rate": 0}));
    assert!(error.message.starts_with("2 validation errors detected: "), "{}", error.message);
    assert_eq!(error.fields.len(), 2);
}

#[test]
fn a_value_of_the_wrong_type_is_rejected_by_member() {
    for (input, member) in [
        (json!({"name": 1}), "'name'"),
        (json!({"rate": "1"}), "'rate'"),
        (json!({"rate": 1.5}), "'rate'"),
        (json!({"on": "true"}), "'on'"),
        (json!({"list": {}}), "'list'"),
        (json!({"list": [1]}), "'list.1.member'"),
        (json!({"map": []}), "'map'"),
        (json!({"map": {"k": 1}}), "'map.k.member'"),
        (json!({"inner": true}), "'inner'"),
    ] {
        let error = rejected(input.clone());
        assert_eq!(error.code, "SerializationException", "{input}");
        assert!(error.message.contains(member), "{}", error.message);
    }
    assert_eq!(check(MEMBERS, &json!([])).expect_err("not an object").code, "SerializationException");
}

#[test]
fn a_huge_value_is_truncated_in_the_error() {
    assert!(rejected(json!({"name": "x".repeat(100_000)})).message.len() < 1_000);
}
