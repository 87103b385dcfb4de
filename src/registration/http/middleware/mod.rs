//! The layers around every handler.

mod csrf;
mod metrics;
mod run_to_completion;
mod security_headers;

pub use self::{
    csrf::reject_cross_site, metrics::record_request, run_to_completion::run_to_completion,
    security_headers::set_security_headers,
};
