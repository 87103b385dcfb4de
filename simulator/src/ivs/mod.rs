//! The `ivs` API: channels, their stream keys and streams, and what channels refer to.

pub(crate) mod channel;
pub(crate) mod recording_configuration;
pub(crate) mod restriction_policy;
pub(crate) mod stream;
pub(crate) mod stream_key;

use serde_json::{Value, json};

use crate::{
    error::Failure,
    operation::{Outcome, encode},
};

/// Looks up many at once: what is not found goes to `errors`, the rest to the member of that name.
fn batch<T: serde::Serialize>(
    member: &str,
    arns: &[String],
    find: impl Fn(&str) -> Result<T, Failure>,
) -> Outcome {
    let (mut found, mut errors): (Vec<T>, Vec<Value>) = (Vec::new(), Vec::new());
    for arn in arns {
        match find(arn) {
            Ok(row) => found.push(row),
            Err(error) => errors.push(json!({"arn": arn, "code": error.code, "message": error.message})),
        }
    }
    encode(json!({ member: found, "errors": errors }))
}
