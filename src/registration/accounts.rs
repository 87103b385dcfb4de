//! The cluster's side: accounts are made, read and deleted, and the Secret with a stream key is read, nothing else; and what a failed call means for what was made.

use std::{io, time::Duration};

use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, Config,
    api::{DeleteParams, ObjectMeta, PostParams, Preconditions},
    core::Status,
};
use secrecy::SecretString;

use crate::api::USER_ID_ANNOTATION;
use crate::api::{
    ChannelSpec, ChatRoomSpec, DeletionPolicy, RecreatePolicy, StageSpec, StreamerAccount,
    StreamerAccountSpec,
};
use crate::failpoint::effect;
use crate::store::Registrant;

/// How long one call may take: a person waits for it.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long connecting may take: shorter, so that "nobody there" is told from "no answer".
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Name of an account that is looked for to see whether we may look.
const PROBE: &str = "streamcat-readiness-probe";

/// Why a call to the API server did not succeed, by what is known of its effect.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An object of this name is there already.
    #[error("the object exists already")]
    AlreadyExists,
    /// As many accounts are there as a ResourceQuota allows: nothing was made.
    #[error("no room: {0}")]
    NoRoom(String),
    /// The API server has refused: nothing was made, and asking again will not help.
    #[error("the API server refused: {0}")]
    Refused(String),
    /// The API server was not there, or has not taken the call: nothing was made.
    #[error("the API server is not reachable: {0}")]
    Away(String),
    /// The call ended without an answer: it may have been carried out.
    #[error("no answer from the API server: {0}")]
    Unclear(String),
}

/// The accounts, as the registration sees them.
pub trait Accounts: Send + Sync + 'static {
    /// The account of this name.
    fn account(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = Result<Option<StreamerAccount>, Error>> + Send;

    /// Makes an account; the name and namespace are its own.
    fn create(&self, account: &StreamerAccount) -> impl Future<Output = Result<(), Error>> + Send;

    /// Asks for the deletion of this very object; one that is gone already is deleted.
    fn delete(&self, account: &StreamerAccount) -> impl Future<Output = Result<(), Error>> + Send;

    /// The stream key of an account, from the Secret that its status names and that goes with it.
    fn stream_key(
        &self,
        account: &StreamerAccount,
    ) -> impl Future<Output = Result<Option<SecretString>, Error>> + Send;
}

/// The account of a user: with everything as AWS has it by default.
#[must_use]
pub fn account_of(registrant: &Registrant) -> StreamerAccount {
    let spec = StreamerAccountSpec {
        username: registrant.username.clone(),
        channel: ChannelSpec::default(),
        chat_room: ChatRoomSpec::default(),
        stage: StageSpec::default(),
        tags: std::collections::BTreeMap::new(),
        deletion_policy: DeletionPolicy::default(),
        recreate_policy: RecreatePolicy::default(),
    };
    let metadata = ObjectMeta {
        name: Some(registrant.account_name.clone()),
        namespace: Some(registrant.account_namespace.clone()),
        annotations: Some([(USER_ID_ANNOTATION.to_owned(), registrant.id.to_string())].into()),
        ..ObjectMeta::default()
    };
    StreamerAccount { metadata, spec, status: None }
}

/// Whose an account is that has the name of a registrant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// The registrant's.
    Theirs,
    /// It was made for the registrant, whose row names an earlier object: the registrant's once the controller has handed the
    /// user on to it. Until then nothing of it is shown, and it is not deleted.
    Successor,
    /// Somebody else's.
    Anothers,
}

impl Ownership {
    /// What identifies an account is the UID of its object, which nobody can copy or drop. The annotation helps where the row names
    /// no object yet, or one that is gone.
    #[must_use]
    pub fn of(account: &StreamerAccount, registrant: &Registrant) -> Self {
        let is_recorded = registrant.account_uid.is_some();
        if is_recorded && registrant.account_uid == account.metadata.uid {
            return Self::Theirs;
        }
        match (names(account, registrant), is_recorded) {
            (true, false) => Self::Theirs,
            (true, true) => Self::Successor,
            (false, _) => Self::Anothers,
        }
    }
}

/// Whether the account says that it was made for this user.
fn names(account: &StreamerAccount, registrant: &Registrant) -> bool {
    let annotations = account.metadata.annotations.as_ref();
    annotations
        .and_then(|annotations| annotations.get(USER_ID_ANNOTATION))
        .is_some_and(|id| *id == registrant.id.to_string())
}

/// The real cluster.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
}

impl Cluster {
    /// A client for the cluster that kubectl would use, or the one this pod runs in. Nothing is called yet.
    ///
    /// # Errors
    /// What is wrong with KUBECONFIG or the service account, in one line.
    pub async fn new() -> Result<Self, String> {
        let mut config = Config::infer().await.map_err(|error| error.to_string())?;
        // A retry behind our back would hide an unclear end, and keep a person waiting for minutes.
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.read_timeout = None;
        config.write_timeout = None;
        let client = Client::try_from(config).map_err(|error| error.to_string())?;
        Ok(Self { client })
    }

    /// Whether accounts can be read in this namespace: the API server is there, knows us and knows accounts.
    ///
    /// # Errors
    /// What is missing.
    pub async fn check(&self, namespace: &str) -> Result<(), Error> {
        match within_timeout(self.api(namespace).get(PROBE)).await {
            Ok(_) => Ok(()),
            // Without the CustomResourceDefinition the path itself is not found, and no name is given.
            Err(kube::Error::Api(status)) if status.is_not_found() && names_an_object(&status) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Err(Error::Refused(
                "it does not know StreamerAccounts: apply the CustomResourceDefinition".to_owned(),
            )),
            Err(error) => Err(classify(&error)),
        }
    }

    fn api(&self, namespace: &str) -> Api<StreamerAccount> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

impl Accounts for Cluster {
    async fn account(&self, namespace: &str, name: &str) -> Result<Option<StreamerAccount>, Error> {
        match within_timeout(self.api(namespace).get(name)).await {
            Ok(account) => Ok(Some(account)),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
            Err(error) => Err(classify(&error)),
        }
    }

    async fn create(&self, account: &StreamerAccount) -> Result<(), Error> {
        let api = self.api(account.metadata.namespace.as_deref().unwrap_or_default());
        let params = PostParams::default();
        let create = effect("create_account", api.create(&params, account));
        match within_timeout(create).await {
            Ok(_) => Ok(()),
            Err(error) => Err(classify(&error)),
        }
    }

    async fn delete(&self, account: &StreamerAccount) -> Result<(), Error> {
        let api = self.api(account.metadata.namespace.as_deref().unwrap_or_default());
        let preconditions = Preconditions { uid: account.metadata.uid.clone(), resource_version: None };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let name = account.metadata.name.as_deref().unwrap_or_default();
        let delete = effect("delete_account", api.delete(name, &params));
        match within_timeout(delete).await {
            Ok(_) => Ok(()),
            // Gone, or another object has the name by now.
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
            Err(error) => Err(classify(&error)),
        }
    }

    async fn stream_key(&self, account: &StreamerAccount) -> Result<Option<SecretString>, Error> {
        let channel = account.status.as_ref().and_then(|status| status.channel.as_ref());
        let Some(name) = channel.and_then(|channel| channel.stream_key_secret_name.as_deref()) else {
            return Ok(None);
        };
        let namespace = account.metadata.namespace.as_deref().unwrap_or_default();
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        match within_timeout(secrets.get(name)).await {
            Ok(secret) => Ok(stream_key_in(&secret, account)),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
            Err(error) => Err(classify(&error)),
        }
    }
}

/// The value of the Secret's key `streamKey`, if the Secret is owned by this very object.
fn stream_key_in(secret: &Secret, account: &StreamerAccount) -> Option<SecretString> {
    let owners = secret.metadata.owner_references.as_deref().unwrap_or_default();
    let owned = owners.iter().any(|owner| Some(&owner.uid) == account.metadata.uid.as_ref());
    let value = secret.data.as_ref()?.get("streamKey").filter(|value| owned && !value.0.is_empty())?;
    Some(String::from_utf8(value.0.clone()).ok()?.into())
}

/// A call that takes too long ends as one whose connection broke: without an answer.
async fn within_timeout<T>(call: impl Future<Output = kube::Result<T>>) -> kube::Result<T> {
    let slow = || kube::Error::Service("timed out after it was sent".into());
    tokio::time::timeout(CALL_TIMEOUT, call).await.unwrap_or_else(|_| Err(slow()))
}

fn names_an_object(status: &Status) -> bool {
    status.details.as_ref().is_some_and(|details| !details.name.is_empty())
}

fn classify(error: &kube::Error) -> Error {
    match error {
        kube::Error::Api(status) if status.is_already_exists() => Error::AlreadyExists,
        kube::Error::Api(status) => classify_status(status),
        kube::Error::BuildRequest(_) | kube::Error::Auth(_) => Error::Refused(error.to_string()),
        _ if never_connected(error) => Error::Away(innermost(error)),
        _ => Error::Unclear(innermost(error)),
    }
}

/// A refusal says that nothing was made; a server's own failure may come after the object was stored.
fn classify_status(status: &Status) -> Error {
    let text = format!("{} ({} {})", status.message, status.code, status.reason);
    match status.code {
        // The admission plugin says so in words only.
        403 if status.message.contains("exceeded quota") => Error::NoRoom(text),
        // A quota that is counted for several at the same time: nothing was made, and another try may get through.
        409 | 429 => Error::Away(text),
        408 => Error::Unclear(text),
        400..=499 => Error::Refused(text),
        _ => Error::Unclear(text),
    }
}

/// Whether the call was never sent. A time-out in the chain is that of connecting: no other is set in the client.
fn never_connected(error: &kube::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable, TimedOut};
    let not_there =
        |kind| matches!(kind, ConnectionRefused | HostUnreachable | NetworkUnreachable | TimedOut);
    chain(error).any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|cause| not_there(cause.kind())))
}

fn innermost(error: &kube::Error) -> String {
    chain(error).last().map_or_else(String::new, ToString::to_string)
}

fn chain<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(code: u16, reason: &str) -> Error {
        classify(&kube::Error::Api(Status::failure("words", reason).with_code(code).boxed()))
    }

    fn broke(kind: io::ErrorKind) -> Error {
        classify(&kube::Error::Service(Box::new(io::Error::from(kind))))
    }

    /// Mary, whose row names the object of this UID.
    fn mary(account_uid: Option<&str>) -> Registrant {
        Registrant {
            id: uuid::Uuid::from_u128(1),
            username: "mary".to_owned(),
            password_hash: None,
            account_namespace: "default".to_owned(),
            account_name: "mary".to_owned(),
            account_uid: account_uid.map(str::to_owned),
            key: None,
            open: false,
            delete_requested: false,
            fencing_token: 1,
        }
    }

    fn ownership(row: Option<&str>, uid: &str, is_annotated: bool) -> Ownership {
        let mut account = account_of(&mary(None));
        account.metadata.uid = Some(uid.to_owned());
        if !is_annotated {
            account.metadata.annotations = None;
        }
        Ownership::of(&account, &mary(row))
    }

    #[test]
    fn the_recorded_uid_identifies_an_account_whatever_its_annotations_say() {
        assert_eq!(ownership(Some("u-1"), "u-1", true), Ownership::Theirs);
        assert_eq!(ownership(Some("u-1"), "u-1", false), Ownership::Theirs);
    }

    #[test]
    fn the_annotation_identifies_an_account_only_until_a_uid_is_recorded() {
        assert_eq!(ownership(None, "u-1", true), Ownership::Theirs);
        assert_eq!(ownership(None, "u-1", false), Ownership::Anothers);
        assert_eq!(ownership(Some("u-1"), "u-2", true), Ownership::Successor);
        assert_eq!(ownership(Some("u-1"), "u-2", false), Ownership::Anothers);
    }

    #[test]
    fn what_is_known_of_the_effect_follows_from_the_answer() {
        assert!(matches!(answered(409, "AlreadyExists"), Error::AlreadyExists));
        for (code, reason) in [(403, "Forbidden"), (404, "NotFound"), (422, "Invalid")] {
            assert!(matches!(answered(code, reason), Error::Refused(_)), "{code}");
        }
        for (code, reason) in [(409, "Conflict"), (429, "TooManyRequests")] {
            assert!(matches!(answered(code, reason), Error::Away(_)), "{code}");
        }
        for code in [408, 500, 503, 504] {
            assert!(matches!(answered(code, "Timeout"), Error::Unclear(_)), "{code}");
        }
    }

    #[test]
    fn a_quota_that_is_used_up_is_told_from_a_right_that_is_missing() {
        let message = r#"streameraccounts.streamcat.dev "todd" is forbidden: exceeded quota: accounts, requested: count/streameraccounts.streamcat.dev=1, used: count/streameraccounts.streamcat.dev=1, limited: count/streameraccounts.streamcat.dev=1"#;
        let status = Status::failure(message, "Forbidden").with_code(403);
        assert!(matches!(classify(&kube::Error::Api(status.boxed())), Error::NoRoom(_)));
    }

    #[test]
    fn only_a_call_that_was_never_sent_has_certainly_made_nothing() {
        assert!(matches!(broke(io::ErrorKind::ConnectionRefused), Error::Away(_)));
        assert!(matches!(broke(io::ErrorKind::ConnectionReset), Error::Unclear(_)));
        assert!(matches!(broke(io::ErrorKind::UnexpectedEof), Error::Unclear(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_without_an_answer_is_unclear() {
        let call = within_timeout(std::future::pending::<kube::Result<()>>()).await;
        assert!(call.is_err_and(|error| matches!(classify(&error), Error::Unclear(_))));
    }
}
