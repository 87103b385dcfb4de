//! Recording and logging destinations in S3.

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

/// The input members of an S3 destination.
pub(crate) const MEMBERS: &[Member] = &[required("bucketName", BUCKET)];

/// An S3 destination.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct S3 {
    pub bucket_name: String,
}
