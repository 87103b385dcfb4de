//! What AWS looks at in the Authorization header. The signature itself is verified if the simulator knows a secret.

mod signature;

use std::fmt;

use axum::http::{HeaderMap, Uri};
use jiff::{Timestamp, civil, tz::TimeZone};

use self::signature::Signed;
use crate::{error::Failure, operation::Service};

/// The one access key that the simulator knows.
#[derive(Clone)]
pub(crate) struct Keys {
    pub access_key: String,
    pub secret_key: String,
}

impl fmt::Debug for Keys {
    /// Without the secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Keys").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// A request, as far as its signature goes.
pub(crate) struct Request<'a> {
    pub method: &'a str,
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

impl Request<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Refuses a request that is not signed, or not signed for this service and region, or not with the keys, if there are any.
pub(crate) fn check(
    request: &Request<'_>,
    service: Service,
    region: &str,
    keys: Option<&Keys>,
) -> Result<(), Failure> {
    let header = request.header("authorization");
    if header.is_none() && request.uri.query().is_some_and(|query| query.contains("X-Amz-Signature=")) {
        let message =
            "The simulator takes no presigned requests: the signature must be in the Authorization header";
        return Err(refused("IncompleteSignatureException", message));
    }
    let claim = claim(header)?;
    check_scope(claim.credential, service, region)?;
    keys.map_or(Ok(()), |keys| verify(request, &claim, keys))
}

/// The access key that a request says it is signed with.
pub(crate) fn access_key(headers: &HeaderMap) -> Option<&str> {
    /// Of a longer one no more is kept.
    const LONGEST: usize = 128;
    let header = headers.get("authorization")?.to_str().ok();
    let (access_key, _) = scoped(claim(header).ok()?.credential);
    (!access_key.is_empty()).then(|| access_key.get(..LONGEST).unwrap_or(access_key))
}

/// What an Authorization header says.
struct Claim<'a> {
    credential: &'a str,
    names: &'a str,
    signature: &'a str,
}

fn claim(header: Option<&str>) -> Result<Claim<'_>, Failure> {
    let header = header
        .ok_or_else(|| refused("MissingAuthenticationTokenException", "Missing Authentication Token"))?;
    let incomplete = |message| refused("IncompleteSignatureException", message);
    let Some(parts) = header.strip_prefix("AWS4-HMAC-SHA256 ") else {
        return Err(incomplete("Authorization header must begin with AWS4-HMAC-SHA256"));
    };
    let part = |name: &str| {
        let mut parts = parts.split(',').filter_map(|part| part.trim().split_once('='));
        parts.find(|(found, value)| *found == name && !value.is_empty()).map(|(_, value)| value)
    };
    let credential = part("Credential")
        .ok_or_else(|| incomplete("Authorization header requires 'Credential' parameter."))?;
    let names = part("SignedHeaders")
        .ok_or_else(|| incomplete("Authorization header requires 'SignedHeaders' parameter."))?;
    let signature = part("Signature")
        .ok_or_else(|| incomplete("Authorization header requires 'Signature' parameter."))?;
    Ok(Claim { credential, names, signature })
}

/// Whether the request is signed with the keys, and now. It is the real time that counts, whatever the clock is moved to.
fn verify(request: &Request<'_>, claim: &Claim<'_>, keys: &Keys) -> Result<(), Failure> {
    let invalid = |message: &str| refused("InvalidSignatureException", message);
    let (access_key, scope) = scoped(claim.credential);
    if access_key != keys.access_key {
        let message = "The security token included in the request is invalid.";
        return Err(refused("UnrecognizedClientException", message));
    }
    let time = request.header("x-amz-date").ok_or_else(|| {
        let message = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
        refused("IncompleteSignatureException", message)
    })?;
    check_time(time, scope)?;
    if !claim.names.split(';').any(|name| name == "host") {
        return Err(invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."));
    }
    let Request { method, uri, headers, body } = *request;
    let signed = Signed { method, uri, headers, body, names: claim.names, time, scope };
    if !signed.is_signed_by(&keys.secret_key, claim.signature) {
        return Err(invalid(
            "The request signature we calculated does not match the signature you provided. \
             Check your AWS Secret Access Key and signing method.",
        ));
    }
    Ok(())
}

/// The access key and the scope of a credential.
fn scoped(credential: &str) -> (&str, &str) {
    let scope = credential.rmatch_indices('/').nth(3).map_or(0, |(slash, _)| slash);
    (&credential[..scope], credential[scope..].trim_start_matches('/'))
}

fn check_time(time: &str, scope: &str) -> Result<(), Failure> {
    /// How far the caller's clock may be from ours, in seconds.
    const SKEW: i64 = 5 * 60;
    let invalid = |message: String| refused("InvalidSignatureException", &message);
    let parsed =
        civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time).and_then(|time| time.to_zoned(TimeZone::UTC));
    let Ok(signed_at) = parsed.map(|time| time.timestamp()) else {
        let message = format!("Date must be in ISO-8601 'basic format'. Got '{time}'.");
        return Err(refused("IncompleteSignatureException", &message));
    };
    if !scope.starts_with(&time[..8]) {
        let message =
            format!("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date: {time}");
        return Err(invalid(message));
    }
    let now = Timestamp::now();
    match signed_at.as_second() - now.as_second() {
        behind if behind < -SKEW => {
            Err(invalid(format!("Signature expired: {time} is now earlier than 5 min. before {now:.0}")))
        }
        ahead if ahead > SKEW => Err(invalid(format!(
            "Signature not yet current: {time} is still later than 5 min. after {now:.0}"
        ))),
        _ => Ok(()),
    }
}

/// The credential is `{access key}/{date}/{region}/{service}/aws4_request`.
fn check_scope(credential: &str, service: Service, region: &str) -> Result<(), Failure> {
    let invalid = |message| refused("InvalidSignatureException", message);
    // From the right: an access key is free to have slashes in it.
    let mut scope = credential.rsplit('/');
    let (Some("aws4_request"), Some(signed_for), Some(signed_in), Some(_), Some(_)) =
        (scope.next(), scope.next(), scope.next(), scope.next(), scope.next())
    else {
        return Err(refused(
            "IncompleteSignatureException",
            "Credential is not scoped as AWS Signature Version 4 asks",
        ));
    };
    if signed_in != region {
        return Err(invalid(&format!(
            "Credential should be scoped to a valid region, not '{signed_in}': this simulator is {region}."
        )));
    }
    if signed_for != service.signing_name() {
        return Err(invalid(&format!(
            "Credential should be scoped to correct service: '{}'.",
            service.signing_name()
        )));
    }
    Ok(())
}

fn refused(code: &'static str, message: &str) -> Failure {
    Failure::new(code, 403, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(header: Option<&str>) -> Option<String> {
        let checked =
            claim(header).and_then(|claim| check_scope(claim.credential, Service::IvsChat, "us-west-2"));
        checked.err().map(|failure| failure.code.into_owned())
    }

    #[test]
    fn a_credential_is_a_key_and_a_scope() {
        assert_eq!(scoped("A/K/20260101/r/s/aws4_request"), ("A/K", "20260101/r/s/aws4_request"));
        assert_eq!(scoped("x").0, "");
    }

    #[test]
    fn the_time_must_be_about_now() {
        let said = |seconds: i64| {
            let time = Timestamp::from_second(Timestamp::now().as_second() + seconds).expect("a time");
            let time = time.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
            check_time(&time, &time[..8]).err().map(|failure| failure.message)
        };
        assert_eq!((said(0), said(-290), said(290)), (None, None, None));
        assert!(said(-310).is_some_and(|message| message.starts_with("Signature expired")));
        assert!(said(310).is_some_and(|message| message.starts_with("Signature not yet current")));
        assert!(check_time("20260101T000000Z", "20260102").is_err() && check_time("yesterday", "").is_err());
    }

    #[test]
    fn a_signed_request_passes() {
        let header = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-west-2/ivschat/aws4_request, \
                      SignedHeaders=host;x-amz-date, Signature=abc";
        assert_eq!(code(Some(header)), None);
        assert_eq!(code(Some(&header.replace(", ", ","))), None);
    }

    #[test]
    fn what_is_missing_or_malformed_is_said() {
        assert_eq!(code(None).as_deref(), Some("MissingAuthenticationTokenException"));
        let scope = "Credential=AKIA/20260101/us-west-2/ivschat/aws4_request";
        for header in [
            String::new(),
            "Bearer x".to_owned(),
            format!("AWS4-HMAC-SHA256 {scope}"),
            format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature="),
            "AWS4-HMAC-SHA256 Credential=AKIA, SignedHeaders=host, Signature=a".to_owned(),
        ] {
            assert_eq!(code(Some(&header)).as_deref(), Some("IncompleteSignatureException"), "{header}");
        }
    }

    #[test]
    fn another_region_or_service_is_refused() {
        for scope in ["eu-west-1/ivschat", "us-west-2/ivs"] {
            let header = format!(
                "AWS4-HMAC-SHA256 Credential=AKIA/20260101/{scope}/aws4_request, SignedHeaders=host, Signature=a"
            );
            assert_eq!(code(Some(&header)).as_deref(), Some("InvalidSignatureException"), "{scope}");
        }
    }
}
