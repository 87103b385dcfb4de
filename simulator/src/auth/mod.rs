//! Authentication of requests. The Authorization header is always checked; the signature itself is verified
//! only if the simulator has credentials.

mod signature;

use std::fmt;

use axum::http::{HeaderMap, Uri};
use http_guards::fields;
use jiff::{Timestamp, civil, tz::TimeZone};

use self::signature::SignedRequest;
use crate::{api_error::ApiError, service::Service};

/// The credentials that requests must be signed with.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub access_key: String,
    pub secret_key: String,
}

impl fmt::Debug for Credentials {
    /// Omits the secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// The parts of a request that are relevant to its signature.
pub(crate) struct RequestParts<'a> {
    pub method: &'a str,
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

impl RequestParts<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        header(self.headers, name)
    }
}

/// Returns the value of a field. One that is not UTF-8, or that another line contradicts, is empty: it is
/// there, and means nothing.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = fields::single(headers, name).map(|value| str::from_utf8(value).unwrap_or_default());
    value.or_else(|| headers.contains_key(name).then_some(""))
}

/// Rejects a request that is not signed, that is signed for another service or region, or whose signature
/// does not match the credentials, if there are any.
pub(crate) fn check(
    request: &RequestParts<'_>,
    service: Service,
    region: &str,
    credentials: Option<&Credentials>,
) -> Result<(), ApiError> {
    let header = request.header("authorization");
    if header.is_none() && request.uri.query().is_some_and(|query| query.contains("X-Amz-Signature=")) {
        let message = "The simulator does not support presigned requests: the signature must be in the Authorization header";
        return Err(rejected("IncompleteSignatureException", message));
    }
    let authorization = parse_header(header)?;
    check_scope(authorization.credential, service, region)?;
    credentials.map_or(Ok(()), |credentials| verify(request, &authorization, credentials))
}

/// Returns the access key ID that a request claims to be signed with.
pub(crate) fn access_key(headers: &HeaderMap) -> Option<&str> {
    /// The maximum length of the ID; a longer one is truncated.
    const MAX_BYTES: usize = 128;
    let header = header(headers, "authorization")?;
    let (access_key, _) = split_credential(parse_header(Some(header)).ok()?.credential);
    (!access_key.is_empty()).then(|| access_key.get(..MAX_BYTES).unwrap_or(access_key))
}

/// The parts of an Authorization header.
struct Authorization<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

fn parse_header(header: Option<&str>) -> Result<Authorization<'_>, ApiError> {
    let header = header
        .ok_or_else(|| rejected("MissingAuthenticationTokenException", "Missing Authentication Token"))?;
    let incomplete = |message| rejected("IncompleteSignatureException", message);
    let Some(parts) = header.strip_prefix("AWS4-HMAC-SHA256 ") else {
        return Err(incomplete("Authorization header must begin with AWS4-HMAC-SHA256"));
    };
    let part = |name: &str| {
        let mut parts = parts.split(',').filter_map(|part| part.trim().split_once('='));
        parts.find(|(found, value)| *found == name && !value.is_empty()).map(|(_, value)| value)
    };
    let credential = part("Credential")
        .ok_or_else(|| incomplete("Authorization header requires 'Credential' parameter."))?;
    let signed_headers = part("SignedHeaders")
        .ok_or_else(|| incomplete("Authorization header requires 'SignedHeaders' parameter."))?;
    let signature = part("Signature")
        .ok_or_else(|| incomplete("Authorization header requires 'Signature' parameter."))?;
    Ok(Authorization { credential, signed_headers, signature })
}

/// Verifies that the request was signed with the credentials, and recently. This uses the system time, not
/// the simulated clock.
fn verify(
    request: &RequestParts<'_>,
    authorization: &Authorization<'_>,
    credentials: &Credentials,
) -> Result<(), ApiError> {
    let invalid = |message: &str| rejected("InvalidSignatureException", message);
    let (access_key, scope) = split_credential(authorization.credential);
    if access_key != credentials.access_key {
        let message = "The security token included in the request is invalid.";
        return Err(rejected("UnrecognizedClientException", message));
    }
    let time = request.header("x-amz-date").ok_or_else(|| {
        let message = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
        rejected("IncompleteSignatureException", message)
    })?;
    check_time(time, scope)?;
    if !authorization.signed_headers.split(';').any(|name| name == "host") {
        return Err(invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."));
    }
    let RequestParts { method, uri, headers, body } = *request;
    let signed = SignedRequest {
        method,
        uri,
        headers,
        body,
        signed_headers: authorization.signed_headers,
        time,
        scope,
    };
    if !signed.is_signed_by(&credentials.secret_key, authorization.signature) {
        return Err(invalid(
            "The request signature we calculated does not match the signature you provided. \
             Check your AWS Secret Access Key and signing method.",
        ));
    }
    Ok(())
}

/// Splits a credential into the access key ID and the scope.
fn split_credential(credential: &str) -> (&str, &str) {
    let scope = credential.rmatch_indices('/').nth(3).map_or(0, |(slash, _)| slash);
    (&credential[..scope], credential[scope..].trim_start_matches('/'))
}

fn check_time(time: &str, scope: &str) -> Result<(), ApiError> {
    /// The maximum clock skew of the caller, in seconds.
    const MAX_SKEW: i64 = 5 * 60;
    let invalid = |message: String| rejected("InvalidSignatureException", &message);
    let parsed =
        civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time).and_then(|time| time.to_zoned(TimeZone::UTC));
    let Ok(signed_at) = parsed.map(|time| time.timestamp()) else {
        let message = format!("Date must be in ISO-8601 'basic format'. Got '{time}'.");
        return Err(rejected("IncompleteSignatureException", &message));
    };
    if !scope.starts_with(&time[..8]) {
        let message =
            format!("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date: {time}");
        return Err(invalid(message));
    }
    let now = Timestamp::now();
    match signed_at.as_second() - now.as_second() {
        behind if behind < -MAX_SKEW => {
            Err(invalid(format!("Signature expired: {time} is now earlier than 5 min. before {now:.0}")))
        }
        ahead if ahead > MAX_SKEW => Err(invalid(format!(
            "Signature not yet current: {time} is still later than 5 min. after {now:.0}"
        ))),
        _ => Ok(()),
    }
}

/// Checks the scope of a credential of the form `{access key ID}/{date}/{region}/{service}/aws4_request`.
fn check_scope(credential: &str, service: Service, region: &str) -> Result<(), ApiError> {
    let invalid = |message| rejected("InvalidSignatureException", message);
    // Split from the right, because an access key ID can contain slashes.
    let mut scope = credential.rsplit('/');
    let (Some("aws4_request"), Some(signed_for), Some(signed_in), Some(_), Some(_)) =
        (scope.next(), scope.next(), scope.next(), scope.next(), scope.next())
    else {
        return Err(rejected(
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

fn rejected(code: &'static str, message: &str) -> ApiError {
    ApiError::new(code, 403, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(header: Option<&str>) -> Option<String> {
        let checked = parse_header(header)
            .and_then(|authorization| check_scope(authorization.credential, Service::IvsChat, "us-west-2"));
        checked.err().map(|failure| failure.code.into_owned())
    }

    #[test]
    fn a_credential_is_split_into_key_id_and_scope() {
        assert_eq!(split_credential("A/K/20260101/r/s/aws4_request"), ("A/K", "20260101/r/s/aws4_request"));
        assert_eq!(split_credential("x").0, "");
    }

    #[test]
    fn a_signature_must_be_recent() {
        let message = |seconds: i64| {
            let time = Timestamp::from_second(Timestamp::now().as_second() + seconds).expect("a time");
            let time = time.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
            check_time(&time, &time[..8]).err().map(|failure| failure.message)
        };
        assert_eq!((message(0), message(-290), message(290)), (None, None, None));
        assert!(message(-310).is_some_and(|text| text.starts_with("Signature expired")));
        assert!(message(310).is_some_and(|text| text.starts_with("Signature not yet current")));
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
    fn a_missing_or_malformed_header_is_rejected() {
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
    fn another_region_or_service_is_rejected() {
        for scope in ["eu-west-1/ivschat", "us-west-2/ivs"] {
            let header = format!(
                "AWS4-HMAC-SHA256 Credential=AKIA/20260101/{scope}/aws4_request, SignedHeaders=host, Signature=a"
            );
            assert_eq!(code(Some(&header)).as_deref(), Some("InvalidSignatureException"), "{scope}");
        }
    }
}
