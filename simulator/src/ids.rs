//! Random identifiers in the forms that AWS gives them.

use rand::distr::{Alphanumeric, SampleString};

/// So many random letters and digits.
pub(crate) fn alphanumeric(length: usize) -> String {
    Alphanumeric.sample_string(&mut rand::rng(), length)
}

/// The part of an ARN that names the resource.
pub(crate) fn resource() -> String {
    alphanumeric(12)
}

/// Twelve hexadecimal digits, as host names under `live-video.net` begin.
pub(crate) fn host() -> String {
    format!("{:012x}", rand::random::<u64>() >> 16)
}

/// A request id: a UUID, version 4.
pub(crate) fn request() -> String {
    let bits = (rand::random::<u128>() & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_their_form() {
        assert_eq!(resource().len(), 12);
        assert_eq!(host().len(), 12);
        let id = request();
        assert_eq!((id.len(), id.as_bytes()[14]), (36, b'4'));
        assert!(matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{id}");
    }
}
