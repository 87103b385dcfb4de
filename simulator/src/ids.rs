//! Random identifiers in AWS's formats.

use rand::distr::{Alphanumeric, SampleString};

/// Returns a random text of letters and digits.
pub(crate) fn alphanumeric(length: usize) -> String {
    Alphanumeric.sample_string(&mut rand::rng(), length)
}

/// Returns a resource ID, the last part of an ARN.
pub(crate) fn resource() -> String {
    alphanumeric(12)
}

/// Returns the first label of a host name under `live-video.net`: twelve hexadecimal digits.
pub(crate) fn host() -> String {
    format!("{:012x}", rand::random::<u64>() >> 16)
}

/// Returns a request ID: a UUID, version 4.
pub(crate) fn request() -> String {
    let bits = (rand::random::<u128>() & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_aws_formats() {
        assert_eq!(resource().len(), 12);
        assert_eq!(host().len(), 12);
        let id = request();
        assert_eq!((id.len(), id.as_bytes()[14]), (36, b'4'));
        assert!(matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{id}");
    }
}
