//! Storage configurations: where the participants of a stage are recorded.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    error::Failure,
    ids,
    operation::{Operation, Outcome, Service::IvsRealtime, rendered, typed},
    paging::{Page, listed},
    s3::{self, S3},
    state::{Row, State},
    tags::{self, Tags},
    validate::{NAME, Rule, TOKEN, arn, optional, required},
};

const ARN: Rule = arn("ivs", "storage-configuration");

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "CreateStorageConfiguration",
        service: IvsRealtime,
        success: 200,
        input: &[
            optional("name", NAME),
            required("s3", Rule::Object(s3::MEMBERS)),
            optional("tags", tags::ANY),
        ],
        run: create,
    },
    Operation {
        name: "GetStorageConfiguration",
        service: IvsRealtime,
        success: 200,
        input: &[required("arn", ARN)],
        run: get,
    },
    Operation {
        name: "ListStorageConfigurations",
        service: IvsRealtime,
        success: 200,
        input: &[optional("nextToken", TOKEN), optional("maxResults", Rule::Integer { min: 1, max: 100 })],
        run: list,
    },
    Operation {
        name: "DeleteStorageConfiguration",
        service: IvsRealtime,
        success: 200,
        input: &[required("arn", ARN)],
        run: delete,
    },
];

/// A storage configuration, as Get and List tell it.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct StorageConfiguration {
    pub arn: String,
    name: String,
    s3: S3,
    tags: Tags,
}

impl Row for StorageConfiguration {
    fn arn(&self) -> &str {
        &self.arn
    }
    fn key(&self) -> &str {
        &self.name
    }
    fn tags_mut(&mut self) -> &mut Tags {
        &mut self.tags
    }
}

impl StorageConfiguration {
    pub fn new(state: &State, name: String, bucket_name: String, tags: Tags) -> Self {
        let arn = state.place.arn("ivs", "storage-configuration", &ids::resource());
        Self { arn, name, s3: S3 { bucket_name }, tags }
    }
}

#[derive(Deserialize)]
struct Settings {
    name: Option<String>,
    s3: S3,
}

#[derive(Deserialize)]
struct ByArn {
    arn: String,
}

fn create(state: &mut State, input: &Value) -> Outcome {
    let Settings { name, s3 } = typed(input)?;
    let made = StorageConfiguration::new(state, name.unwrap_or_default(), s3.bucket_name, tags::of(input)?);
    let output = rendered(json!({"storageConfiguration": made}));
    state.storage_configurations.insert(made);
    output
}

fn get(state: &mut State, input: &Value) -> Outcome {
    let ByArn { arn } = typed(input)?;
    Ok(json!({"storageConfiguration": state.storage_configuration(&arn)?}))
}

fn list(state: &mut State, input: &Value) -> Outcome {
    const DEFAULT: usize = 100;
    let page = Page::asked(state, "ListStorageConfigurations", input, DEFAULT)?;
    let rows = state.storage_configurations.oldest_first(page.after);
    let (rows, next) = page.fill(state, rows, |configuration| configuration);
    listed("storageConfigurations", rows, next)
}

fn delete(state: &mut State, input: &Value) -> Outcome {
    let ByArn { arn } = typed(input)?;
    state.storage_configuration(&arn)?;
    if state.stages.iter().any(|stage| stage.storage_configuration() == arn) {
        return Err(Failure::conflict(format!("Storage configuration: {arn} is used by a stage")));
    }
    state.storage_configurations.remove(&arn);
    Ok(json!({}))
}
