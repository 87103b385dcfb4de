//! The username in a path, and the path of an account's page.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use utoipa::IntoParams;

use crate::api;

/// The username in a path. A segment that is not valid UTF-8 is read as an empty username, which no user has.
#[derive(IntoParams)]
#[into_params(names("username"), parameter_in = Path)]
pub struct Username(
    #[param(min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_-]+$", example = "todd")] pub String,
);

impl Username {
    /// Returns true if a user can have this username.
    pub fn is_valid(&self) -> bool {
        api::username_problem(&self.0).is_none()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Username {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(path.map_or_else(|_| String::new(), |Path(username)| username)))
    }
}

/// Returns the path of an account's page. A username consists of letters, digits, - and _, so it needs no
/// encoding.
pub fn account_path(username: &str) -> String {
    format!("/accounts/{username}")
}
