//! What can go wrong while provisioning.

use crate::{
    api::{RECONCILE_AT_ANNOTATION, ResourceKind},
    ivs, store,
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
        "the {kind} {arn} is recorded for this user, but its tags say that it is not: correct the tags, or the row in the database"
    )]
    Foreign {
        /// Which of the three.
        kind: ResourceKind,
        /// The ARN.
        arn: String,
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
