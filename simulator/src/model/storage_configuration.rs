//! Storage configurations: the S3 buckets to which the participants of a stage are recorded.

use serde::{Deserialize, Serialize};

use super::s3::S3;
use crate::{arn::AccountRegion, ids, table::impl_row, tags::Tags};

/// A storage configuration, as in the outputs of Get and List.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct StorageConfiguration {
    arn: String,
    name: String,
    s3: S3,
    tags: Tags,
}

impl_row!(StorageConfiguration, key: name);

impl StorageConfiguration {
    pub fn new(account_region: &AccountRegion, settings: StorageConfigurationSettings, tags: Tags) -> Self {
        Self {
            arn: account_region.arn("ivs", "storage-configuration", &ids::resource()),
            name: settings.name.unwrap_or_default(),
            s3: settings.s3,
            tags,
        }
    }
}

/// The input of CreateStorageConfiguration.
#[derive(Deserialize)]
pub(crate) struct StorageConfigurationSettings {
    name: Option<String>,
    s3: S3,
}
