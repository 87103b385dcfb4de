//! Rendering pages, forms, and problems.

use axum::{
    http::{HeaderMap, header},
    response::{Html, IntoResponse, Response},
};

use super::{
    cookies::Token,
    format::Format,
    pages::{self, Form, Page},
    problem::Problem,
    state::AppState,
};
use crate::registration::{backend::Backend, service::RegistrationError};

impl<B: Backend> AppState<B> {
    /// Renders a page.
    pub fn render_page(&self, page: &Page) -> Response {
        Html(page.render(&self.rules.site_name).0).into_response()
    }

    /// Renders a page with the browser's flash message, if there is one, and clears the message.
    pub fn render_page_with_flash(&self, headers: &HeaderMap, page: Page) -> Response {
        let Some(message) = self.cookies.flash(headers) else { return self.render_page(&page) };
        let mut response = self.render_page(&page.with_flash(message));
        response.headers_mut().append(header::SET_COOKIE, self.cookies.clear_flash());
        response
    }

    /// Renders a problem as a page or as problem details.
    pub fn render_problem(&self, format: Format, problem: &Problem) -> Response {
        match format {
            Format::Json => problem.json(),
            Format::Html => problem.finish(self.render_page(&pages::problem(problem))),
        }
    }

    /// Logs an error that is not the client's fault, counts a rejection by a limit, and returns the problem
    /// that the client sees. For signed-in users and for signing in: an outage is described without
    /// mentioning a registration.
    pub fn problem_for(&self, error: &RegistrationError) -> Problem {
        match error {
            RegistrationError::Unavailable(reason) => {
                tracing::warn!(reason, "request failed, the client may retry");
                Problem::unavailable()
            }
            RegistrationError::Misconfigured(reason) => {
                tracing::error!(reason, "request failed");
                Problem::internal_error()
            }
            RegistrationError::QueueFull | RegistrationError::HashingBusy => Problem::unavailable(),
            RegistrationError::UsernameTaken
            | RegistrationError::AccountDeleting
            | RegistrationError::IdempotencyKeyReused
            | RegistrationError::SignupRateExceeded(_)
            | RegistrationError::QuotaExceeded(_) => Problem::from(error),
            RegistrationError::TooManyFailures(_) => {
                self.metrics.record_rejection("failed_sign_ins");
                Problem::from(error)
            }
        }
    }

    /// Renders the registration form, with the problem of the last attempt if there was one.
    pub fn registration_form(
        &self,
        headers: &HeaderMap,
        username: &str,
        problem: Option<&Problem>,
    ) -> Response {
        let min = self.rules.min_password_length;
        self.form(headers, username, problem, |form| pages::register(form, min))
    }

    /// Renders the sign-in form, with the problem of the last attempt if there was one. `own` is the username
    /// of the signed-in user.
    pub fn sign_in_form(
        &self,
        headers: &HeaderMap,
        own: Option<&str>,
        username: &str,
        problem: Option<&Problem>,
    ) -> Response {
        self.form(headers, username, problem, |form| pages::sign_in(form, own))
    }

    /// Renders a form that needs no session. The form carries a token derived from the browser's cookie. A
    /// browser without a cookie gets one; it never becomes the cookie of a session.
    fn form(
        &self,
        headers: &HeaderMap,
        username: &str,
        problem: Option<&Problem>,
        page: impl FnOnce(Form<'_>) -> Page,
    ) -> Response {
        let carried = self.cookies.token(headers);
        let is_new = carried.is_none();
        let token = carried.unwrap_or_else(Token::random);
        let page = page(Form { token: &token.for_forms(), username, problem });
        let mut response = self.render_page_with_flash(headers, page);
        if is_new {
            response.headers_mut().append(header::SET_COOKIE, self.cookies.set(&token));
        }
        match problem {
            Some(problem) => problem.finish(response),
            None => response,
        }
    }
}
