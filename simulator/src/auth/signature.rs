//! AWS Signature Version 4.

use axum::http::{HeaderMap, Uri};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

/// The request data that a signature covers.
pub(super) struct SignedRequest<'a> {
    pub method: &'a str,
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    /// The names of the signed headers, in the order of the request: `host;x-amz-date`.
    pub signed_headers: &'a str,
    /// The time of the request: `20150830T123600Z`.
    pub time: &'a str,
    /// The credential scope: `{date}/{region}/{service}/aws4_request`.
    pub scope: &'a str,
}

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

impl SignedRequest<'_> {
    /// Returns true if the hexadecimal signature is valid for the secret.
    pub fn is_signed_by(&self, secret: &str, signature: &str) -> bool {
        let key = self.scope.split('/').fold(format!("AWS4{secret}").into_bytes(), |key, part| {
            hmac(&key, part).finalize().into_bytes().to_vec()
        });
        let claimed = bytes(signature);
        claimed.is_some_and(|claimed| hmac(&key, &self.string_to_sign()).verify_slice(&claimed).is_ok())
    }

    /// Returns the string to sign.
    fn string_to_sign(&self) -> String {
        let request = hex(&Sha256::digest(self.canonical_request()));
        format!("AWS4-HMAC-SHA256\n{}\n{}\n{request}", self.time, self.scope)
    }

    fn canonical_request(&self) -> String {
        // The path as sent is encoded once more, so that encoded characters in it are encoded twice.
        let path = utf8_percent_encode(self.uri.path(), PATH);
        let query = canonical_query(self.uri.query().unwrap_or_default());
        let headers: String = self.signed_headers.split(';').map(|name| self.header(name)).collect();
        let body = hex(&Sha256::digest(self.body));
        format!("{}\n{path}\n{query}\n{headers}\n{}\n{body}", self.method, self.signed_headers)
    }

    fn header(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter();
        let values = values.map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
        });
        format!("{name}:{}\n", values.collect::<Vec<_>>().join(","))
    }
}

fn canonical_query(query: &str) -> String {
    let encoded = |text: &str| {
        let decoded: Vec<u8> = percent_decode_str(text).collect();
        percent_encoding::percent_encode(&decoded, UNRESERVED).to_string()
    };
    let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
    let mut parameters: Vec<_> = parameters
        .map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            (encoded(name), encoded(value))
        })
        .collect();
    parameters.sort();
    let parameters: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    parameters.join("&")
}

fn hmac(key: &[u8], text: &str) -> Hmac<Sha256> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key)
        .unwrap_or_else(|_| unreachable!("HMAC accepts keys of any length"));
    hmac.update(text.as_bytes());
    hmac
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if !hex.len().is_multiple_of(2) || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|start| u8::from_str_radix(&hex[start..start + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn is_signed(uri: &str, signature: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert("host", "example.amazonaws.com".parse().expect("a value"));
        headers.insert("x-amz-date", "20150830T123600Z".parse().expect("a value"));
        let signed = SignedRequest {
            method: "GET",
            uri: &uri.parse().expect("a URI"),
            headers: &headers,
            body: b"",
            signed_headers: "host;x-amz-date",
            time: "20150830T123600Z",
            scope: "20150830/us-east-1/service/aws4_request",
        };
        signed.is_signed_by(SECRET, signature)
    }

    /// The expected signatures are from AWS's test suite.
    #[test]
    fn signatures_match_aws_test_suite() {
        let vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        assert!(is_signed("/", vanilla));
        assert!(!is_signed("/x", vanilla));
        assert!(is_signed(
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        ));
        for nonsense in ["", "5", "zz", &vanilla[2..], "é"] {
            assert!(!is_signed("/", nonsense), "{nonsense}");
        }
    }

    #[test]
    fn the_canonical_query_is_sorted_and_reencoded() {
        assert_eq!(canonical_query("b=2&a=x%2fy&a=%20&c"), "a=%20&a=x%2Fy&b=2&c=");
    }
}
