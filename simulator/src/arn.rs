//! Amazon resource names (ARNs), and the account and region of the simulator.

use crate::api_error::ApiError;

/// The parts of `arn:aws:{service}:{region}:{account}:{kind}/{id}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    pub service: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    pub kind: &'a str,
    pub id: &'a str,
}

impl<'a> Arn<'a> {
    /// Parses an ARN; returns `None` if it does not have the format that the IVS APIs use.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.strip_prefix("arn:aws:")?.splitn(4, ':');
        let (service, region, account) = (parts.next()?, parts.next()?, parts.next()?);
        let (kind, id) = parts.next()?.split_once('/')?;
        let well_formed = is_made_of(service, |c| c.is_ascii_lowercase())
            && is_made_of(region, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && is_made_of(account, |c| c.is_ascii_digit())
            && is_made_of(kind, |c| c.is_ascii_lowercase() || c == '-')
            && is_made_of(id, |c| c.is_ascii_alphanumeric() || c == '-');
        well_formed.then_some(Self { service, region, account, kind, id })
    }
}

fn is_made_of(text: &str, allowed: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(allowed)
}

/// Returns true if the text has the format of a region, such as `us-west-2` or `us-gov-east-1`.
fn is_region(text: &str) -> bool {
    let mut parts = text.split('-');
    let is_number = parts.next_back().is_some_and(|number| is_made_of(number, |c| c.is_ascii_digit()));
    let is_area =
        parts.next().is_some_and(|area| area.len() == 2 && is_made_of(area, |c| c.is_ascii_lowercase()));
    let words: Vec<_> = parts.collect();
    is_number
        && is_area
        && !words.is_empty()
        && words.iter().all(|word| is_made_of(word, |c| c.is_ascii_lowercase()))
}

/// The AWS account and region that the simulator simulates.
#[derive(Clone, Debug)]
pub(crate) struct AccountRegion {
    pub region: String,
    pub account: String,
}

impl AccountRegion {
    /// Returns an error if the region or the account is malformed.
    pub fn validate(&self) -> Result<(), String> {
        let Self { region, account } = self;
        if !is_region(region) {
            return Err(format!("{region:?} is not an AWS region; use a region such as us-west-2"));
        }
        if account.len() != 12 || !is_made_of(account, |c| c.is_ascii_digit()) {
            return Err(format!("{account:?} is not an AWS account; use 12 digits, such as 123456789012"));
        }
        Ok(())
    }

    /// Returns the ARN of a resource in this account and region.
    pub fn arn(&self, service: &str, kind: &str, id: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{kind}/{id}", self.region, self.account)
    }

    /// Rejects an ARN of another account or region.
    ///
    /// AWS checks permissions first, so another account is denied. Another region of the same account has no
    /// such resource here.
    pub fn check(&self, arn: &str) -> Result<(), ApiError> {
        let Some(parsed) = Arn::parse(arn) else { return Err(ApiError::not_found(arn)) };
        if parsed.account != self.account {
            return Err(ApiError::access_denied(format!("User is not authorized to access resource: {arn}")));
        }
        if parsed.region != self.region {
            return Err(ApiError::not_found(arn));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_parsed_into_its_parts() {
        let arn = Arn::parse("arn:aws:ivs:us-west-2:123456789012:stream-key/Ab1").expect("an ARN");
        assert_eq!((arn.service, arn.region, arn.account), ("ivs", "us-west-2", "123456789012"));
        assert_eq!((arn.kind, arn.id), ("stream-key", "Ab1"));
    }

    #[test]
    fn a_malformed_arn_does_not_parse() {
        for text in [
            "",
            "arn",
            "arn:aws:ivs:r:1:channel",
            "arn:aws-cn:ivs:r:1:channel/a",
            "arn:aws:ivs:r:x:channel/a",
            "arn:aws:ivs:r:1:channel/",
            "arn:aws:ivs:r:1:channel/a/b",
            "arn:aws:ivs:r:1:channel/a:b",
        ] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_region_and_an_account_are_validated() {
        let check = |region: &str, account: &str| {
            AccountRegion { region: region.to_owned(), account: account.to_owned() }.validate()
        };
        for region in ["us-west-2", "ap-northeast-1", "us-gov-east-1", "mx-central-1"] {
            assert_eq!(check(region, "123456789012"), Ok(()), "{region}");
        }
        for region in [
            "",
            "mars",
            "us",
            "us-west",
            "us-2",
            "us-west-",
            "us--2",
            "US-west-2",
            "us-west-2 ",
            "europe-west-1",
        ] {
            assert!(
                check(region, "123456789012").is_err_and(|message| message.contains("such as us-west-2")),
                "{region}"
            );
        }
        for account in ["", "12345678901", "12345678901x"] {
            assert!(
                check("us-west-2", account).is_err_and(|message| message.contains("12 digits")),
                "{account}"
            );
        }
    }

    #[test]
    fn another_account_is_denied_and_another_region_is_not_found() {
        let account_region = AccountRegion { region: "us-west-2".into(), account: "123456789012".into() };
        let code = |arn| account_region.check(arn).expect_err("foreign").code;
        assert!(account_region.check("arn:aws:ivs:us-west-2:123456789012:channel/a").is_ok());
        assert_eq!(code("arn:aws:ivs:us-west-2:999999999999:channel/a"), "AccessDeniedException");
        assert_eq!(code("arn:aws:ivs:eu-west-1:123456789012:channel/a"), "ResourceNotFoundException");
    }
}
