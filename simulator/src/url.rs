//! Decoding of percent-encoded text in paths, query strings and forms.

use percent_encoding::percent_decode_str;

/// Decodes percent-encoded text.
pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Decodes percent-encoded text in which `+` stands for a space, as in query strings and forms.
pub(crate) fn decode_form(text: &str) -> String {
    decode(&text.replace('+', " "))
}
