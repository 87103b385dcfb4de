//! Durations in human-readable form: `200ms`, `1.5s`, `1h30m`, `720d`.

use std::time::Duration;

const UNITS: &[(&str, f64)] = &[
    ("ms", 0.001),
    ("us", 0.000_001),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
    ("w", 604_800.0),
];

/// Parses a duration such as `200ms`, `1.5s`, `1h30m` or `720d`.
///
/// # Errors
/// Returns a message if the text is not a duration.
pub fn parse(text: &str) -> Result<Duration, String> {
    let seconds = seconds(text.trim()).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| format!("{text:?} is not a duration, such as 200ms or 1s"))
}

fn seconds(mut text: &str) -> Option<f64> {
    if text == "0" {
        return Some(0.0);
    }
    let mut sum = None;
    while !text.is_empty() {
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|digits| *digits > 0)?;
        let (number, rest) = text.split_at(digits);
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (unit, rest) = rest.split_at(letters);
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        sum = Some(sum.unwrap_or(0.0) + number.parse::<f64>().ok()? * factor);
        text = rest.trim_start();
    }
    sum
}

/// Formats a duration in the largest unit that needs no fraction. The result can be parsed again.
pub(crate) fn format(duration: Duration) -> String {
    let micros = duration.as_micros();
    let units =
        [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1000)];
    let unit = units.into_iter().find(|(_, size)| micros > 0 && micros.is_multiple_of(*size));
    match unit {
        _ if micros == 0 => "0ms".to_owned(),
        Some((unit, size)) => format!("{}{unit}", micros / size),
        None => format!("{micros}us"),
    }
}

/// Serialization in this form, for `#[serde(with = "duration::human_readable")]`.
pub(crate) mod human_readable {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::format(*duration))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        super::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed_and_formatted() {
        for (text, micros) in [
            ("200ms", 200_000),
            ("1.5s", 1_500_000),
            ("1h30m", 5_400_000_000),
            ("720d", 62_208_000_000_000),
            ("0", 0),
        ] {
            let duration = parse(text).expect("a duration");
            assert_eq!(duration, Duration::from_micros(micros), "{text}");
            assert_eq!(parse(&format(duration)), Ok(duration), "{text}");
        }
        assert_eq!((format(Duration::from_hours(48)), format(Duration::ZERO)), ("2d".into(), "0ms".into()));
        for wrong in ["", "soon", "-1s", "1", "s", "1 s x", "1e9d", "1..2s", "99999999999999999999w"] {
            assert!(parse(wrong).is_err_and(|error| error.contains("not a duration")), "{wrong}");
        }
    }
}
