//! Settings of the access to AWS.

use std::{num::NonZeroU32, time::Duration};

use clap::Args;

use super::values::duration;

/// Settings of the access to AWS.
#[derive(Clone, Debug, Args)]
pub struct AwsSettings {
    /// AWS region of the channels, chat rooms and stages.
    #[arg(long = "aws-region", value_name = "AWS_REGION", env = "AWS_REGION", value_parser = region)]
    pub region: String,

    /// Maximum number of AWS calls per second, for each operation. AWS allows 5 in every AWS account.
    #[arg(
        long = "aws-calls-per-second",
        value_name = "AWS_CALLS_PER_SECOND",
        env = "STREAMCAT_AWS_CALLS_PER_SECOND",
        default_value = "5"
    )]
    pub calls_per_second: NonZeroU32,

    /// Timeout of an AWS call. If a Create call times out, its outcome is unknown.
    #[arg(long = "aws-call-timeout", value_name = "AWS_CALL_TIMEOUT", env = "STREAMCAT_AWS_CALL_TIMEOUT", default_value = "10s", value_parser = duration)]
    pub call_timeout: Duration,
}

/// Parses the name of an AWS region. The SDK would use an invalid name as part of a host name.
fn region(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !text.is_empty() && text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("must be the name of an AWS region, for example eu-west-1".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_has_lower_case_letters_digits_and_hyphens() {
        assert_eq!(region("eu-west-1"), Ok("eu-west-1".to_owned()));
        for wrong in ["", " ", "eu-west-1 ", "EU-WEST-1", "eu_west_1", "eu-west-1.example.com", "eu-wést-1"]
        {
            assert!(region(wrong).is_err_and(|message| message.contains("eu-west-1")), "{wrong:?}");
        }
    }
}
