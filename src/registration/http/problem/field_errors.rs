//! The errors of single form fields, and their texts.

use std::borrow::Cow;

/// The password is common, or a common one with padding.
pub const COMMON_PASSWORD: &str = "This password is too common, or little more than a common one. Choose a few words that only you would combine.";
/// The password is a keyboard row, a sequence, or a repetition.
pub const PASSWORD_PATTERN: &str = "This password is a keyboard row, a sequence, or a repeated pattern. Choose a few words that only you would combine.";
/// The password consists mostly of the username or the name of the site.
pub const OWN_NAME_PASSWORD: &str =
    "This password is mostly your username or the name of this site. Choose a few other words.";
/// The new password is the current one.
pub const SAME_PASSWORD: &str = "The new password must differ from the current one. Choose another.";
/// The password is empty.
pub const EMPTY_PASSWORD: &str = "Choose a password.";
/// The password has more characters than
/// [`MAX_PASSWORD_CHARS`](super::super::validation::MAX_PASSWORD_CHARS).
pub const PASSWORD_TOO_LONG: &str = "The password must have at most 128 characters. Shorten it.";
/// The username is reserved by the site.
pub const RESERVED_USERNAME: &str = "This username is reserved. Choose another.";
/// The username consists of - and _ only.
pub const NO_LETTER_OR_DIGIT: &str = "The username must contain at least one letter or digit.";

/// Returns the error of a password with too few characters.
pub fn password_too_short(min: usize) -> Cow<'static, str> {
    format!("The password must have at least {min} characters. Add a word or two.").into()
}

/// The errors of each field: what is wrong, and what to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors {
    /// The error of the username.
    pub username: Option<&'static str>,
    /// The error of the password.
    pub password: Option<Cow<'static, str>>,
    /// The error of the new password, where a form asks for two.
    pub new_password: Option<Cow<'static, str>>,
}

impl FieldErrors {
    /// Returns an error of the username.
    #[must_use]
    pub fn username(error: &'static str) -> Self {
        Self { username: Some(error), ..Self::default() }
    }

    /// Returns an error of the password.
    #[must_use]
    pub fn password(error: &'static str) -> Self {
        Self { password: Some(error.into()), ..Self::default() }
    }

    /// Returns an error of the new password.
    #[must_use]
    pub fn new_password(error: Cow<'static, str>) -> Self {
        Self { new_password: Some(error), ..Self::default() }
    }

    /// Returns true if no field has an error.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.username.is_none() && self.password.is_none() && self.new_password.is_none()
    }
}
