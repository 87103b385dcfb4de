//! How pages, forms and problems are shown, and how a form is known to be ours.

use axum::{
    http::{HeaderMap, header},
    response::{Html, IntoResponse, Response},
};

use super::Site;
use crate::registration::{
    pages::{self, Form, Page},
    problem::{Format, Problem},
    session::Token,
    submission::Submission,
};

impl<R, A> Site<R, A> {
    /// A page of this site.
    pub fn shown(&self, page: &Page) -> Response {
        Html(page.of_site(&self.rules.site_name).0).into_response()
    }

    /// A page of this site, with what this browser is to be told once.
    pub fn shown_with_notice(&self, headers: &HeaderMap, page: Page) -> Response {
        let Some(notice) = self.cookies.notice(headers) else { return self.shown(&page) };
        let mut response = self.shown(&page.with_notice(notice));
        response.headers_mut().append(header::SET_COOKIE, self.cookies.told());
        response
    }

    /// A problem, as a page or as problem details.
    pub fn told(&self, format: Format, problem: &Problem) -> Response {
        match format {
            Format::Json => problem.json(),
            Format::Html => problem.finish(self.shown(&pages::problem(problem))),
        }
    }

    /// The form to register, for the first time or again.
    pub fn registration_form(
        &self,
        headers: &HeaderMap,
        username: &str,
        problem: Option<&Problem>,
    ) -> Response {
        let least = self.rules.shortest_password;
        self.form(headers, username, problem, |form| pages::register(form, least))
    }

    /// The form to sign in, for the first time or again; `own` is the username of who is signed in.
    pub fn sign_in_form(
        &self,
        headers: &HeaderMap,
        own: Option<&str>,
        username: &str,
        problem: Option<&Problem>,
    ) -> Response {
        self.form(headers, username, problem, |form| pages::sign_in(form, own))
    }

    /// A form that takes no session. It carries a token made from that of the cookie; a browser that has none gets one with it,
    /// which never becomes a session's.
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
        let mut response = self.shown_with_notice(headers, page);
        if is_new {
            response.headers_mut().append(header::SET_COOKIE, self.cookies.set(&token));
        }
        match problem {
            Some(problem) => problem.finish(response),
            None => response,
        }
    }

    /// Whether a form is the one that this browser got from us; a program's JSON needs no such proof, since no browser sends
    /// it for another site.
    ///
    /// # Errors
    /// That the form has to be sent once more.
    pub fn check_form(&self, headers: &HeaderMap, submission: &Submission) -> Result<(), Problem> {
        match self.cookies.token(headers) {
            _ if submission.format == Format::Json => Ok(()),
            None => Err(Problem::without_cookie()),
            Some(token) if token.is_in_form(&submission.token) => Ok(()),
            Some(_) => Err(Problem::stale_form()),
        }
    }
}
