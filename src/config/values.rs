//! Values that several settings have.

use std::time::Duration;

use clap::ArgAction;

/// A setting that is yes or no: a flag, to which a value may be given (`--flag=false`), as to its variable.
pub trait YesOrNo {
    /// With this default.
    fn yes_or_no(self, default: &'static str) -> Self;
}

impl YesOrNo for clap::Arg {
    fn yes_or_no(self, default: &'static str) -> Self {
        let set = self.action(ArgAction::Set).num_args(0..=1).require_equals(true);
        set.default_value(default).default_missing_value("true").value_name("BOOL")
    }
}

/// A text that is not empty.
pub fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// A duration such as `500ms`, `10s`, `5m` or `1h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let wrong =
        || format!("{text:?} is not a duration: write a whole number and ms, s, m or h, for example 10s");
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let duration = match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60).ok_or_else(wrong)?),
        "h" => Duration::from_secs(number.checked_mul(3600).ok_or_else(wrong)?),
        _ => return Err(wrong()),
    };
    if duration.is_zero() { Err("it must be longer than nothing".to_owned()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("10m"), Ok(Duration::from_mins(10)));
        assert!(duration("10").is_err());
        assert!(duration("0s").is_err());
        assert!(duration("soon").is_err());
    }
}
