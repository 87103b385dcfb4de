//! The HTTP side: one router for pages and JSON, and everything that is specific to requests and responses.
//!
//! Every text that a person reads is in [`pages`] (what a page says) or in [`problem`] (what went wrong).

mod account_cache;
mod account_lookup;
mod attempt_limits;
mod body;
mod cookies;
mod credentials;
mod format;
mod handlers;
mod middleware;
mod openapi;
mod owner;
mod pages;
mod problem;
mod render;
mod router;
mod session;
mod state;
mod submission;
#[cfg(test)]
mod tests;
mod username;
mod validation;

#[cfg(test)]
pub use self::submission::Submission;
pub use self::{
    account_cache::AccountCache,
    attempt_limits::AttemptLimits,
    cookies::Cookies,
    handlers::events::MAX_EVENT_STREAMS,
    router::{overload_router, router},
    state::AppState,
    validation::Rules,
};
