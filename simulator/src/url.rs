//! Decoding of percent-encoded text in paths, query strings and forms.

use percent_encoding::percent_decode_str;

use crate::api_error::ApiError;

/// Decodes percent-encoded text. Returns an error if the result is not UTF-8: a replacement character would
/// make it another text.
pub(crate) fn decode(text: &str) -> Result<String, ApiError> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| ApiError::serialization(format!("{text:.200} is not UTF-8")))
}

/// Decodes percent-encoded text in which `+` stands for a space, as in query strings and forms.
pub(crate) fn decode_form(text: &str) -> Result<String, ApiError> {
    decode(&text.replace('+', " "))
}
