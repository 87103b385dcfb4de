//! Decoding of an operation's input and encoding of its output.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api_error::ApiError;

/// The result of an operation: its encoded output, or an error.
///
/// The output is text instead of a `Value` because building a page of a list as a `Value` first takes twice
/// as long.
pub(crate) type Outcome = Result<String, ApiError>;

/// Decodes input that has been validated. A failure is therefore a bug in the simulator.
pub(crate) fn decode<'a, T: Deserialize<'a>>(input: &'a Value) -> Result<T, ApiError> {
    T::deserialize(input).map_err(|error| ApiError::internal(format!("cannot decode the input: {error}")))
}

/// Encodes the output of an operation.
pub(crate) fn encode(output: impl Serialize) -> Outcome {
    serde_json::to_string(&output)
        .map_err(|error| ApiError::internal(format!("cannot encode the output: {error}")))
}
