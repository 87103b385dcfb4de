//! AWS tags: which are ours and reserved, and the schema of a user's own.

use schemars::{Schema, SchemaGenerator, json_schema};

/// Which deployment of the operator made the resource.
pub const INSTALLATION: &str = "streamcat.dev/installation";
/// Id of the row in `users` that the resource belongs to.
pub const USER: &str = "streamcat.dev/user";
/// The account, as namespace/name.
pub const ACCOUNT: &str = "streamcat.dev/account";
/// Nonce of the attempt that made the resource.
pub const ATTEMPT: &str = "streamcat.dev/attempt";

/// Prefix of our own keys.
const OURS: &str = "streamcat.dev/";

/// Prefix of AWS's own keys and values.
const AWS: &str = "aws:";

/// Tags left to the user: AWS allows 50 on a resource, four are ours.
pub const MAX_USER_TAGS: usize = 46;

/// Returns true for a key that no tag of a user's may have: ours and AWS's, in any case, since IAM compares keys
/// without regard to case.
#[must_use]
pub fn is_reserved(key: &str) -> bool {
    begins_with(key, OURS) || begins_with(key, AWS)
}

/// Returns true for a key that passes for ours and is not: `Streamcat.dev/installation`.
#[must_use]
pub fn is_look_alike(key: &str) -> bool {
    begins_with(key, OURS) && !key.starts_with(OURS)
}

fn begins_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Schema of `spec.tags`. Keys cannot have a pattern in a structural schema, so they are checked by CEL.
pub(super) fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": MAX_USER_TAGS,
        "additionalProperties": {
            "type": "string",
            "maxLength": 256,
            "pattern": r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$",
        },
        "x-kubernetes-validations": [
            {
                "rule": "self.all(key, !key.lowerAscii().startsWith('streamcat.dev/') && !key.lowerAscii().startsWith('aws:'))",
                "message": "keys that begin with streamcat.dev/ or aws:, in upper or lower case, are reserved: use another prefix",
            },
            {
                "rule": "self.all(key, !self[key].lowerAscii().startsWith('aws:'))",
                "message": "values that begin with aws:, in upper or lower case, are reserved by AWS: use another value",
            },
            {
                "rule": r"self.all(key, key.size() <= 128 && key.matches('^[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+$'))",
                "message": "a key has 1 to 128 letters, digits, spaces or _.:/=+-@: AWS takes no other",
            },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_reserved_in_any_case() {
        for key in [
            INSTALLATION,
            "streamcat.dev/x",
            "Streamcat.dev/installation",
            "STREAMCAT.DEV/x",
            "aws:x",
            "AWS:x",
            "aWs:",
        ] {
            assert!(is_reserved(key), "{key}");
        }
        for key in [
            "",
            "team",
            "streamcat.de",
            "streamcat.dev",
            "x-streamcat.dev/x",
            "aws",
            "laws:x",
            "ſtreamcat.dev/x",
        ] {
            assert!(!is_reserved(key), "{key}");
        }
    }

    #[test]
    fn a_look_alike_is_of_our_prefix_in_another_case() {
        for key in ["Streamcat.dev/installation", "STREAMCAT.DEV/x"] {
            assert!(is_look_alike(key), "{key}");
        }
        for key in [INSTALLATION, USER, ACCOUNT, ATTEMPT, "streamcat.dev/later", "AWS:x", "team"] {
            assert!(!is_look_alike(key), "{key}");
        }
    }
}
