//! Amazon resource names, and the region and account that they must be of.

use crate::error::Failure;

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
    /// Takes a name apart; `None` if it is not an ARN of the form that the IVS APIs use.
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

/// Words and a number, such as `us-west-2` or `us-gov-east-1`.
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

/// The region and account that the simulator stands for.
#[derive(Clone, Debug)]
pub(crate) struct AccountRegion {
    pub region: String,
    pub account: String,
}

impl AccountRegion {
    /// Says what has not the form of a region or an account.
    pub fn check_form(&self) -> Result<(), String> {
        let Self { region, account } = self;
        if !is_region(region) {
            return Err(format!("{region:?} is no AWS region: give one such as us-west-2"));
        }
        if account.len() != 12 || !is_made_of(account, |c| c.is_ascii_digit()) {
            return Err(format!("{account:?} is no AWS account: give 12 digits, such as 123456789012"));
        }
        Ok(())
    }

    /// The name of a resource of this account and region.
    pub fn arn(&self, service: &str, kind: &str, id: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{kind}/{id}", self.region, self.account)
    }

    /// Refuses the name of another account or region. AWS looks at permissions first, so a foreign account is denied;
    /// another region of one's own account simply has no such resource here.
    pub fn check(&self, arn: &str) -> Result<(), Failure> {
        let Some(parsed) = Arn::parse(arn) else { return Err(Failure::not_found(arn)) };
        if parsed.account != self.account {
            return Err(Failure::access_denied(format!("User is not authorized to access resource: {arn}")));
        }
        if parsed.region != self.region {
            return Err(Failure::not_found(arn));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_taken_apart() {
        let arn = Arn::parse("arn:aws:ivs:us-west-2:123456789012:stream-key/Ab1").expect("an ARN");
        assert_eq!((arn.service, arn.region, arn.account), ("ivs", "us-west-2", "123456789012"));
        assert_eq!((arn.kind, arn.id), ("stream-key", "Ab1"));
    }

    #[test]
    fn what_is_not_an_arn_is_refused() {
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
    fn a_place_has_the_form_of_a_region_and_an_account() {
        let check = |region: &str, account: &str| {
            AccountRegion { region: region.to_owned(), account: account.to_owned() }.check_form()
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
                check(region, "123456789012").is_err_and(|said| said.contains("such as us-west-2")),
                "{region}"
            );
        }
        for account in ["", "12345678901", "12345678901x"] {
            assert!(check("us-west-2", account).is_err_and(|said| said.contains("12 digits")), "{account}");
        }
    }

    #[test]
    fn another_account_is_denied_and_another_region_has_nothing() {
        let account_region = AccountRegion { region: "us-west-2".into(), account: "123456789012".into() };
        let code = |arn| account_region.check(arn).expect_err("foreign").code;
        assert!(account_region.check("arn:aws:ivs:us-west-2:123456789012:channel/a").is_ok());
        assert_eq!(code("arn:aws:ivs:us-west-2:999999999999:channel/a"), "AccessDeniedException");
        assert_eq!(code("arn:aws:ivs:eu-west-1:123456789012:channel/a"), "ResourceNotFoundException");
    }
}
