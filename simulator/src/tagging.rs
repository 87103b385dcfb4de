//! The three tag operations that all IVS services have.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api_error::ApiError,
    codec::{Outcome, decode, encode},
    operation::Operation,
    pattern::Pattern,
    service::Service,
    state::State,
    tags::{self, MAX_TAGS, Tags},
    validate::{Member, Rule, required},
};

const RESOURCE: Member =
    required("resourceArn", Rule::Text { min: 1, max: 128, pattern: Pattern::TaggedArn });
const STRICT_KEYS: Member = required("tagKeys", Rule::List { min: 0, max: MAX_TAGS, of: &tags::STRICT_KEY });
const KEYS: Member = required("tagKeys", Rule::List { min: 0, max: MAX_TAGS, of: &tags::KEY });

/// Returns the operation for a method on `/tags/{arn}`. The ARN determines the service.
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
    tag(Service::Ivs, &[RESOURCE, required("tags", tags::STRICT)]),
    untag(Service::Ivs, &[RESOURCE, STRICT_KEYS]),
    list(Service::Ivs),
];
static IVSCHAT: &[Operation] = &[
    tag(Service::IvsChat, &[RESOURCE, required("tags", tags::ANY)]),
    untag(Service::IvsChat, &[RESOURCE, KEYS]),
    list(Service::IvsChat),
];
static IVS_REALTIME: &[Operation] = &[
    tag(Service::IvsRealtime, &[RESOURCE, required("tags", tags::ANY)]),
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
    let (Input { resource_arn }, new) = (decode(input)?, Tags::from_input(input)?);
    let tags = state.tags_mut(&resource_arn)?;
    let added = new.keys().filter(|key| !tags.contains_key(key)).count();
    if tags.len() + added > MAX_TAGS {
        return Err(ApiError::member("tags", format!("a resource can have at most {MAX_TAGS} tags")));
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
