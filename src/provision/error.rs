//! What can go wrong while provisioning.

use crate::{
    api::{RECONCILE_AT_ANNOTATION, ResourceKind, tags::INSTALLATION},
    ivs::{self, ArnLocation},
    store,
};

/// What went wrong while provisioning one kind.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// AWS did not do what it was asked.
    #[error("{0}")]
    Aws(#[from] ivs::Error),
    /// The database did not do what it was asked.
    #[error("{0}")]
    Store(#[from] store::Error),
    /// What was changed so late that somebody else may have been there since could not be noted: it has to be looked at again.
    #[error("a change that was sent late could not be noted: {0}")]
    Unnoted(#[source] store::Error),
    /// The recorded ARN is somebody else's: nothing is changed or deleted (I2).
    #[error(
        "the {kind} {arn} is recorded for this user, but its tags or another user's record say that it is not: correct the tags, or the row in the database"
    )]
    Foreign {
        /// Which of the three.
        kind: ResourceKind,
        /// The ARN.
        arn: String,
    },
    /// The record names an AWS account or region that this controller does not work in: nothing is changed or deleted.
    #[error(
        "the {kind} {arn} is recorded in {}, and this controller works in {target}: start it with the region and credentials of the record; nothing is made or deleted until then",
        place(arn)
    )]
    Elsewhere {
        /// Which of the three.
        kind: ResourceKind,
        /// The ARN.
        arn: String,
        /// The AWS account and region of this controller, in words.
        target: String,
    },
    /// It carries the id of another installation: nothing is changed or deleted.
    #[error(
        "the {kind} {arn} carries the id of another installation (its tag {INSTALLATION}): start the controller with that id (--installation-id); nothing is made or deleted until then"
    )]
    OtherInstallation {
        /// Which of the three.
        kind: ResourceKind,
        /// The ARN.
        arn: String,
    },
    /// It is missing, and so is too much else: nothing is made or deleted in its place.
    #[error("the {kind} {arn} is missing from AWS, and the brake is on: {brake}")]
    Braked {
        /// Which of the three.
        kind: ResourceKind,
        /// The ARN.
        arn: String,
        /// The reason of the brake, and how it is released.
        brake: String,
    },
    /// Somebody or something deleted it in AWS, and the spec says not to make another.
    #[error(
        "the {kind} {arn} is gone from AWS and, as recreatePolicy is Never, no other is made: set spec.recreatePolicy to Always, or delete the account; a new value of the annotation {RECONCILE_AT_ANNOTATION} asks for another look"
    )]
    Gone {
        /// Which of the three.
        kind: ResourceKind,
        /// The ARN.
        arn: String,
    },
}

/// The place that an ARN names, in words.
fn place(arn: &str) -> String {
    ArnLocation::parse(arn).map_or_else(|| "an unknown place".to_owned(), |location| location.to_string())
}
