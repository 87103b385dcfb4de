//! Value parsers that several settings use.

use std::time::Duration;

use clap::ArgAction;

/// A boolean setting: a flag with an optional value (`--flag=false`), and a variable with the same values.
pub trait YesOrNo {
    /// Makes the argument a boolean with this default.
    fn yes_or_no(self, default: &'static str) -> Self;
}

impl YesOrNo for clap::Arg {
    fn yes_or_no(self, default: &'static str) -> Self {
        let set = self.action(ArgAction::Set).num_args(0..=1).require_equals(true);
        set.default_value(default).default_missing_value("true").value_name("BOOL")
    }
}

/// Parses a text that is not empty.
pub fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// Parses a duration such as `500ms`, `10s`, `5m` or `1h`. It must be longer than zero.
pub fn duration(text: &str) -> Result<Duration, String> {
    let duration = duration_or_zero(text)?;
    if duration.is_zero() { Err("must be greater than zero".to_owned()) } else { Ok(duration) }
}

/// Parses a duration that may be zero, such as `0s`.
pub fn duration_or_zero(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let wrong = || {
        format!(
            "{text:?} is not a duration: specify a whole number followed by ms, s, m or h, for example 10s"
        )
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.checked_mul(60).ok_or_else(wrong)?)),
        "h" => Ok(Duration::from_secs(number.checked_mul(3600).ok_or_else(wrong)?)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_a_positive_number_with_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("10m"), Ok(Duration::from_mins(10)));
        assert!(duration("10").is_err());
        assert!(duration("0s").is_err());
        assert_eq!(duration_or_zero("0s"), Ok(Duration::ZERO));
        assert!(duration("soon").is_err());
    }
}
