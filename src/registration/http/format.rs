//! The format of a response: a page, or JSON, as the client prefers (RFC 9110, section 12.5.1).

use axum::http::{HeaderMap, header};
use http_guards::fields::{self, Separator};
use mime::Mime;

/// The format that the client wants for the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// HTML, for a browser.
    Html,
    /// JSON, for an API client.
    Json,
}

/// The preference of a client for a format. Of two, the higher quality counts first, then the more specific
/// range.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
struct Preference {
    quality: f32,
    specificity: u8,
}

impl Format {
    /// Returns the format that the Accept field prefers. Without a preference, it is a page.
    #[must_use]
    pub fn accepted(headers: &HeaderMap) -> Self {
        let ranges: Vec<_> = fields::elements(headers, header::ACCEPT, Separator::Comma)
            .filter_map(|range| str::from_utf8(range).ok()?.parse().ok())
            .filter_map(|range: Mime| Some((quality(&range)?, range)))
            .collect();
        let (page, json) = (preference(&ranges, page_specificity), preference(&ranges, json_specificity));
        let prefers_json = json.quality > 0.0 && json > page;
        // Neither is acceptable, but only the page was refused by name.
        let refuses_page = page.specificity > 0 && page.quality <= 0.0 && json.specificity == 0;
        if prefers_json || refuses_page { Self::Json } else { Self::Html }
    }
}

/// Returns the preference for a format: that of the most specific range that includes it.
fn preference(ranges: &[(f32, Mime)], specificity: impl Fn(&Mime) -> u8) -> Preference {
    let of_ranges = ranges
        .iter()
        .map(|(quality, range)| Preference { quality: *quality, specificity: specificity(range) });
    let including = of_ranges.filter(|preference| preference.specificity > 0);
    let more_specific = |one: Preference, other: Preference| {
        let is_better = (other.specificity, other.quality) > (one.specificity, one.quality);
        if is_better { other } else { one }
    };
    including.reduce(more_specific).unwrap_or_default()
}

/// Returns the quality of a range, or None if it has one that is not valid.
fn quality(range: &Mime) -> Option<f32> {
    let Some(quality) = range.get_param("q") else { return Some(1.0) };
    quality.as_str().parse().ok().filter(|quality| (0.0..=1.0).contains(quality))
}

/// Returns 3 if a range names HTML, 2 or 1 if a wildcard includes it, and 0 otherwise.
fn page_specificity(range: &Mime) -> u8 {
    match (range.type_(), range.subtype()) {
        (mime::TEXT, mime::HTML) => 3,
        (mime::TEXT, mime::STAR) => 2,
        (mime::STAR, mime::STAR) => 1,
        _ => 0,
    }
}

/// Returns 3 if a range names JSON of any kind, or server-sent events, whose data is JSON; 2 or 1 if a
/// wildcard includes it; and 0 otherwise.
fn json_specificity(range: &Mime) -> u8 {
    match (range.type_(), range.subtype()) {
        (mime::TEXT, mime::EVENT_STREAM) => 3,
        (_, subtype) if subtype == mime::JSON || range.suffix() == Some(mime::JSON) => 3,
        (mime::APPLICATION, mime::STAR) => 2,
        (mime::STAR, mime::STAR) => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn accepted(value: &str) -> Format {
        let value = HeaderValue::from_str(value).expect("a header");
        Format::accepted(&HeaderMap::from_iter([(header::ACCEPT, value)]))
    }

    #[test]
    fn the_higher_quality_wins_then_the_more_specific_range_then_the_page() {
        for json in [
            "application/json",
            "application/problem+json, application/json",
            "text/event-stream",
            "text/html;q=0.5, application/json;q=0.501",
            "*/*, application/json",
            "text/html;q=0.1, */*;q=0.2",
            "text/html;q=0",
        ] {
            assert_eq!(accepted(json), Format::Json, "{json}");
        }
        for page in [
            "*/*",
            "text/*, application/*",
            "text/html,application/xhtml+xml,application/json;q=0.9",
            "application/json, text/html",
            "application/json;q=0",
            "*/*;q=0",
            "application/json;q=1.5",
        ] {
            assert_eq!(accepted(page), Format::Html, "{page}");
        }
        assert_eq!(Format::accepted(&HeaderMap::new()), Format::Html);
    }
}
