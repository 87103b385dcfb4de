//! Lookups by ARN.

use super::{State, tables::Stored};
use crate::{
    any_table::AnyTable,
    api_error::ApiError,
    arn::{AccountRegion, Arn},
    model::{
        channel::Channel, logging_configuration::LoggingConfiguration,
        recording_configuration::RecordingConfiguration, restriction_policy::RestrictionPolicy, room::Room,
        stage::Stage, storage_configuration::StorageConfiguration,
    },
    tags::Tags,
};

impl State {
    /// Returns the resource with this ARN, or the error that AWS returns if there is none.
    pub fn find<T: Stored>(&self, arn: &str) -> Result<&T, ApiError> {
        found(&self.account_region, arn, T::table(self).get(arn))
    }

    pub fn channel(&self, arn: &str) -> Result<&Channel, ApiError> {
        self.find(arn)
    }

    pub fn recording_configuration(&self, arn: &str) -> Result<&RecordingConfiguration, ApiError> {
        self.find(arn)
    }

    pub fn restriction_policy(&self, arn: &str) -> Result<&RestrictionPolicy, ApiError> {
        self.find(arn)
    }

    pub fn room(&self, arn: &str) -> Result<&Room, ApiError> {
        self.find(arn)
    }

    pub fn logging_configuration(&self, arn: &str) -> Result<&LoggingConfiguration, ApiError> {
        self.find(arn)
    }

    pub fn stage(&self, arn: &str) -> Result<&Stage, ApiError> {
        self.find(arn)
    }

    pub fn storage_configuration(&self, arn: &str) -> Result<&StorageConfiguration, ApiError> {
        self.find(arn)
    }

    /// Rejects the ARN of another account. Accepts one of another region, where no resource exists.
    pub fn check_account(&self, arn: &str) -> Result<(), ApiError> {
        self.account_region.check(arn).or_else(|error| if error.status == 404 { Ok(()) } else { Err(error) })
    }

    /// Returns the tags of the resource with this ARN.
    pub fn tags(&mut self, arn: &str) -> Result<&Tags, ApiError> {
        let account_region = self.account_region.clone();
        found(&account_region, arn, self.table(arn).and_then(|table| table.tags(arn)))
    }

    /// Returns the tags of the resource with this ARN for a change.
    pub fn tags_mut(&mut self, arn: &str) -> Result<&mut Tags, ApiError> {
        let account_region = self.account_region.clone();
        found(&account_region, arn, self.table(arn).and_then(|table| table.tags_mut(arn)))
    }

    /// Returns the name of the resource with this ARN. For a stream key, this is the name of its channel.
    pub fn name(&mut self, arn: &str) -> Option<String> {
        let key = self.table(arn)?.key(arn)?;
        if kind(arn) == "stream-key" { self.table(&key)?.key(&key) } else { Some(key) }
    }

    /// Returns the table for the resource kind of this ARN.
    pub fn table(&mut self, arn: &str) -> Option<&mut dyn AnyTable> {
        let kind = kind(arn);
        self.tables().into_iter().find(|table| table.kind == kind).map(|table| table.rows)
    }
}

fn kind(arn: &str) -> &str {
    Arn::parse(arn).map_or("", |arn| arn.kind)
}

/// Returns the row, or the error that AWS returns if there is none.
fn found<T>(account_region: &AccountRegion, arn: &str, row: Option<T>) -> Result<T, ApiError> {
    match row {
        Some(row) => Ok(row),
        None => Err(account_region.check(arn).err().unwrap_or_else(|| ApiError::not_found(arn))),
    }
}
