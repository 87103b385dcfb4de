//! The text patterns of AWS's API models, as code instead of regular expressions.

use crate::arn::Arn;

/// A pattern that a text member must match.
#[derive(Clone, Copy)]
pub(crate) enum Pattern {
    Any,
    /// ASCII letters (lowercase only if `lower`), digits, and the characters in `others`. `regex` is AWS's
    /// pattern.
    Characters {
        lower: bool,
        others: &'static str,
        regex: &'static str,
    },
    /// The ID of a stream or of a stage session: `st-[a-zA-Z0-9]+`.
    Session,
    /// A country code in uppercase letters.
    Country,
    Arn {
        service: &'static str,
        kind: &'static str,
        or_empty: bool,
    },
    /// The ARN of any resource that can have tags.
    TaggedArn,
    /// The ARN of a Lambda function, or an empty text.
    Lambda,
    /// A tag key that is not reserved: any characters if `any`, otherwise those that ivs allows.
    TagKey {
        any: bool,
    },
    /// A tag value that is not reserved: any characters if `any`, otherwise those that ivs allows.
    TagValue {
        any: bool,
    },
}

/// The name of a resource.
pub(crate) const NAME: Pattern = Pattern::Characters { lower: false, others: "-_", regex: "[a-zA-Z0-9-_]*" };
/// `nextToken` in the APIs whose model restricts its characters.
pub(crate) const TOKEN: Pattern =
    Pattern::Characters { lower: false, others: "+/=_-", regex: "[a-zA-Z0-9+/=_-]*" };
/// An identifier of letters and digits.
pub(crate) const ID: Pattern = Pattern::Characters { lower: false, others: "", regex: "[a-zA-Z0-9]+" };

impl Pattern {
    /// Returns the constraint that the text violates, in AWS's words.
    pub fn violation(self, text: &str) -> Option<String> {
        if matches!(self, Self::TagKey { .. } | Self::TagValue { .. }) && is_reserved(text) {
            return Some("Member must not begin with aws:, which is reserved".to_owned());
        }
        if self.matches(text) {
            return None;
        }
        Some(format!("Member must satisfy regular expression pattern: {}", self.regex()))
    }

    fn matches(self, text: &str) -> bool {
        match self {
            Self::Any | Self::TagKey { any: true } | Self::TagValue { any: true } => true,
            Self::Characters { lower, others, .. } => text.chars().all(|c| {
                (c.is_ascii_alphanumeric() && !(lower && c.is_ascii_uppercase())) || others.contains(c)
            }),
            Self::Session => text.strip_prefix("st-").is_some_and(is_id),
            Self::Country => text.chars().all(|c| c.is_ascii_uppercase()),
            Self::Arn { service, kind, or_empty } => {
                (or_empty && text.is_empty())
                    || Arn::parse(text).is_some_and(|arn| arn.service == service && arn.kind == kind)
            }
            Self::TaggedArn => Arn::parse(text).is_some_and(|arn| matches!(arn.service, "ivs" | "ivschat")),
            Self::Lambda => text.is_empty() || is_lambda(text),
            Self::TagKey { any: false } | Self::TagValue { any: false } => text.chars().all(is_tag_character),
        }
    }

    fn regex(self) -> String {
        match self {
            Self::Any | Self::TagKey { any: true } | Self::TagValue { any: true } => ".*".to_owned(),
            Self::Characters { regex, .. } => regex.to_owned(),
            Self::Session => "st-[a-zA-Z0-9]+".to_owned(),
            Self::Country => "[A-Z]{2}".to_owned(),
            Self::Arn { service, kind, or_empty } => {
                let regex = format!("arn:aws:{service}:[a-z0-9-]+:[0-9]+:{kind}/[a-zA-Z0-9-]+");
                if or_empty { format!("^$|^{regex}$") } else { regex }
            }
            Self::TaggedArn => "arn:aws:ivs(chat)?:[a-z0-9-]+:[0-9]+:[a-z-]+/[a-zA-Z0-9-]+".to_owned(),
            Self::Lambda => "^$|^arn:aws:lambda:[a-z0-9-]+:[0-9]{12}:function:.+".to_owned(),
            Self::TagKey { any: false } => r"([\p{L}\p{Z}\p{N}_.:/=+\-@]+)".to_owned(),
            Self::TagValue { any: false } => r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)".to_owned(),
        }
    }
}

/// Returns true if a tag key or value has the prefix that AWS reserves for itself.
fn is_reserved(text: &str) -> bool {
    text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric())
}

fn is_lambda(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("arn:aws:lambda:") else { return false };
    let mut parts = rest.splitn(4, ':');
    let region = parts.next().unwrap_or_default();
    let account = parts.next().unwrap_or_default();
    !region.is_empty()
        && region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && account.len() == 12
        && account.chars().all(|c| c.is_ascii_digit())
        && parts.next() == Some("function")
        && parts.next().is_some_and(|name| !name.is_empty())
}

fn is_tag_character(c: char) -> bool {
    let separator = c.is_whitespace() && !c.is_control();
    c.is_alphabetic() || c.is_numeric() || separator || "_.:/=+-@".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_tags_and_disallowed_tag_characters_are_rejected() {
        let strict = Pattern::TagKey { any: false };
        for good in ["a", "streamcat.dev/user", "größe 1", "x=y+z@-_:"] {
            assert_eq!(strict.violation(good), None, "{good}");
        }
        for bad in ["a*b", "tab\t", "aws:x", "AWS:x", "{"] {
            assert!(strict.violation(bad).is_some(), "{bad}");
        }
        assert!(Pattern::TagKey { any: true }.violation("aws:x").is_some());
        for any in [true, false] {
            assert_eq!(Pattern::TagValue { any }.violation("laws:x"), None);
            for bad in ["aws:x", "Aws:x", "AWS:"] {
                assert!(Pattern::TagValue { any }.violation(bad).is_some(), "{bad}");
            }
        }
        assert_eq!(Pattern::TagKey { any: true }.violation("a*b"), None);
    }

    #[test]
    fn each_pattern_accepts_only_its_own_characters() {
        let bucket = Pattern::Characters { lower: true, others: "-.", regex: "" };
        for (pattern, good, bad) in [
            (bucket, "my-bucket.1", "My-bucket"),
            (NAME, "a-B_1", "a.b"),
            (TOKEN, "a+/=_-", "a b"),
            (Pattern::Session, "st-aB3", "st-"),
            (Pattern::Session, "st-aB3", "aB3"),
            (Pattern::Country, "CH", "ch"),
        ] {
            assert_eq!(pattern.violation(good), None, "{good}");
            assert!(pattern.violation(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn a_lambda_is_an_arn_or_empty() {
        for good in ["", "arn:aws:lambda:us-west-2:123456789012:function:review"] {
            assert_eq!(Pattern::Lambda.violation(good), None, "{good}");
        }
        for bad in
            ["x", "arn:aws:lambda:us-west-2:1:function:f", "arn:aws:lambda:us-west-2:123456789012:function:"]
        {
            assert!(Pattern::Lambda.violation(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn a_reference_can_be_empty_but_an_arn_cannot() {
        let pattern = |or_empty| Pattern::Arn { service: "ivs", kind: "recording-configuration", or_empty };
        assert_eq!(pattern(true).violation(""), None);
        assert!(pattern(false).violation("").is_some());
        assert!(pattern(true).violation("arn:aws:ivs:us-west-2:1:channel/a").is_some());
    }
}
