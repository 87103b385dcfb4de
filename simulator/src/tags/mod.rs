//! Tags: their rules, and the three operations on them that all three services have.

mod set;

use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) use self::set::Tags;
use crate::{
    error::Failure,
    operation::{Operation, Outcome, Service, decode, encode},
    pattern::Pattern,
    state::State,
    validate::{Member, Rule, required},
};

/// How many tags a resource can have.
const MOST: usize = 50;

const STRICT_KEY: Rule = Rule::Text { min: 1, max: 128, pattern: Pattern::TagKey { any: false } };
const STRICT_VALUE: Rule = Rule::Text { min: 0, max: 256, pattern: Pattern::TagValue { any: false } };
const KEY: Rule = Rule::Text { min: 1, max: 128, pattern: Pattern::TagKey { any: true } };
const VALUE: Rule = Rule::Text { min: 0, max: 256, pattern: Pattern::TagValue { any: true } };

/// Tags as ivs takes them.
pub(crate) const STRICT: Rule = Rule::Map { max: MOST, key: &STRICT_KEY, value: &STRICT_VALUE };
/// Tags as ivschat and ivs-realtime take them.
pub(crate) const ANY: Rule = Rule::Map { max: MOST, key: &KEY, value: &VALUE };

const RESOURCE: Member =
    required("resourceArn", Rule::Text { min: 1, max: 128, pattern: Pattern::TaggedArn });
const STRICT_KEYS: Member = required("tagKeys", Rule::List { min: 0, max: MOST, of: &STRICT_KEY });
const KEYS: Member = required("tagKeys", Rule::List { min: 0, max: MOST, of: &KEY });

/// The operation that a method on `/tags/{arn}` means; the service is told by the ARN.
pub(crate) fn find(method: &str, arn: &str) -> Option<&'static Operation> {
    let operations = if arn.starts_with("arn:aws:ivschat:") {
        IVSCHAT
    } else if [":stage/", ":storage-configuration/"].iter().any(|kind| arn.contains(kind)) {
        IVS_REALTIME
    } else {
        IVS
    };
    match method {
        "POST" => operations.first(),
        "DELETE" => operations.get(1),
        "GET" => operations.get(2),
        _ => None,
    }
}

static IVS: &[Operation] = &[
    tag(Service::Ivs, &[RESOURCE, required("tags", STRICT)]),
    untag(Service::Ivs, &[RESOURCE, STRICT_KEYS]),
    list(Service::Ivs),
];
static IVSCHAT: &[Operation] = &[
    tag(Service::IvsChat, &[RESOURCE, required("tags", ANY)]),
    untag(Service::IvsChat, &[RESOURCE, KEYS]),
    list(Service::IvsChat),
];
static IVS_REALTIME: &[Operation] = &[
    tag(Service::IvsRealtime, &[RESOURCE, required("tags", ANY)]),
    untag(Service::IvsRealtime, &[RESOURCE, KEYS]),
    list(Service::IvsRealtime),
];

const fn tag(service: Service, input: &'static [Member]) -> Operation {
    Operation { name: "TagResource", service, success: 200, input, run: tag_resource }
}

const fn untag(service: Service, input: &'static [Member]) -> Operation {
    Operation { name: "UntagResource", service, success: 200, input, run: untag_resource }
}

const fn list(service: Service) -> Operation {
    Operation { name: "ListTagsForResource", service, success: 200, input: &[RESOURCE], run: list_tags }
}

/// The tags that a Create carries.
pub(crate) fn of(input: &Value) -> Result<Tags, Failure> {
    #[derive(Deserialize)]
    struct Carried {
        tags: Option<Tags>,
    }
    Ok(decode::<Carried>(input)?.tags.unwrap_or_default())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    resource_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Keys {
    tag_keys: Vec<String>,
}

fn tag_resource(state: &mut State, input: &Value) -> Outcome {
    let (Input { resource_arn }, new) = (decode(input)?, of(input)?);
    let tags = state.tags_mut(&resource_arn)?;
    let added = new.keys().filter(|key| !tags.contains_key(key)).count();
    if tags.len() + added > MOST {
        return Err(Failure::member("tags", format!("a resource can have at most {MOST} tags")));
    }
    tags.extend(new);
    encode(json!({}))
}

fn untag_resource(state: &mut State, input: &Value) -> Outcome {
    let (Input { resource_arn }, Keys { tag_keys }) = (decode(input)?, decode(input)?);
    let tags = state.tags_mut(&resource_arn)?;
    for key in &tag_keys {
        tags.remove(key);
    }
    encode(json!({}))
}

fn list_tags(state: &mut State, input: &Value) -> Outcome {
    let Input { resource_arn } = decode(input)?;
    encode(json!({ "tags": state.tags(&resource_arn)? }))
}
