//! The target: the AWS account and region that a controller works in.

#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use aws_config::{SdkConfig, timeout::TimeoutConfig};
use aws_types::service_config::ServiceConfigKey;

use super::{Error, Result};
use crate::{api::Arn, messages};

/// The operation that returns the AWS account of the credentials. It needs no IAM permission, and no policy
/// can deny it.
const OPERATION: &str = "GetCallerIdentity";

/// The services of IVS, as the SDK's settings name them.
const IVS_SERVICES: [&str; 3] = ["ivs", "ivschat", "IVS RealTime"];

/// The partitions other than `aws`, by the prefix of their regions' names.
const PARTITIONS: [(&str, &str); 7] = [
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-isob-", "aws-iso-b"),
    ("us-isof-", "aws-iso-f"),
    ("us-iso-", "aws-iso"),
    ("eu-isoe-", "aws-iso-e"),
    ("eusc-", "aws-eusc"),
];

/// The AWS account and region that a controller works in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// AWS partition of the region.
    pub partition: &'static str,
    /// Region.
    pub region: String,
    /// Account id; None while it is unknown.
    pub account: Option<String>,
}

impl Target {
    /// Returns the target in this region. `account`: None if it is unknown.
    #[must_use]
    pub fn new(region: &str, account: Option<String>) -> Self {
        Self { partition: partition(region), region: region.to_owned(), account }
    }

    /// Returns true if the ARN names this target's partition, region, and account. While the account is
    /// unknown, any account matches. Returns false for text that is not an ARN of IVS: its location is
    /// unknown, so nothing may be done about it.
    #[must_use]
    pub fn holds(&self, arn: &str) -> bool {
        ArnLocation::parse(arn).is_some_and(|location| {
            location.partition == self.partition
                && location.region == self.region
                && self.account.as_ref().is_none_or(|account| *account == location.account)
        })
    }

    /// Returns the same as [`Target::holds`] for an ARN in compact form.
    #[must_use]
    pub fn holds_arn(&self, arn: &Arn) -> bool {
        arn.with_text(|text| self.holds(text))
    }

    /// Returns the text for messages: `eu-west-1, account 123456789012`.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.account {
            Some(account) => format!("{}, account {account}", self.region),
            None => self.region.clone(),
        }
    }
}

/// The location that an ARN names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArnLocation<'a> {
    /// AWS partition.
    pub partition: &'a str,
    /// Region.
    pub region: &'a str,
    /// Account id.
    pub account: &'a str,
}

impl<'a> ArnLocation<'a> {
    /// Parses `arn:PARTITION:ivs:REGION:ACCOUNT:KIND/ID`, or the same of `ivschat`. Returns None for any
    /// other text.
    #[must_use]
    pub fn parse(arn: &'a str) -> Option<Self> {
        let mut parts = arn.strip_prefix("arn:")?.splitn(5, ':');
        let (partition, service) = (parts.next()?, parts.next()?);
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let is_word = |text: &str| {
            let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            !text.is_empty() && text.chars().all(allowed)
        };
        let is_well_formed = is_word(partition)
            && matches!(service, "ivs" | "ivschat")
            && is_word(region)
            && is_account(account)
            && resource.split_once('/').is_some_and(|(kind, id)| !kind.is_empty() && !id.is_empty());
        is_well_formed.then_some(Self { partition, region, account })
    }

    /// Returns the location of an ARN as a text for messages.
    #[must_use]
    pub fn describe(arn: &str) -> String {
        ArnLocation::parse(arn)
            .map_or_else(|| messages::records::UNKNOWN_LOCATION.to_owned(), |location| location.to_string())
    }
}

impl fmt::Display for ArnLocation<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, account {}", self.region, self.account)
    }
}

fn is_account(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
}

fn partition(region: &str) -> &'static str {
    let found = PARTITIONS.iter().find(|(prefix, _)| region.starts_with(prefix));
    found.map_or("aws", |(_, partition)| partition)
}

/// Returns the account id of the credentials, from AWS STS. Returns None, without a call, if IVS has a custom
/// endpoint but STS does not: the endpoint need not be AWS, and the real STS would return an unrelated
/// account.
///
/// # Errors
/// The failed call, after at most `timeout`.
pub async fn caller_account(config: &SdkConfig, timeout: Duration) -> Result<Option<String>> {
    if !is_sts_beside_ivs(config) {
        return Ok(None);
    }
    let timeouts = TimeoutConfig::builder().operation_timeout(timeout).build();
    let sts = aws_sdk_sts::config::Builder::from(config).timeout_config(timeouts).build();
    let request = aws_sdk_sts::Client::from_conf(sts).get_caller_identity();
    let identity = request.send().await.map_err(|error| Error::from_sdk(OPERATION, false, &error))?;
    match identity.account {
        Some(account) if is_account(&account) => Ok(Some(account)),
        _ => Err(Error::incomplete(OPERATION, false, "Account")),
    }
}

/// Returns true if STS and IVS are in the same place: both at AWS, or both at custom endpoints.
fn is_sts_beside_ivs(config: &SdkConfig) -> bool {
    let has_global_endpoint = config.endpoint_url().is_some();
    has_global_endpoint
        || own_endpoint(config, "STS").is_some()
        || !IVS_SERVICES.iter().any(|service| own_endpoint(config, service).is_some())
}

/// Returns the endpoint that the SDK has for this service alone, from `AWS_ENDPOINT_URL_…` or the profile.
fn own_endpoint(config: &SdkConfig, service: &str) -> Option<String> {
    let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url");
    config.service_config()?.load_config(key.build().ok()?)
}

/// Returns a text that is the same for two controllers only if they work with the same resources: AWS
/// account, region, and custom endpoints. None if the account is unknown.
#[must_use]
pub fn target_identity(target: &Target, config: &SdkConfig) -> Option<String> {
    let account = target.account.as_ref()?;
    let own = IVS_SERVICES.iter().filter_map(|service| own_endpoint(config, service));
    let endpoints = config.endpoint_url().map(str::to_owned).into_iter().chain(own);
    let location = [target.partition, &target.region, account].map(str::to_owned);
    Some(location.into_iter().chain(endpoints).collect::<Vec<_>>().join(" "))
}
