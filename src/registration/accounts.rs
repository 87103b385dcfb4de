//! The accounts in the cluster: creating, reading, and deleting StreamerAccounts, and reading the Secret with
//! the stream key.

use std::{io, time::Duration};

use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, Config,
    api::{DeleteParams, ObjectMeta, PostParams, Preconditions},
    core::Status,
};
use secrecy::SecretString;
use uuid::Uuid;

use crate::api::{AccountRef, ObservedAccount, StreamerAccount, StreamerAccountSpec, USER_ID_ANNOTATION};
use crate::error_chain::chain;
use crate::failpoint::effect;
use crate::messages;
use crate::store::Registrant;

/// Maximum time for one call. A person waits for it.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum time for connecting. It is shorter than [`CALL_TIMEOUT`], so that an unreachable API server can
/// be distinguished from a lost response.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Name of an account that the readiness check reads. It need not exist.
const READINESS_PROBE_NAME: &str = "streamcat-readiness-probe";

/// The reason why a call to the API server failed. Each variant says whether the call may have had an effect.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An object with this name already exists.
    #[error("the object already exists")]
    AlreadyExists,
    /// A ResourceQuota allows no more accounts. Nothing was created.
    #[error("the account quota is exceeded: {0}")]
    QuotaExceeded(String),
    /// The API server rejected the call. Nothing was created, and a retry will not help.
    #[error("the API server rejected the call: {0}")]
    Rejected(String),
    /// The API server is unreachable, or did not accept the call. Nothing was created.
    #[error("the API server is unavailable: {0}")]
    Unavailable(String),
    /// The response was lost. The call may have been carried out.
    #[error("no response from the API server: {0}")]
    OutcomeUnknown(String),
}

/// The access of the registration to accounts.
pub trait Accounts: Send + Sync + 'static {
    /// Returns the account with this name.
    fn account(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = Result<Option<StreamerAccount>, Error>> + Send;

    /// Creates an account, with the name and the namespace in its metadata.
    fn create(&self, account: &StreamerAccount) -> impl Future<Output = Result<(), Error>> + Send;

    /// Deletes exactly this object. Succeeds if it no longer exists.
    fn delete(&self, account: &StreamerAccount) -> impl Future<Output = Result<(), Error>> + Send;

    /// Returns the stream key of an account, from the Secret that its status names and the account owns.
    fn stream_key(
        &self,
        account: &StreamerAccount,
    ) -> impl Future<Output = Result<Option<SecretString>, Error>> + Send;
}

/// Returns the account object of a user, with all settings at the defaults of AWS.
#[must_use]
pub fn account_of(registrant: &Registrant) -> StreamerAccount {
    let (namespace, name) = (registrant.account_namespace.clone(), registrant.account_name.clone());
    registered_account(registrant.id, &registrant.username, &AccountRef { namespace, name })
}

/// Returns the account object of a user who registered, with all settings at the defaults of AWS.
#[must_use]
pub fn registered_account(user: Uuid, username: &str, account: &AccountRef) -> StreamerAccount {
    let metadata = ObjectMeta {
        name: Some(account.name.clone()),
        namespace: Some(account.namespace.clone()),
        annotations: Some([(USER_ID_ANNOTATION.to_owned(), user.to_string())].into()),
        ..ObjectMeta::default()
    };
    let spec = StreamerAccountSpec::with_defaults(username.to_owned());
    StreamerAccount { metadata, spec, status: None }
}

/// The owner of an account that has the name of a registrant's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// The registrant owns it.
    Owned,
    /// It was created for the registrant, but the row names an earlier object. The registrant owns it once
    /// the controller has transferred the user to it. Until then, nothing of it is shown, and it is not
    /// deleted.
    Successor,
    /// Somebody else owns it.
    Foreign,
}

impl Ownership {
    /// Returns the ownership of an account. The UID of the object identifies it, because nobody can copy or
    /// drop a UID. The annotation counts if the row names no object yet, or one that no longer exists.
    #[must_use]
    pub fn of(account: &StreamerAccount, registrant: &Registrant) -> Self {
        let is_recorded = registrant.account_uid.is_some();
        if is_recorded && registrant.account_uid == account.metadata.uid {
            return Self::Owned;
        }
        match (has_user_annotation(account, registrant), is_recorded) {
            (true, false) => Self::Owned,
            (true, true) => Self::Successor,
            (false, _) => Self::Foreign,
        }
    }
}

/// Returns true if the annotation names this user.
fn has_user_annotation(account: &StreamerAccount, registrant: &Registrant) -> bool {
    let annotations = account.metadata.annotations.as_ref();
    annotations
        .and_then(|annotations| annotations.get(USER_ID_ANNOTATION))
        .is_some_and(|id| *id == registrant.id.to_string())
}

/// The accounts in a Kubernetes cluster.
#[derive(Clone)]
pub struct KubernetesAccounts {
    client: Client,
}

impl KubernetesAccounts {
    /// Creates a client for the cluster that kubectl would use, or the one that this pod runs in. Calls
    /// nothing yet.
    ///
    /// # Errors
    /// Returns one line about the problem with KUBECONFIG or the service account.
    pub async fn new() -> Result<Self, String> {
        let mut config = Config::infer().await.map_err(|error| error.to_string())?;
        // Automatic retries would hide unknown outcomes, and keep a person waiting for minutes.
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.read_timeout = None;
        config.write_timeout = None;
        let client = Client::try_from(config).map_err(|error| error.to_string())?;
        Ok(Self { client })
    }

    /// Checks that accounts can be read in this namespace: the API server is reachable, authorizes us, and
    /// has the custom resource.
    ///
    /// # Errors
    /// Returns what is missing.
    pub async fn check(&self, namespace: &str) -> Result<(), Error> {
        match with_timeout(self.api(namespace).get(READINESS_PROBE_NAME)).await {
            Ok(_) => Ok(()),
            // Without the CustomResourceDefinition, the path itself is not found, and the status names no
            // object.
            Err(kube::Error::Api(status)) if status.is_not_found() && names_an_object(&status) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => {
                Err(Error::Rejected(messages::readiness::CRD_MISSING.to_owned()))
            }
            Err(error) => Err(classify(&error)),
        }
    }

    fn api(&self, namespace: &str) -> Api<ObservedAccount> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

impl Accounts for KubernetesAccounts {
    async fn account(&self, namespace: &str, name: &str) -> Result<Option<StreamerAccount>, Error> {
        match with_timeout(self.api(namespace).get(name)).await {
            Ok(account) => Ok(Some(account.into_account())),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
            Err(error) => Err(classify(&error)),
        }
    }

    async fn create(&self, account: &StreamerAccount) -> Result<(), Error> {
        let api = self.api(account.metadata.namespace.as_deref().unwrap_or_default());
        let (params, account) = (PostParams::default(), account.clone().into());
        let create = effect("create_account", api.create(&params, &account));
        match with_timeout(create).await {
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
        match with_timeout(delete).await {
            Ok(_) => Ok(()),
            // The object no longer exists, or another one has its name.
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
        match with_timeout(secrets.get(name)).await {
            Ok(secret) => Ok(stream_key_in(&secret, account)),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
            Err(error) => Err(classify(&error)),
        }
    }
}

/// Returns the value of the key `streamKey` if exactly this account owns the Secret.
fn stream_key_in(secret: &Secret, account: &StreamerAccount) -> Option<SecretString> {
    let owners = secret.metadata.owner_references.as_deref().unwrap_or_default();
    let owned = owners.iter().any(|owner| Some(&owner.uid) == account.metadata.uid.as_ref());
    let value = secret.data.as_ref()?.get("streamKey").filter(|value| owned && !value.0.is_empty())?;
    Some(String::from_utf8(value.0.clone()).ok()?.into())
}

/// Applies [`CALL_TIMEOUT`]. A call that times out fails like one whose connection broke, because its outcome
/// is unknown.
async fn with_timeout<T>(call: impl Future<Output = kube::Result<T>>) -> kube::Result<T> {
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
        kube::Error::BuildRequest(_) | kube::Error::Auth(_) => Error::Rejected(error.to_string()),
        _ if never_connected(error) => Error::Unavailable(innermost(error)),
        _ => Error::OutcomeUnknown(innermost(error)),
    }
}

/// Classifies an error response. A 4xx means that nothing was created; a 5xx may follow after the object was
/// stored.
fn classify_status(status: &Status) -> Error {
    let text = format!("{} ({} {})", status.message, status.code, status.reason);
    match status.code {
        // The quota admission plugin returns no machine-readable reason.
        403 if status.message.contains("exceeded quota") => Error::QuotaExceeded(text),
        // Concurrent updates of a quota, or throttling: nothing was created, and a retry may succeed.
        409 | 429 => Error::Unavailable(text),
        408 => Error::OutcomeUnknown(text),
        400..=499 => Error::Rejected(text),
        _ => Error::OutcomeUnknown(text),
    }
}

/// Returns true if the call was never sent. A timeout in the chain is that of connecting: the client has no
/// other.
fn never_connected(error: &kube::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable, TimedOut};
    let is_unreachable =
        |kind| matches!(kind, ConnectionRefused | HostUnreachable | NetworkUnreachable | TimedOut);
    chain(error)
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|cause| is_unreachable(cause.kind())))
}

fn innermost(error: &kube::Error) -> String {
    chain(error).last().map_or_else(String::new, ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_status(code: u16, reason: &str) -> Error {
        classify(&kube::Error::Api(Status::failure("message", reason).with_code(code).boxed()))
    }

    fn from_io_error(kind: io::ErrorKind) -> Error {
        classify(&kube::Error::Service(Box::new(io::Error::from(kind))))
    }

    /// Returns the row of mary with this account UID.
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
    fn the_recorded_uid_identifies_an_account_despite_annotations() {
        assert_eq!(ownership(Some("u-1"), "u-1", true), Ownership::Owned);
        assert_eq!(ownership(Some("u-1"), "u-1", false), Ownership::Owned);
    }

    #[test]
    fn the_annotation_identifies_an_account_only_until_a_uid_is_recorded() {
        assert_eq!(ownership(None, "u-1", true), Ownership::Owned);
        assert_eq!(ownership(None, "u-1", false), Ownership::Foreign);
        assert_eq!(ownership(Some("u-1"), "u-2", true), Ownership::Successor);
        assert_eq!(ownership(Some("u-1"), "u-2", false), Ownership::Foreign);
    }

    #[test]
    fn each_response_is_classified_by_its_possible_effect() {
        assert!(matches!(from_status(409, "AlreadyExists"), Error::AlreadyExists));
        for (code, reason) in [(403, "Forbidden"), (404, "NotFound"), (422, "Invalid")] {
            assert!(matches!(from_status(code, reason), Error::Rejected(_)), "{code}");
        }
        for (code, reason) in [(409, "Conflict"), (429, "TooManyRequests")] {
            assert!(matches!(from_status(code, reason), Error::Unavailable(_)), "{code}");
        }
        for code in [408, 500, 503, 504] {
            assert!(matches!(from_status(code, "Timeout"), Error::OutcomeUnknown(_)), "{code}");
        }
    }

    #[test]
    fn an_exceeded_quota_contradicts_a_missing_permission() {
        let message = r#"streameraccounts.streamcat.dev "todd" is forbidden: exceeded quota: accounts, requested: count/streameraccounts.streamcat.dev=1, used: count/streameraccounts.streamcat.dev=1, limited: count/streameraccounts.streamcat.dev=1"#;
        let status = Status::failure(message, "Forbidden").with_code(403);
        assert!(matches!(classify(&kube::Error::Api(status.boxed())), Error::QuotaExceeded(_)));
    }

    #[test]
    fn only_a_failed_connection_proves_that_nothing_was_created() {
        assert!(matches!(from_io_error(io::ErrorKind::ConnectionRefused), Error::Unavailable(_)));
        assert!(matches!(from_io_error(io::ErrorKind::ConnectionReset), Error::OutcomeUnknown(_)));
        assert!(matches!(from_io_error(io::ErrorKind::UnexpectedEof), Error::OutcomeUnknown(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_without_a_response_has_an_unknown_outcome() {
        let call = with_timeout(std::future::pending::<kube::Result<()>>()).await;
        assert!(call.is_err_and(|error| matches!(classify(&error), Error::OutcomeUnknown(_))));
    }
}
