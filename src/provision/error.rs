//! Errors of provisioning.

use crate::{
    api::{RECONCILE_AT_ANNOTATION, ResourceKind, tags::INSTALLATION},
    ivs::{self, ArnLocation},
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
    #[error("An update was sent after its deadline and could not be recorded: {0}")]
    LateUpdateNotRecorded(#[source] store::Error),
    /// The recorded ARN belongs to another user. Nothing is changed or deleted (I2).
    #[error(
        "The {kind} {arn} is recorded for this user, but its tags or another user's record say that it belongs to someone else. Correct the tags, or the row in the database."
    )]
    Foreign {
        /// The kind.
        kind: ResourceKind,
        /// The ARN.
        arn: String,
    },
    /// The record names an AWS account or region that this controller does not work in. Nothing is changed or
    /// deleted.
    #[error(
        "The {kind} {arn} is recorded in {}, but this controller works in {target}. Nothing is created or deleted. Start the controller with the region and the credentials of the record.",
        location(arn)
    )]
    RecordedElsewhere {
        /// The kind.
        kind: ResourceKind,
        /// The ARN.
        arn: String,
        /// The AWS account and region of this controller.
        target: String,
    },
    /// The resource carries the id of another installation. Nothing is changed or deleted.
    #[error(
        "The {kind} {arn} belongs to another installation (tag {INSTALLATION}). Nothing is created or deleted. Start the controller with that installation's id (--installation-id)."
    )]
    OtherInstallation {
        /// The kind.
        kind: ResourceKind,
        /// The ARN.
        arn: String,
    },
    /// The resource is missing while the brake is engaged. Nothing is created or deleted in its place.
    #[error("The {kind} {arn} is missing from AWS, and the brake is engaged. {brake}")]
    Braked {
        /// The kind.
        kind: ResourceKind,
        /// The ARN.
        arn: String,
        /// The reason of the brake, and how to release it.
        brake: String,
    },
    /// The resource is gone from AWS, and the spec forbids a replacement.
    #[error(
        "The {kind} {arn} is gone from AWS and is not replaced, because recreatePolicy is Never. Set spec.recreatePolicy to Always, or delete the account. To check AWS again, change the annotation {RECONCILE_AT_ANNOTATION}."
    )]
    Gone {
        /// The kind.
        kind: ResourceKind,
        /// The ARN.
        arn: String,
    },
}

/// Returns the location that an ARN names, for a message.
fn location(arn: &str) -> String {
    ArnLocation::parse(arn).map_or_else(|| "an unknown location".to_owned(), |location| location.to_string())
}
