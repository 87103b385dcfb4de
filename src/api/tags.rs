//! AWS tags: the operator's own, the reserved keys, and the schema of a user's tags.

use schemars::{Schema, SchemaGenerator, json_schema};

/// Key of the tag with the installation id of the operator that created the resource.
pub const INSTALLATION: &str = "streamcat.dev/installation";
/// Key of the tag with the id of the user.
pub const USER: &str = "streamcat.dev/user";
/// Key of the tag with the account, as namespace/name.
pub const ACCOUNT: &str = "streamcat.dev/account";
/// Key of the tag with the nonce of the attempt that created the resource.
pub const ATTEMPT: &str = "streamcat.dev/attempt";

/// Prefix of the operator's keys.
const OURS: &str = "streamcat.dev/";

/// Prefix that AWS reserves for its keys and values.
const AWS: &str = "aws:";

/// Maximum number of user tags: AWS allows 50 tags on a resource, and the operator uses four.
pub const MAX_USER_TAGS: usize = 46;

/// Returns true if user tags cannot have the key: the prefixes of the operator and of AWS, in any case, since
/// IAM ignores the case of keys.
#[must_use]
pub fn is_reserved(key: &str) -> bool {
    begins_with(key, OURS) || begins_with(key, AWS)
}

/// Returns true if the key looks like one of the operator's but is not: `Streamcat.dev/installation`.
#[must_use]
pub fn is_look_alike(key: &str) -> bool {
    begins_with(key, OURS) && !key.starts_with(OURS)
}

fn begins_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Returns the schema of `spec.tags`. A structural schema has no patterns for keys, so CEL rules validate
/// them.
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
                "message": "keys that start with streamcat.dev/ or aws:, in any case, are reserved: use another prefix",
            },
            {
                "rule": "self.all(key, !self[key].lowerAscii().startsWith('aws:'))",
                "message": "values that start with aws:, in any case, are reserved by AWS: use another value",
            },
            {
                "rule": r"self.all(key, key.size() <= 128 && key.matches('^[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+$'))",
                "message": "a key must have 1 to 128 letters, digits, spaces or _.:/=+-@: AWS rejects other keys",
            },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_keys_are_matched_in_any_case() {
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
    fn look_alikes_have_the_prefix_in_another_case() {
        for key in ["Streamcat.dev/installation", "STREAMCAT.DEV/x"] {
            assert!(is_look_alike(key), "{key}");
        }
        for key in [INSTALLATION, USER, ACCOUNT, ATTEMPT, "streamcat.dev/later", "AWS:x", "team"] {
            assert!(!is_look_alike(key), "{key}");
        }
    }
}
