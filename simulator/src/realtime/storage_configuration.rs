//! Storage configurations: where the participants of a stage are recorded.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    error::Failure,
    ids,
    operation::{Operation, Outcome, Service::IvsRealtime, decode},
    resource::{self, Resource},
    s3::{self, S3},
    state::{Row, State, Table},
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
        run: resource::get::<StorageConfiguration>,
    },
    Operation {
        name: "ListStorageConfigurations",
        service: IvsRealtime,
        success: 200,
        input: &[optional("nextToken", TOKEN), optional("maxResults", Rule::Integer { min: 1, max: 100 })],
        run: resource::list::<StorageConfiguration>,
    },
    Operation {
        name: "DeleteStorageConfiguration",
        service: IvsRealtime,
        success: 200,
        input: &[required("arn", ARN)],
        run: resource::delete::<StorageConfiguration>,
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
    fn tags(&self) -> &Tags {
        &self.tags
    }
    fn tags_mut(&mut self) -> &mut Tags {
        &mut self.tags
    }
}

impl Resource for StorageConfiguration {
    const ONE: Option<&'static str> = Some("storageConfiguration");
    const MANY: &'static str = "storageConfigurations";
    const PAGE: usize = 100;

    type Summary<'a> = &'a Self;

    fn summary(&self) -> Self::Summary<'_> {
        self
    }
    fn table(state: &State) -> &Table<Self> {
        &state.storage_configurations
    }
    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.storage_configurations
    }
    fn check_not_in_use(state: &State, arn: &str) -> Result<(), Failure> {
        if state.stages.iter().any(|stage| stage.storage_configuration() == arn) {
            return Err(Failure::conflict(format!("Storage configuration: {arn} is used by a stage")));
        }
        Ok(())
    }
}

impl StorageConfiguration {
    pub fn new(state: &State, name: String, bucket_name: String, tags: Tags) -> Self {
        let arn = state.account_region.arn("ivs", "storage-configuration", &ids::resource());
        Self { arn, name, s3: S3 { bucket_name }, tags }
    }
}

#[derive(Deserialize)]
struct Settings {
    name: Option<String>,
    s3: S3,
}

fn create(state: &mut State, input: &Value) -> Outcome {
    let Settings { name, s3 } = decode(input)?;
    let made = StorageConfiguration::new(state, name.unwrap_or_default(), s3.bucket_name, tags::of(input)?);
    let output = resource::answer(&made);
    state.storage_configurations.insert(made);
    output
}
