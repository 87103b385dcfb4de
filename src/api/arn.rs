//! The compact form of an ARN. A controller with 100,000 accounts holds a million of them.

use std::{
    cmp::Ordering,
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Length of the ids of IVS.
const ID_LENGTH: usize = 12;

/// Maximum number of shared prefixes. A controller sees a few; a status can name anything.
const MAX_PREFIXES: usize = 1_000;

/// Maximum length of a text that [`Arn::with_text`] does not copy to the heap.
const MAX_TEXT: usize = 256;

/// The prefixes that ARNs share: everything before the id.
static PREFIXES: Mutex<BTreeSet<Arc<str>>> = Mutex::new(BTreeSet::new());

/// An ARN, or any other text in its place, in compact form: ARNs of one kind in one AWS account and region
/// share everything but the id. Ordered as its text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Arn(ArnForm);

/// A text has one form only, so that equal texts have equal forms.
#[derive(Clone, PartialEq, Eq, Hash)]
enum ArnForm {
    /// A text that ends with a slash and an id.
    Usual { prefix: Arc<str>, id: [u8; ID_LENGTH] },
    /// Any other text.
    Other(Box<str>),
}

impl Arn {
    /// Returns the two parts of the text.
    fn parts(&self) -> (&str, &[u8]) {
        match &self.0 {
            ArnForm::Usual { prefix, id } => (prefix, id),
            ArnForm::Other(text) => (text, &[]),
        }
    }

    /// Returns true if this is the text.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        let ((prefix, id), text) = (self.parts(), text.as_bytes());
        text.len() == prefix.len() + id.len() && text.starts_with(prefix.as_bytes()) && text.ends_with(id)
    }

    /// Calls `handle` with the text, without a copy on the heap.
    pub fn with_text<T>(&self, handle: impl FnOnce(&str) -> T) -> T {
        let (prefix, id) = self.parts();
        let mut buffer = [0; MAX_TEXT];
        let length = prefix.len() + id.len();
        match buffer.get_mut(..length) {
            Some(text) => {
                text[..prefix.len()].copy_from_slice(prefix.as_bytes());
                text[prefix.len()..].copy_from_slice(id);
                // It was made of a text.
                handle(str::from_utf8(text).unwrap_or_default())
            }
            None => handle(&self.to_string()),
        }
    }
}

impl From<&str> for Arn {
    fn from(text: &str) -> Self {
        let start = text.rfind('/').map_or(0, |slash| slash + 1);
        let (prefix, id) = text.split_at(start);
        Self(match id.as_bytes().try_into() {
            Ok(id) => ArnForm::Usual { prefix: shared(prefix), id },
            Err(_) => ArnForm::Other(text.into()),
        })
    }
}

/// Returns the prefix, shared with the other ARNs that have it.
fn shared(prefix: &str) -> Arc<str> {
    let mut prefixes = PREFIXES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = prefixes.get(prefix) {
        return Arc::clone(found);
    }
    let new = Arc::from(prefix);
    if prefixes.len() < MAX_PREFIXES {
        prefixes.insert(Arc::clone(&new));
    }
    new
}

impl Ord for Arn {
    fn cmp(&self, other: &Self) -> Ordering {
        let ((prefix, id), (other_prefix, other_id)) = (self.parts(), other.parts());
        if prefix.len() == other_prefix.len() {
            return prefix.cmp(other_prefix).then_with(|| id.cmp(other_id));
        }
        prefix.bytes().chain(id.iter().copied()).cmp(other_prefix.bytes().chain(other_id.iter().copied()))
    }
}

impl PartialOrd for Arn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, id) = self.parts();
        formatter.write_str(prefix)?;
        formatter.write_str(str::from_utf8(id).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 14] = [
        "arn:aws:ivs:us-west-2:123456789012:channel/es5iFOqNQTjU",
        "arn:aws:ivs:us-west-2:123456789012:channel/es5iFOqNQTjV",
        "arn:aws:ivs:us-west-2:123456789012:stage/es5iFOqNQTjU",
        "arn:aws:ivs:eu-west-1:1:channel/1",
        "arn:aws:ivs:eu-west-1:1:channel/es5iFOqNQTjU1",
        "arn:aws:ivschat:us-west-2:123456789012:room/a/es5iFOqNQTjU",
        "",
        "/",
        "todd",
        "es5iFOqNQTjU",
        "/es5iFOqNQTjU",
        "ä/es5iFOqNQTjU",
        "a/ääääää",
        "a/es5iFOqNQTj\0",
    ];

    #[test]
    fn an_arn_returns_exactly_the_text_that_it_was_made_of() {
        let long = format!("{}/es5iFOqNQTjU", "a".repeat(MAX_TEXT));
        for text in TEXTS.into_iter().chain([long.as_str()]) {
            assert_eq!(Arn::from(text).to_string(), text);
            Arn::from(text).with_text(|given| assert_eq!(given, text));
        }
    }

    #[test]
    fn arns_are_equal_and_ordered_as_their_texts() {
        for one in TEXTS {
            for other in TEXTS {
                assert_eq!(Arn::from(one) == Arn::from(other), one == other, "{one} {other}");
                assert_eq!(Arn::from(one).is(other), one == other, "{one} {other}");
                assert_eq!(Arn::from(one).cmp(&Arn::from(other)), one.cmp(other), "{one} {other}");
            }
        }
    }

    #[test]
    fn arns_of_one_kind_share_their_prefix() {
        let [Arn(ArnForm::Usual { prefix, .. }), Arn(ArnForm::Usual { prefix: other, .. })] =
            [TEXTS[0], TEXTS[1]].map(Arn::from)
        else {
            panic!("they are usual");
        };
        assert!(Arc::ptr_eq(&prefix, &other));
        assert!(size_of::<Option<Arn>>() <= 32);
    }
}
