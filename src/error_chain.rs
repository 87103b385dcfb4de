//! Errors and their causes.

use std::{error::Error, iter::successors};

/// Returns an error and its causes, the outermost first.
pub(crate) fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |error| (**error).source())
}

/// Joins the texts of errors into one line.
pub(crate) fn join_causes<'a>(causes: impl Iterator<Item = &'a (dyn Error + 'static)>) -> String {
    let mut texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}
