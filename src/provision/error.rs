//! Errors of provisioning.

use crate::{
    api::{AppliedFields, ResourceKind},
    ivs::{self, ArnLocation},
    messages::{absence, records},
    store,
};

/// Result of provisioning.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error while one kind of resource is provisioned.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A call to AWS failed.
    #[error("{0}")]
    Aws(#[from] ivs::Error),
    /// A call to the database failed.
    #[error("{0}")]
    Store(#[from] store::Error),
    /// An update took effect after its deadline and could not be recorded as pending. Another controller may
    /// have re-checked the resource before, so it must be re-checked.
    #[error("an update was sent after its deadline and could not be recorded: {source}")]
    LateUpdateNotRecorded {
        /// The error from the database.
        source: store::Error,
        /// The fields that the update sets, and those that it sets back.
        fields: AppliedFields,
    },
    /// The recorded ARN belongs to another user. Nothing is changed or deleted (I2).
    #[error("{}", records::foreign(*kind, arn))]
    Foreign {
        /// The kind.
        kind: ResourceKind,
        /// The ARN.
        arn: String,
    },
    /// The record names an AWS account or region that this controller does not work in. Nothing is changed or
    /// deleted.
    #[error("{}", records::resource_elsewhere(*kind, arn, &ArnLocation::describe(arn), target))]
    RecordedElsewhere {
        /// The kind.
        kind: ResourceKind,
        /// The ARN.
        arn: String,
        /// The AWS account and region of this controller.
        target: String,
    },
    /// The resource carries the id of another installation. Nothing is changed or deleted.
    #[error("{}", records::resource_of_other_installation(*kind, arn))]
    OtherInstallation {
        /// The kind.
        kind: ResourceKind,
        /// The ARN.
        arn: String,
    },
    /// The resource is missing while the brake is engaged. Nothing is created or deleted in its place.
    #[error("{}", absence::braked(*kind, arn, brake))]
    Braked {
        /// The kind.
        kind: ResourceKind,
        /// The ARN.
        arn: String,
        /// The reason of the brake, and how to release it.
        brake: String,
    },
    /// The resource is gone from AWS, and the spec forbids a replacement.
    #[error("{}", absence::gone(*kind, arn))]
    Gone {
        /// The kind.
        kind: ResourceKind,
        /// The ARN.
        arn: String,
    },
}
