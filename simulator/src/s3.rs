//! Where something is recorded or logged: a bucket of S3.

use serde::{Deserialize, Serialize};

use crate::{
    pattern::Pattern,
    validate::{Member, Rule, required},
};

const BUCKET: Rule = Rule::Text {
    min: 3,
    max: 63,
    pattern: Pattern::Characters { lower: true, others: "-.", regex: "[a-z0-9-.]+" },
};

/// The members of a destination in S3.
pub(crate) const MEMBERS: &[Member] = &[required("bucketName", BUCKET)];

/// A destination in S3.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct S3 {
    pub bucket_name: String,
}
