//! Reading header fields as bytes, element by element.
//!
//! A field can carry bytes that are not ASCII (RFC 9110, section 5.5), and other software adds elements of
//! its own: another application its cookies, a client its entries of X-Forwarded-For. An element that cannot
//! be read is skipped alone, never the line that it is part of. Every field that the registration page itself
//! reads is read with this module, except that of the host, whose lines are counted.

use axum::http::{HeaderMap, header, header::AsHeaderName};

/// The separator of two elements of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    /// A comma outside of a quoted string (RFC 9110, section 5.6.1).
    Comma,
    /// Any comma. X-Forwarded-For has no quoted strings, and a quotation mark that a client sends must not
    /// swallow what a proxy appends.
    PlainComma,
    /// Any semicolon, as between cookies (RFC 6265, section 4.2.1).
    Semicolon,
}

/// Returns the elements of a field, those of all its lines in order, without the white space around them.
/// Empty elements are skipped.
pub fn elements(
    headers: &HeaderMap,
    name: impl AsHeaderName,
    separator: Separator,
) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(name).iter();
    let elements = lines.flat_map(move |line| split(line.as_bytes(), separator));
    elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

/// Returns the value of a field that has only one. A repeated line counts once. Returns None if the lines
/// differ, because another program may have used another one.
pub fn single(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&[u8]> {
    let mut lines = headers.get_all(name).iter().map(|line| line.as_bytes().trim_ascii());
    let first = lines.next()?;
    lines.all(|line| line == first).then_some(first)
}

/// Returns true if the body has this media type. Case and parameters do not count.
#[must_use]
pub fn has_media_type(headers: &HeaderMap, media_type: &str) -> bool {
    let essence =
        single(headers, header::CONTENT_TYPE).and_then(|value| value.split(|&byte| byte == b';').next());
    essence.is_some_and(|essence| essence.trim_ascii().eq_ignore_ascii_case(media_type.as_bytes()))
}

/// Splits a line at its separators.
fn split(line: &[u8], separator: Separator) -> impl Iterator<Item = &[u8]> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    line.split(move |&byte| match (separator, byte) {
        (Separator::Semicolon, _) => byte == b';',
        (Separator::PlainComma, _) => byte == b',',
        (Separator::Comma, _) if is_escaped => {
            is_escaped = false;
            false
        }
        (Separator::Comma, b'\\') => {
            is_escaped = is_quoted;
            false
        }
        (Separator::Comma, b'"') => {
            is_quoted = !is_quoted;
            false
        }
        (Separator::Comma, _) => byte == b',' && !is_quoted,
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn fields(name: &'static str, lines: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_bytes(line).expect("a value"));
        }
        headers
    }

    #[test]
    fn elements_of_all_lines_are_read_around_bytes_that_are_not_ascii() {
        let headers = fields("x-list", &[b"\xff, a ,,\tb", b"", "\u{e9},c".as_bytes()]);
        let read: Vec<_> = elements(&headers, "x-list", Separator::PlainComma).collect();
        assert_eq!(read, [&b"\xff"[..], b"a", b"b", "\u{e9}".as_bytes(), b"c"]);
        assert_eq!(elements(&headers, "x-other", Separator::PlainComma).count(), 0);
    }

    #[test]
    fn each_separator_has_its_own_rule_for_quoted_strings() {
        let headers = fields("x-list", &[br#"a="1,\",;2", b"#]);
        let read = |separator| elements(&headers, "x-list", separator).count();
        assert_eq!(read(Separator::Comma), 2);
        assert_eq!(read(Separator::PlainComma), 4);
        assert_eq!(read(Separator::Semicolon), 2);
    }

    #[test]
    fn a_single_value_may_be_repeated_but_not_contradicted() {
        for (lines, expected) in [
            (&[&b"a"[..]][..], Some(&b"a"[..])),
            (&[b" a", b"a "], Some(b"a")),
            (&[b"a", b"b"], None),
            (&[], None),
        ] {
            assert_eq!(single(&fields("x-one", lines), "x-one"), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_media_type_is_compared_without_case_and_parameters() {
        for (line, expected) in [
            (&b"application/json"[..], true),
            (b"Application/JSON ; charset=\xff", true),
            (b"application/json-patch+json", false),
            (b"", false),
        ] {
            let headers = fields("content-type", &[line]);
            assert_eq!(has_media_type(&headers, "application/json"), expected, "{line:?}");
        }
    }
}
