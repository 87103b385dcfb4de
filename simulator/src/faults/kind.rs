//! The kinds of faults.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::{Value, json};

use crate::duration::human_readable;

/// The effect of a fault on a call.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FaultKind {
    /// Returns an error. The call has no effect.
    Error {
        /// The AWS error code, such as `ThrottlingException`.
        code: String,
        /// The HTTP status.
        status: u16,
        /// The error message.
        #[serde(default = "default_message")]
        message: String,
    },
    /// Returns a `ThrottlingException`, exactly as AWS does. The call has no effect.
    Throttle,
    /// Returns the HTML error page of a proxy. The call has no effect.
    Html {
        /// The HTTP status.
        #[serde(default = "bad_gateway")]
        status: u16,
    },
    /// Closes the connection. The call has no effect.
    Block,
    /// Closes the connection after the call has taken effect.
    ExecuteThenDrop,
    /// Closes the connection. The call takes effect later.
    Late {
        /// The delay of the effect.
        #[serde(with = "human_readable", default = "second")]
        after: Duration,
    },
    /// Never responds. The call has no effect.
    Hang,
    /// Returns a malformed response after the call has taken effect.
    Garbage {
        /// The defect of the response.
        #[serde(default)]
        form: Garbage,
    },
    /// Sends the response body in small pieces after the call has taken effect.
    SlowBody {
        /// The total duration of the transfer.
        #[serde(with = "human_readable", default = "second")]
        over: Duration,
    },
}

/// The defect of a malformed response.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Garbage {
    /// JSON that is cut off in the middle.
    #[default]
    Truncated,
    /// JSON of an unrelated shape.
    Wrong,
}

pub(super) fn default_message() -> String {
    "This error was injected by the simulator".to_owned()
}

fn bad_gateway() -> u16 {
    502
}

fn second() -> Duration {
    Duration::from_secs(1)
}

/// Deserializes a kind: its name alone if it has no parameters or only defaults, or its name with parameters.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FaultKind, D::Error> {
    const WITH_DEFAULTS: &[&str] = &["html", "late", "garbage", "slow-body"];
    let kind = match Value::deserialize(deserializer)? {
        Value::String(name) if WITH_DEFAULTS.contains(&name.as_str()) => json!({ name: {} }),
        kind => kind,
    };
    serde_json::from_value(kind).map_err(|error| D::Error::custom(format!("kind: {error}")))
}

impl FaultKind {
    /// Returns the name, as in the JSON of a fault.
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

    /// Returns an error if a parameter is invalid.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Error { status, .. } | Self::Html { status } if !(400..=599).contains(status) => {
                Err(format!("kind.{}.status: {status} is not an error status (400 to 599)", self.name()))
            }
            Self::Error { code, .. } if code.is_empty() || !code.chars().all(|c| c.is_ascii_graphic()) => {
                Err("kind.error.code: must be a single word, such as ThrottlingException".to_owned())
            }
            _ => Ok(()),
        }
    }
}
