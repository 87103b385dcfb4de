//! The reasons why an account is not ready, in plain English.

use crate::registration::service::Issue;

/// Returns the text of an issue.
#[must_use]
pub fn issue_text(issue: Issue) -> &'static str {
    match issue {
        Issue::ProviderQuota => {
            "We have reached the number of streamers that we can host right now. Your place is reserved, and setup continues automatically."
        }
        Issue::ProviderDenied => {
            "Our video provider does not let us set this up yet. Once the operators of this site have fixed this, setup continues automatically."
        }
        Issue::InvalidSetting => {
            "Our video provider rejected a setting of this account. The operators of this site need to change it."
        }
        Issue::UsernameTaken => "This username belongs to another account.",
        Issue::Other => "This could not be set up. The operators of this site need to look into it.",
    }
}
