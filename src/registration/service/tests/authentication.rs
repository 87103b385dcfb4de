//! Whether a password is a user's.

use secrecy::ExposeSecret;

use super::*;
use crate::{config::PasswordSettings, store::Audit};

#[tokio::test]
async fn a_sign_in_hashes_the_password_anew_when_a_hash_has_become_more_work() {
    let world = World::empty();
    register(&world, "todd", "a long password").await.expect("registered");
    let (password, hash) = (SecretString::from("a long password"), world.rows()[0].password_hash.clone());
    assert!(registrar(&world).prove("todd", &password, None).await.expect("told").is_some());
    assert_eq!(exposed(hash.as_ref()), exposed(world.rows()[0].password_hash.as_ref()), "it is as new");

    let settings = PasswordSettings { memory_kib: 16, passes: 1, lanes: 1 };
    let stronger =
        Registering { passwords: Passwords::new(&settings).expect("parameters"), ..registrar(&world) };
    assert!(stronger.prove("todd", &SecretString::from("wrong"), None).await.expect("told").is_none());
    assert_eq!(exposed(hash.as_ref()), exposed(world.rows()[0].password_hash.as_ref()));
    for _ in 0..2 {
        assert!(stronger.prove("todd", &password, None).await.expect("told").is_some());
        let hash = exposed(world.rows()[0].password_hash.as_ref());
        assert!(hash.contains("m=16,t=1,p=1"), "{hash}");
    }
}

#[tokio::test]
async fn of_sign_ins_that_hash_the_password_anew_at_the_same_time_each_goes_on_with_the_hash_that_is_there() {
    let world = World::empty();
    register(&world, "todd", "a long password").await.expect("registered");
    let settings = PasswordSettings { memory_kib: 16, passes: 1, lanes: 1 };
    let stronger =
        Registering { passwords: Passwords::new(&settings).expect("parameters"), ..registrar(&world) };
    let password = SecretString::from("a long password");
    let prove = || stronger.prove("todd", &password, None);
    let (one, other, third) = tokio::join!(prove(), prove(), prove());
    for proved in [one, other, third] {
        let proved = proved.expect("told").expect("proved");
        assert_eq!(exposed(proved.password_hash.as_ref()), exposed(world.rows()[0].password_hash.as_ref()));
    }
}

#[tokio::test]
async fn strangers_use_up_half_of_the_wrong_passwords_and_keep_nobody_out() {
    const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
    let world = World::empty();
    register(&world, "todd", "a long password").await.expect("registered");
    let few = Registering { most_failures: NonZeroU32::new(4).expect("not zero"), ..registrar(&world) };
    let password = SecretString::from("a long password");
    let prove = async |from| few.prove("todd", &password, from).await;
    let is_limited = |proved| matches!(proved, Err(Refusal::Guessed(seconds)) if seconds > 0);
    let fail_twice = async |address| {
        let entry = AuditEntry { event: AuditEvent::SignInFailed, username: "todd", address };
        world.note(&entry).await.expect("noted");
        assert!(matches!(few.prove("todd", &password, Some(HERE)).await, Ok(Some(_))), "once more");
        world.note(&entry).await.expect("noted");
    };
    fail_twice(ELSEWHERE).await;
    assert!(is_limited(prove(Some(ELSEWHERE)).await), "the right password tells a stranger nothing");
    let again = Applicant { address: ELSEWHERE, ..applicant("todd", "a long password") };
    assert!(matches!(few.register(&again).await, Err(Refusal::Guessed(_))));
    assert!(matches!(prove(Some(HERE)).await, Ok(Some(_))), "here Todd has registered");
    assert!(matches!(prove(None).await, Ok(Some(_))), "signed in");

    fail_twice(HERE).await;
    assert!(is_limited(prove(Some(HERE)).await) && is_limited(prove(None).await));
}

fn exposed(hash: Option<&SecretString>) -> String {
    hash.expect("a hash").expose_secret().to_owned()
}
