//! The operations on storage configurations.

use serde_json::Value;

use crate::{
    api_error::ApiError,
    codec::{Outcome, decode},
    model::{s3, storage_configuration::StorageConfiguration},
    operation::Operation,
    resource::{self, Resource},
    service::Service::IvsRealtime,
    state::State,
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

impl Resource for StorageConfiguration {
    const ONE: Option<&'static str> = Some("storageConfiguration");
    const MANY: &'static str = "storageConfigurations";
    const PAGE: usize = 100;

    type Summary<'a> = &'a Self;

    fn summary(&self) -> Self::Summary<'_> {
        self
    }
    fn check_not_in_use(state: &State, arn: &str) -> Result<(), ApiError> {
        if state.stages.iter().any(|stage| stage.storage_configuration() == arn) {
            return Err(ApiError::conflict(format!("Storage configuration: {arn} is used by a stage")));
        }
        Ok(())
    }
}

fn create(state: &mut State, input: &Value) -> Outcome {
    let tags = Tags::from_input(input)?;
    let configuration = StorageConfiguration::new(&state.account_region, decode(input)?, tags);
    resource::insert(state, configuration)
}
