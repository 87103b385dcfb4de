//! The reasons of conditions and events: one table with the retry and the meaning of each.

use std::fmt;

/// The retry of a reconcile that ended with a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryClass {
    /// No retry until the spec changes or a reconcile is requested: the account is stalled.
    Never,
    /// Retries at a long, fixed interval: somebody has to act outside of the operator.
    FixedDelay,
    /// Retries every hour: a resync notices sooner what matters.
    Hourly,
    /// Retries with exponential backoff.
    Backoff,
    /// A retry at a time that the situation determines.
    Scheduled,
    /// No retry: the reason reports a state or a change, not a problem.
    None,
}

/// Defines the reasons. The text of a reason is the name of its variant.
macro_rules! reasons {
    ($($reason:ident: $retry:ident, $meaning:literal;)+) => {
        /// The reason of a condition or an event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $(#[doc = $meaning] $reason),+
        }

        impl Reason {
            /// All reasons.
            pub const ALL: &[Self] = &[$(Self::$reason),+];

            /// Returns the text of the reason in CamelCase.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$reason => stringify!($reason)),+
                }
            }

            /// Returns the retry of a reconcile that ended with the reason.
            #[must_use]
            pub const fn retry(self) -> RetryClass {
                match self {
                    $(Self::$reason => RetryClass::$retry),+
                }
            }

            /// Returns the meaning, in Markdown. `docs/reference.md` states it in the same words.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$reason => $meaning),+
                }
            }
        }
    };
}

reasons! {
    Ready: None, "Everything matches the spec.";
    Progressing: Backoff, "A resource is being created or updated, or the account was modified concurrently.";
    Deleting: Scheduled, "The account is being deleted, and AWS has not confirmed yet that everything is gone.";
    NamespaceTerminating: Scheduled, "The account's namespace is being deleted: nothing is created in it, and the account gets no finalizer.";
    UsernameTaken: Never, "Another account, a registered person, or a retained user has this username or a similar one. This account owns nothing, and deleting it deletes nothing in AWS.";
    OtherCluster: FixedDelay, "An account of another cluster on the same database owns the user, and that cluster may still be active. Or this account was deleted before it had taken the user over. It owns nothing, and deleting it deletes nothing in AWS.";
    InvalidSpec: Never, "AWS refused the spec. The message quotes AWS.";
    ReferenceNotFound: FixedDelay, "The spec refers to something that AWS does not find or cannot use: a recording, playback restriction, logging, storage, or encoder configuration, or a Lambda function. The message quotes AWS.";
    SpecNotUnderstood: Never, "The spec has a value or a field that this version of the operator does not know, as after a rollback to an older version. The message names the field. Nothing is created or changed for this account; deleting it works. Other accounts are not affected.";
    QuotaExceeded: FixedDelay, "A quota of the AWS account is used up.";
    AccessDenied: FixedDelay, "AWS denied the call: a permission is missing, or the credentials are not valid or cannot be obtained. The message has the words of AWS, such as those of STS about a role that cannot be assumed.";
    PendingVerification: FixedDelay, "AWS must verify the AWS account first.";
    Throttled: Backoff, "AWS asked for fewer calls.";
    LambdaPermission: FixedDelay, "AWS may not invoke the Lambda function of `messageReviewHandler`, or does not know about a new permission yet.";
    ForeignResource: FixedDelay, "The recorded ARN names a resource that lacks this user's tags or is recorded for another user. It is neither changed nor deleted.";
    ResourceMissing: Scheduled, "AWS does not return a recorded resource. One response proves nothing: two complete lists, a resync apart, must lack it too.";
    BrakeEngaged: FixedDelay, "A resource is missing, and too many others are missing too.";
    RecordedElsewhere: FixedDelay, "The recorded ARN names another AWS account or region than the controller works in. Nothing is created or deleted.";
    OtherInstallation: FixedDelay, "The database, or the tags of a recorded resource, name another installation. Nothing is created or deleted.";
    DriftPersists: FixedDelay, "The name, settings, or tags in AWS differ from the spec, and do not stay when they are changed back. The message names them with both values.";
    DriftDetected: Hourly, "Something else has changed a resource in AWS, and the drift policy is `Report`. The message names the fields with both values.";
    ResourceGone: Never, "A resource is gone from AWS, and `recreatePolicy` is `Never`.";
    StreamKeyMissing: Backoff, "AWS does not return the channel's stream key, and creates no other because one exists.";
    SecretExists: FixedDelay, "A Secret that belongs to another owner or another channel has the name of the stream key Secret.";
    SecretImmutable: FixedDelay, "The stream key Secret is immutable and has another key or address than the channel.";
    AwsUnavailable: Backoff, "AWS did not answer or reported an error of its own, or no resync has succeeded since the controller started.";
    Conflict: Backoff, "The resource is in use, for example a live channel.";
    OutcomeUnknown: Scheduled, "A Create got no response. The controller waits until it must have ended, then lists what it may have created.";
    DatabaseUnavailable: Backoff, "PostgreSQL did not answer.";
    KubernetesUnavailable: Backoff, "The API server did not answer, or refused a request.";
    Suspended: None, "The spec has `suspend: true`: nothing is created or changed in AWS. With the status `Unknown`, this spec was never compared with AWS.";
    Recreated: None, "The resource was gone from AWS, and the operator created another. The message names both ARNs.";
    ArnChanged: None, "The records named different resources, and the one in status was replaced. The message names both ARNs.";
    RecordCorrected: None, "The records named different resources, and the one in PostgreSQL was replaced.";
    Deleted: None, "This part is deleted; others are not yet.";
    // The following are reasons of events only.
    Adopted: None, "A resource of an earlier attempt was found and adopted; or one that only its tags named, because status and database had lost it.";
    Updated: None, "A resource was updated to match the spec.";
    DriftCorrected: None, "Something else had changed a resource in AWS, and it was changed back. The event names the fields with both values.";
    StreamKeyCreated: None, "The channel had no stream key and got another.";
    StreamKeyReplaced: None, "The Secret had another stream key than the channel, and has the channel's key now.";
    SecretAdopted: None, "The Secret had no owner, and belongs to the account again.";
    Abandoned: None, "The account was abandoned. The event names everything that it leaves in AWS.";
    ForeignResourceSkipped: None, "A resource that a record named was not deleted, because its tags or another user's record say that it belongs to another user. Or an account without a claim to its username was deleted, and nothing in AWS was touched.";
}

impl Reason {
    /// Returns true if the resource exists and only differs from a spec that AWS has accepted.
    #[must_use]
    pub fn is_drift(self) -> bool {
        matches!(self, Self::DriftPersists | Self::DriftDetected)
    }

    /// Returns the reason with this text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == text)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.as_str().to_owned()
    }
}

impl PartialEq<Reason> for str {
    fn eq(&self, reason: &Reason) -> bool {
        self == reason.as_str()
    }
}

impl PartialEq<Reason> for String {
    fn eq(&self, reason: &Reason) -> bool {
        *self == reason.as_str()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        fs,
    };

    use super::*;

    /// The cells of a row, by the header of their column.
    type Row = BTreeMap<String, String>;

    /// Returns the rows of the tables in a page whose first column has this header. Each has its reason.
    fn rows(page: &str, header: &str) -> Vec<(String, Row)> {
        let text = fs::read_to_string(format!("{}/docs/{page}", env!("CARGO_MANIFEST_DIR"))).expect(page);
        let mut headers: Option<Vec<String>> = None;
        let mut rows = Vec::new();
        for line in text.lines() {
            let Some(row) = line.strip_prefix("| ") else {
                headers = headers.filter(|_| line.starts_with("|-"));
                continue;
            };
            let cells: Vec<_> = row.split('|').map(|cell| cell.trim().to_owned()).collect();
            if cells[0] == header {
                headers = Some(cells);
            } else if let Some(headers) = &headers {
                let reason = cells[0].trim_matches('`').to_owned();
                rows.push((reason, headers.iter().cloned().zip(cells).collect()));
            }
        }
        rows
    }

    /// Checks that the tables list each of the expected reasons exactly once, and no others.
    fn check(page: &str, header: &str, expected: impl Fn(Reason) -> bool) {
        let rows = rows(page, header);
        let listed: BTreeSet<_> = rows.iter().map(|(reason, _)| reason.as_str()).collect();
        let expected = Reason::ALL.iter().filter(|reason| expected(**reason)).map(|reason| reason.as_str());
        assert_eq!(listed, expected.collect(), "docs/{page}");
        assert_eq!(listed.len(), rows.len(), "docs/{page} lists a reason twice");
    }

    #[test]
    fn the_reference_lists_exactly_the_reasons_there_are() {
        check("reference.md", "reason", |_| true);
    }

    #[test]
    fn the_reference_states_the_meaning_of_each_reason_word_by_word() {
        for (text, cells) in rows("reference.md", "reason") {
            let reason = Reason::parse(&text).expect("a reason");
            assert_eq!(cells["meaning"], reason.meaning(), "{reason} in docs/reference.md");
        }
    }

    #[test]
    fn the_troubleshooting_table_lists_exactly_the_reasons_of_problems() {
        check("operations.md", "the account stays at", |reason| reason.retry() != RetryClass::None);
    }

    #[test]
    fn the_reference_says_which_reasons_stall_and_which_have_a_fixed_delay() {
        for (text, cells) in rows("reference.md", "reason") {
            let reason = Reason::parse(&text).expect("a reason");
            let retried = cells.get("retried").filter(|_| reason.retry() != RetryClass::None);
            let says = |words: &str| retried.is_some_and(|retried| retried.contains(words));
            assert_eq!(says("`Stalled`"), reason.retry() == RetryClass::Never, "{reason}");
            assert_eq!(says("every 2 min"), reason.retry() == RetryClass::FixedDelay, "{reason}");
            assert_eq!(says("every hour"), reason.retry() == RetryClass::Hourly, "{reason}");
        }
    }

    #[test]
    fn parse_returns_the_reason_of_a_text() {
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), Some(*reason));
        }
        assert_eq!(Reason::parse("ready"), None);
    }

    #[test]
    fn reasons_are_camel_case_and_meanings_are_sentences() {
        for reason in Reason::ALL {
            let text = reason.as_str();
            assert!(text.starts_with(char::is_uppercase) && text.chars().all(char::is_alphabetic), "{text}");
            let meaning = reason.meaning();
            assert!(meaning.ends_with('.') && meaning.starts_with(char::is_uppercase), "{meaning}");
        }
    }
}
