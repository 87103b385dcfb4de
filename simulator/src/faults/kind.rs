//! The ways in which a call can go wrong.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::{Value, json};

use super::Fault;
use crate::duration::in_words;

/// How a call goes wrong.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FaultKind {
    /// It is answered with this error, and has no effect.
    Error {
        /// The AWS code, such as `ThrottlingException`.
        code: String,
        /// The HTTP status.
        status: u16,
        /// The text.
        #[serde(default = "said")]
        message: String,
    },
    /// It is answered with a `ThrottlingException` as AWS writes it, and has no effect.
    Throttle,
    /// It is answered with a proxy's HTML page, and has no effect.
    Html {
        /// The HTTP status.
        #[serde(default = "bad_gateway")]
        status: u16,
    },
    /// The connection is closed; it has no effect.
    Block,
    /// It has its effect, but the connection is closed instead of an answer.
    ExecuteThenDrop,
    /// The connection is closed; it has its effect a while later.
    Late {
        /// How much later.
        #[serde(with = "in_words", default = "second")]
        after: Duration,
    },
    /// It is never answered, and has no effect.
    Hang,
    /// It has its effect, but the answer is not what it should be.
    Garbage {
        /// What is wrong with the answer.
        #[serde(default)]
        form: Garbage,
    },
    /// It has its effect, and the body of its answer comes in small pieces.
    SlowBody {
        /// How long it takes in all.
        #[serde(with = "in_words", default = "second")]
        over: Duration,
    },
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Garbage {
    /// It is JSON that ends in the middle.
    #[default]
    Truncated,
    /// It is JSON of quite another shape.
    Wrong,
}

fn said() -> String {
    "The simulator was told to answer this".to_owned()
}

fn bad_gateway() -> u16 {
    502
}

fn second() -> Duration {
    Duration::from_secs(1)
}

/// Reads a kind: its name alone, for those that need no more or have defaults, or its name with what it is told.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FaultKind, D::Error> {
    const WITH_DEFAULTS: &[&str] = &["html", "late", "garbage", "slow-body"];
    let kind = match Value::deserialize(deserializer)? {
        Value::String(name) if WITH_DEFAULTS.contains(&name.as_str()) => json!({ name: {} }),
        kind => kind,
    };
    serde_json::from_value(kind).map_err(|error| D::Error::custom(format!("kind: {error}")))
}

impl FaultKind {
    /// Its name, as in a rule.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Error { .. } => "error",
            Self::Throttle => "throttle",
            Self::Html { .. } => "html",
            Self::Block => "block",
            Self::ExecuteThenDrop => "execute-then-drop",
            Self::Late { .. } => "late",
            Self::Hang => "hang",
            Self::Garbage { .. } => "garbage",
            Self::SlowBody { .. } => "slow-body",
        }
    }

    /// What is wrong with it.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Error { status, .. } | Self::Html { status } if !(400..=599).contains(status) => Err(
                format!("kind.{}.status: {status} is not the status of an error (400 to 599)", self.name()),
            ),
            Self::Error { code, .. } if code.is_empty() || !code.chars().all(|c| c.is_ascii_graphic()) => {
                Err("kind.error.code: must be a word, such as ThrottlingException".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// One for each kind.
impl Fault {
    /// Answers with an error.
    #[must_use]
    pub fn error(operation: impl Into<String>, status: u16, code: impl Into<String>) -> Self {
        Self::new(operation, FaultKind::Error { code: code.into(), status, message: said() })
    }

    /// Answers with a `ThrottlingException`.
    #[must_use]
    pub fn throttle(operation: impl Into<String>) -> Self {
        Self::new(operation, FaultKind::Throttle)
    }

    /// Answers with the HTML page of a proxy, such as 404, 502 or 503.
    #[must_use]
    pub fn html(operation: impl Into<String>, status: u16) -> Self {
        Self::new(operation, FaultKind::Html { status })
    }

    /// Closes the connection before the effect.
    #[must_use]
    pub fn block(operation: impl Into<String>) -> Self {
        Self::new(operation, FaultKind::Block)
    }

    /// Closes the connection after the effect.
    #[must_use]
    pub fn execute_then_drop(operation: impl Into<String>) -> Self {
        Self::new(operation, FaultKind::ExecuteThenDrop)
    }

    /// Closes the connection, and has the effect so much later.
    #[must_use]
    pub fn late(operation: impl Into<String>, after: Duration) -> Self {
        Self::new(operation, FaultKind::Late { after })
    }

    /// Never answers, and does nothing.
    #[must_use]
    pub fn hang(operation: impl Into<String>) -> Self {
        Self::new(operation, FaultKind::Hang)
    }

    /// Has the effect, and answers with what is not the right JSON.
    #[must_use]
    pub fn garbage(operation: impl Into<String>, form: Garbage) -> Self {
        Self::new(operation, FaultKind::Garbage { form })
    }

    /// Has the effect, and sends the body of the answer piece by piece, so slowly.
    #[must_use]
    pub fn slow_body(operation: impl Into<String>, over: Duration) -> Self {
        Self::new(operation, FaultKind::SlowBody { over })
    }
}
