//! What AWS looks at in the Authorization header. The signature itself is not checked.

use crate::{error::Failure, operation::Service};

/// Refuses a request that is not signed, or not signed for this service and region.
pub(crate) fn check(header: Option<&str>, service: Service, region: &str) -> Result<(), Failure> {
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
    part("SignedHeaders")
        .ok_or_else(|| incomplete("Authorization header requires 'SignedHeaders' parameter."))?;
    part("Signature").ok_or_else(|| incomplete("Authorization header requires 'Signature' parameter."))?;
    check_scope(credential, service, region)
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
        check(header, Service::IvsChat, "us-west-2").err().map(|failure| failure.code.into_owned())
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
