//! Sign-ins: the upgrade of outdated hashes, and the limit of failures.

use secrecy::ExposeSecret;

use super::*;
use crate::{config::PasswordSettings, store::Audit};

#[tokio::test]
async fn a_sign_in_upgrades_an_outdated_hash() {
    let backend = FakeBackend::new();
    register(&backend, "todd", "a long password").await.expect("registered");
    let (password, hash) = (SecretString::from("a long password"), backend.rows()[0].password_hash.clone());
    assert!(service(&backend).authenticate("todd", &password, None).await.expect("a result").is_some());
    assert_eq!(
        exposed(hash.as_ref()),
        exposed(backend.rows()[0].password_hash.as_ref()),
        "the hash is current"
    );

    let settings = PasswordSettings { memory_kib: 16, passes: 1, lanes: 1 };
    let stronger = RegistrationService {
        passwords: Passwords::new(&settings).expect("parameters"),
        ..service(&backend)
    };
    assert!(
        stronger.authenticate("todd", &SecretString::from("wrong"), None).await.expect("a result").is_none()
    );
    assert_eq!(exposed(hash.as_ref()), exposed(backend.rows()[0].password_hash.as_ref()));
    for _ in 0..2 {
        assert!(stronger.authenticate("todd", &password, None).await.expect("a result").is_some());
        let hash = exposed(backend.rows()[0].password_hash.as_ref());
        assert!(hash.contains("m=16,t=1,p=1"), "{hash}");
    }
}

#[tokio::test]
async fn concurrent_sign_ins_upgrade_a_hash_consistently() {
    let backend = FakeBackend::new();
    register(&backend, "todd", "a long password").await.expect("registered");
    let settings = PasswordSettings { memory_kib: 16, passes: 1, lanes: 1 };
    let stronger = RegistrationService {
        passwords: Passwords::new(&settings).expect("parameters"),
        ..service(&backend)
    };
    let password = SecretString::from("a long password");
    let sign_in = || stronger.authenticate("todd", &password, None);
    let (one, other, third) = tokio::join!(sign_in(), sign_in(), sign_in());
    for signed_in in [one, other, third] {
        let signed_in = signed_in.expect("a result").expect("signed in");
        assert_eq!(
            exposed(signed_in.password_hash.as_ref()),
            exposed(backend.rows()[0].password_hash.as_ref())
        );
    }
}

#[tokio::test]
async fn unknown_addresses_can_use_up_only_half_of_the_failure_limit() {
    const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
    let backend = FakeBackend::new();
    register(&backend, "todd", "a long password").await.expect("registered");
    let strict_service = RegistrationService {
        max_failures_per_hour: NonZeroU32::new(4).expect("not zero"),
        ..service(&backend)
    };
    let password = SecretString::from("a long password");
    let sign_in = async |from| strict_service.authenticate("todd", &password, from).await;
    let is_limited =
        |signed_in| matches!(signed_in, Err(RegistrationError::TooManyFailures(seconds)) if seconds > 0);
    let fail_twice = async |address| {
        let entry = AuditEntry { event: AuditEvent::SignInFailed, username: "todd", address };
        backend.note(&entry).await.expect("noted");
        assert!(
            matches!(strict_service.authenticate("todd", &password, Some(HERE)).await, Ok(Some(_))),
            "signed in again"
        );
        backend.note(&entry).await.expect("noted");
    };
    fail_twice(ELSEWHERE).await;
    assert!(
        is_limited(sign_in(Some(ELSEWHERE)).await),
        "an unknown address is limited even with the correct password"
    );
    let again = Applicant { address: ELSEWHERE, ..applicant("todd", "a long password") };
    assert!(matches!(strict_service.register(&again).await, Err(RegistrationError::TooManyFailures(_))));
    assert!(matches!(sign_in(Some(HERE)).await, Ok(Some(_))), "Todd has registered from here");
    assert!(matches!(sign_in(None).await, Ok(Some(_))), "signed in");

    fail_twice(HERE).await;
    assert!(is_limited(sign_in(Some(HERE)).await) && is_limited(sign_in(None).await));
}

fn exposed(hash: Option<&SecretString>) -> String {
    hash.expect("a hash").expose_secret().to_owned()
}
