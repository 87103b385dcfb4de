//! The reasons of conditions and events: one table with the place, the retry and the meaning of each.

use std::fmt;

/// The place in which a reason is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasonPlace {
    /// In a condition, and in an event when it is new.
    Condition,
    /// In an event only.
    Event,
}

/// The retry of a reconcile that ended with a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryClass {
    /// No retry until the spec changes or a reconcile is requested: the account is stalled.
    Never,
    /// Retries at a long, fixed interval: somebody has to act outside of the operator.
    FixedDelay,
    /// Retries with exponential backoff.
    Backoff,
    /// A retry at a time that the situation determines.
    Scheduled,
    /// No retry: the reason reports a state or a change, not a problem.
    None,
}

/// Defines the reasons. The text of a reason is the name of its variant.
macro_rules! reasons {
    ($($reason:ident: $place:ident, $retry:ident, $meaning:literal;)+) => {
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

            /// Returns the place in which the reason is shown.
            #[must_use]
            pub const fn place(self) -> ReasonPlace {
                match self {
                    $(Self::$reason => ReasonPlace::$place),+
                }
            }

            /// Returns the retry of a reconcile that ended with the reason.
            #[must_use]
            pub const fn retry(self) -> RetryClass {
                match self {
                    $(Self::$reason => RetryClass::$retry),+
                }
            }

            /// Returns the meaning in one sentence.
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
    Ready: Condition, None, "Everything matches the spec.";
    Progressing: Condition, Backoff, "A resource is being created or updated.";
    Deleting: Condition, Scheduled, "The account is being deleted.";
    NamespaceTerminating: Condition, Scheduled, "The account's namespace is being deleted, so nothing is created in it.";
    UsernameTaken: Condition, Never, "Another account has this username or a look-alike, or it is reserved.";
    OtherCluster: Condition, FixedDelay, "An account of another cluster on the same database holds the user.";
    InvalidSpec: Condition, Never, "AWS rejected the spec; the message quotes AWS.";
    ReferenceNotFound: Condition, FixedDelay, "The spec refers to something that AWS does not find or cannot use, such as a recording configuration; the message quotes AWS.";
    SpecNotUnderstood: Condition, Never, "This version of the operator does not understand the spec; the message names the field.";
    QuotaExceeded: Condition, FixedDelay, "A quota of the AWS account is used up.";
    AccessDenied: Condition, FixedDelay, "AWS denied the call: a permission is missing, or the credentials are invalid.";
    PendingVerification: Condition, FixedDelay, "AWS has to verify the AWS account first.";
    Throttled: Condition, Backoff, "AWS throttled the calls.";
    LambdaPermission: Condition, FixedDelay, "AWS may not invoke the Lambda function of messageReviewHandler.";
    ForeignResource: Condition, FixedDelay, "The recorded ARN names a resource that belongs to somebody else.";
    ResourceMissing: Condition, Scheduled, "AWS does not return a recorded resource, and its absence is not confirmed yet.";
    BrakeEngaged: Condition, FixedDelay, "A resource is missing, and so are too many others.";
    RecordedElsewhere: Condition, FixedDelay, "The recorded ARN names another AWS account or region.";
    OtherInstallation: Condition, FixedDelay, "The database or a recorded resource belongs to another installation.";
    DriftPersists: Condition, FixedDelay, "A resource keeps drifting from the spec after repeated updates.";
    ResourceGone: Condition, Never, "A resource is gone from AWS, and recreatePolicy is Never.";
    StreamKeyMissing: Condition, Backoff, "AWS does not return the stream key of the channel, although it has one.";
    SecretExists: Condition, FixedDelay, "A Secret that does not belong to the account's channel has the name of the Secret with the stream key.";
    SecretImmutable: Condition, FixedDelay, "The Secret with the stream key is immutable and differs from the channel.";
    AwsUnavailable: Condition, Backoff, "AWS did not answer or failed, or its resources were not listed yet.";
    Conflict: Condition, Backoff, "The resource is in use, for example a live channel.";
    OutcomeUnknown: Condition, Scheduled, "A Create got no answer; the controller checks later whether it took effect.";
    DatabaseUnavailable: Condition, Backoff, "PostgreSQL did not answer.";
    KubernetesUnavailable: Condition, Backoff, "The Kubernetes API did not answer, or refused the call.";
    Recreated: Condition, None, "The resource was gone from AWS, and another was created in its place.";
    ArnChanged: Condition, None, "The records named different resources, and the one in status was replaced.";
    RecordCorrected: Condition, None, "The records named different resources, and the one in PostgreSQL was replaced.";
    Deleted: Condition, None, "The account is being deleted, and this resource is gone.";
    Adopted: Event, None, "A resource of an earlier attempt was adopted.";
    Updated: Event, None, "A resource was updated to match the spec.";
    StreamKeyCreated: Event, None, "The channel had no stream key, so another was created.";
    StreamKeyReplaced: Event, None, "The stream key in the Secret differed from the channel's and was replaced.";
    SecretAdopted: Event, None, "A Secret without an owner was adopted.";
    Abandoned: Event, None, "The account was abandoned; the event lists the resources that may remain in AWS.";
    ForeignResourceSkipped: Event, None, "A resource was not deleted because it belongs to somebody else, or because the account holds no claim.";
}

impl Reason {
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
    use std::{collections::BTreeSet, fs};

    use super::*;

    /// Returns the rows of the tables in a page whose first column has this header: the reason, and all
    /// cells.
    fn rows(page: &str, header: &str) -> Vec<(String, Vec<String>)> {
        let text = fs::read_to_string(format!("{}/docs/{page}", env!("CARGO_MANIFEST_DIR"))).expect(page);
        let mut is_in_table = false;
        let mut rows = Vec::new();
        for line in text.lines() {
            let Some(row) = line.strip_prefix("| ") else {
                is_in_table &= line.starts_with("|-");
                continue;
            };
            let cells: Vec<_> = row.split('|').map(|cell| cell.trim().to_owned()).collect();
            if cells[0] == header {
                is_in_table = true;
            } else if is_in_table {
                rows.push((cells[0].trim_matches('`').to_owned(), cells));
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
    fn the_troubleshooting_table_lists_exactly_the_reasons_of_problems() {
        check("operations.md", "the account stays at", |reason| reason.retry() != RetryClass::None);
    }

    #[test]
    fn the_reference_says_which_reasons_stall_and_which_have_a_fixed_delay() {
        for (text, cells) in rows("reference.md", "reason") {
            let reason = Reason::parse(&text).expect("a reason");
            let retried = cells.get(3).filter(|_| reason.retry() != RetryClass::None);
            let says = |words: &str| retried.is_some_and(|retried| retried.contains(words));
            assert_eq!(says("`Stalled`"), reason.retry() == RetryClass::Never, "{reason}");
            assert_eq!(says("every 2 min"), reason.retry() == RetryClass::FixedDelay, "{reason}");
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
