//! The layers around every handler.

mod csrf;
mod host;
mod metrics;
mod read_limit;
mod run_to_completion;
mod security_headers;

pub use self::{
    csrf::explain_cross_site, host::reject_invalid_host, metrics::record_request, read_limit::limit_reads,
    run_to_completion::run_to_completion, security_headers::set_security_headers,
};
