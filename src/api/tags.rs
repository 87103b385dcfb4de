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

/// Prefixes that no tag of a user's may have: ours, and AWS's.
pub const RESERVED_PREFIXES: [&str; 2] = ["streamcat.dev/", "aws:"];

/// Tags left to the user: AWS allows 50 on a resource, four are ours.
pub const MAX_USER_TAGS: usize = 46;

/// Whether a tag's key is reserved.
#[must_use]
pub fn is_reserved(key: &str) -> bool {
    RESERVED_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
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
                "rule": "self.all(key, !key.startsWith('streamcat.dev/') && !key.startsWith('aws:'))",
                "message": "keys that begin with streamcat.dev/ or aws: are reserved: use another prefix",
            },
            {
                "rule": r"self.all(key, key.size() <= 128 && key.matches('^[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+$'))",
                "message": "a key has 1 to 128 letters, digits, spaces or _.:/=+-@: AWS takes no other",
            },
        ],
    })
}
