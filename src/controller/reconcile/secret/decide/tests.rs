//! Tests of the decisions about a Secret.

use super::*;
use crate::api::test_account;

fn account() -> StreamerAccount {
    let mut account = test_account("todd", "todd");
    account.metadata.uid = Some("u-1".to_owned());
    account
}

fn channel() -> ChannelStatus {
    ChannelStatus {
        arn: "arn".to_owned(),
        ingest_endpoint: Some("abc.live-video.net".to_owned()),
        playback_url: Some("https://play".to_owned()),
        ..ChannelStatus::default()
    }
}

fn key(value: &str) -> SecretString {
    value.to_owned().into()
}

fn secret() -> Secret {
    build(&account(), &channel(), &key("sk_1"), None)
}

fn decide_on(found: &Secret) -> SecretDecision {
    decide(Some(found), &account(), &channel(), Some(&key("sk_1")))
}

/// Returns the Secret after a change.
fn changed(change: impl FnOnce(&mut Secret)) -> Secret {
    let mut secret = secret();
    change(&mut secret);
    secret
}

fn set(secret: &mut Secret, key: &str, value: &str) {
    let value = ByteString(value.as_bytes().to_vec());
    secret.data.as_mut().expect("data").insert(key.to_owned(), value);
}

fn without_owner(secret: &mut Secret) {
    secret.metadata.owner_references = None;
}

#[test]
fn a_secret_holds_all_that_an_encoder_needs_and_is_owned_by_the_account() {
    let secret = secret();
    let data = secret.data.clone().expect("data");
    assert_eq!(data["ingestUrl"].0, b"rtmps://abc.live-video.net:443/app/");
    assert_eq!(data["streamKey"].0, b"sk_1");
    assert_eq!(secret.name_any(), "todd-stream-key");
    assert_eq!(decide_on(&secret), SecretDecision::Keep);
    assert_eq!(decide(None, &account(), &channel(), None), SecretDecision::Write);
}

#[test]
fn a_different_key_or_address_is_written_and_added_keys_are_kept() {
    for name in ["streamKey", "ingestEndpoint", "ingestUrl", "playbackUrl"] {
        assert_eq!(decide_on(&changed(|secret| set(secret, name, "other"))), SecretDecision::Write, "{name}");
        let removed = changed(|secret| drop(secret.data.as_mut().expect("data").remove(name)));
        assert_eq!(decide_on(&removed), SecretDecision::Write, "{name}");
    }
    assert_eq!(decide_on(&changed(|secret| set(secret, "note", "mine"))), SecretDecision::Keep);
    let unlabelled = changed(|secret| secret.metadata.labels = None);
    assert_eq!(decide_on(&unlabelled), SecretDecision::Write);
    assert_eq!(decide_on(&changed(|secret| secret.metadata.annotations = None)), SecretDecision::Write);
}

#[test]
fn any_stream_key_counts_if_the_key_of_the_channel_is_unknown() {
    let of = |value: &str| {
        let found = changed(|secret| set(secret, "streamKey", value));
        decide(Some(&found), &account(), &channel(), None)
    };
    assert_eq!((of("sk_2"), of("")), (SecretDecision::Keep, SecretDecision::Write));
}

#[test]
fn an_immutable_secret_is_kept_if_its_data_is_correct() {
    let immutable = |change: fn(&mut Secret)| {
        decide_on(&changed(|secret| {
            secret.immutable = Some(true);
            change(secret);
        }))
    };
    assert_eq!(immutable(|_| ()), SecretDecision::Keep);
    assert_eq!(
        immutable(|secret| set(secret, "streamKey", "sk_2")),
        SecretDecision::Conflict(SecretConflict::Immutable)
    );
    // Labels, annotations and owners can be written.
    assert_eq!(immutable(|secret| secret.metadata.labels = None), SecretDecision::Write);
    assert_eq!(immutable(without_owner), SecretDecision::Adopt);
}

#[test]
fn a_secret_without_owner_is_adopted_if_label_and_channel_match() {
    assert_eq!(decide_on(&changed(without_owner)), SecretDecision::Adopt);
    let other_key = changed(|secret| {
        without_owner(secret);
        set(secret, "streamKey", "sk_2");
    });
    assert_eq!(decide_on(&other_key), SecretDecision::Adopt);
    let taken = SecretDecision::Conflict(SecretConflict::Taken);
    let unlabelled = changed(|secret| {
        without_owner(secret);
        secret.metadata.labels = None;
    });
    assert_eq!(decide_on(&unlabelled), taken);
    let other_channel = changed(|secret| {
        without_owner(secret);
        secret.annotations_mut().insert(CHANNEL_ARN_ANNOTATION.to_owned(), "other".to_owned());
    });
    assert_eq!(decide_on(&other_channel), taken);
}

#[test]
fn a_secret_without_annotation_is_adopted_if_its_addresses_match() {
    let earlier = |playback_url: &str| {
        decide_on(&changed(|secret| {
            without_owner(secret);
            secret.metadata.annotations = None;
            set(secret, "playbackUrl", playback_url);
        }))
    };
    assert_eq!(earlier("https://play"), SecretDecision::Adopt);
    assert_eq!(earlier("https://other"), SecretDecision::Conflict(SecretConflict::Taken));
}

#[test]
fn a_secret_of_another_controller_or_account_is_not_adopted() {
    let owned_by = |kind: &str, name: &str, controller: bool| {
        decide_on(&changed(|secret| {
            let owner = &mut secret.owner_references_mut()[0];
            (owner.kind, owner.name) = (kind.to_owned(), name.to_owned());
            owner.controller = controller.then_some(true);
        }))
    };
    let taken = SecretDecision::Conflict(SecretConflict::Taken);
    assert_eq!(owned_by("StreamerAccount", "another", true), taken);
    assert_eq!(owned_by("ExternalSecret", "todd", true), taken);
    assert_eq!(owned_by("ConfigMap", "todd", false), SecretDecision::Adopt);
}

#[test]
fn other_owners_of_the_secret_are_kept() {
    let found = changed(|secret| {
        let owner = &mut secret.owner_references_mut()[0];
        (owner.kind, owner.controller) = ("ConfigMap".to_owned(), None);
    });
    let owners = build(&account(), &channel(), &key("sk_1"), Some(&found)).owner_references().to_vec();
    let kinds: Vec<_> = owners.iter().map(|owner| owner.kind.as_str()).collect();
    assert_eq!(kinds, ["StreamerAccount", "ConfigMap"]);
}

#[test]
fn a_secret_of_an_earlier_object_of_the_account_is_replaced() {
    let mut again = account();
    again.metadata.uid = Some("u-2".to_owned());
    let decision = decide(Some(&secret()), &again, &channel(), Some(&key("sk_1")));
    assert_eq!(decision, SecretDecision::Write);
}
