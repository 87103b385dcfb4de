//! The three kinds of resources behind the operator's own traits, reached through the fault injector.

use std::{marker::PhantomData, time::Duration};

use secrecy::SecretString;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use streamcat_operator::{
    api::{
        self, ChannelSpec, ChannelStatus, ChatRoomSpec, ChatRoomStatus, ResourceKind, StageSpec, StageStatus,
    },
    ivs::{Class, Created, Error, Kind, ListPage, Listed, Live, Properties, Result, StreamKeys, Tags},
};

use super::Resource;
use crate::{
    fault_injector::FaultInjector,
    faults::{Failure, FromFailure, Operation, Service},
    oracle::effects,
    world::{State, calendar},
};

/// The operations, status, and defaults of one kind.
pub trait Flavor: Send + Sync + 'static {
    const KIND: ResourceKind;
    const CREATE: Operation;
    const GET: Operation;
    const LIST: Operation;
    const UPDATE: Operation;
    const DELETE: Operation;
    /// The settings that lists contain.
    const LISTED: &[&str];
    type Settings: api::Settings
        + Clone
        + std::fmt::Debug
        + Default
        + Serialize
        + DeserializeOwned
        + Send
        + Sync;
    type Status: api::Status + Clone + std::fmt::Debug + PartialEq + Send + Sync + 'static;
    fn status(arn: &str) -> Self::Status;
    /// Returns the settings that AWS sets if the spec does not.
    fn defaults() -> Value;
}

const fn read(name: &'static str) -> Operation {
    Operation::read(Service::Aws, name)
}

const fn write(name: &'static str) -> Operation {
    Operation::write(Service::Aws, name)
}

/// Channels.
pub struct Channel;

impl Flavor for Channel {
    const KIND: ResourceKind = ResourceKind::Channel;
    const CREATE: Operation = write("CreateChannel");
    const GET: Operation = read("GetChannel");
    const LIST: Operation = read("ListChannels");
    const UPDATE: Operation = write("UpdateChannel");
    const DELETE: Operation = write("DeleteChannel");
    const LISTED: &[&str] = &["latencyMode", "type", "authorized"];
    type Settings = ChannelSpec;
    type Status = ChannelStatus;

    fn status(arn: &str) -> ChannelStatus {
        ChannelStatus {
            arn: arn.to_owned(),
            ingest_endpoint: Some("ingest.live-video.net".to_owned()),
            playback_url: Some(format!("https://playback/{arn}")),
            ..ChannelStatus::default()
        }
    }

    fn defaults() -> Value {
        json!({ "latencyMode": "LOW", "type": "STANDARD", "authorized": false })
    }
}

/// Chat rooms.
pub struct ChatRoom;

impl Flavor for ChatRoom {
    const KIND: ResourceKind = ResourceKind::ChatRoom;
    const CREATE: Operation = write("CreateRoom");
    const GET: Operation = read("GetRoom");
    const LIST: Operation = read("ListRooms");
    const UPDATE: Operation = write("UpdateRoom");
    const DELETE: Operation = write("DeleteRoom");
    const LISTED: &[&str] = &["loggingConfigurationIdentifiers"];
    type Settings = ChatRoomSpec;
    type Status = ChatRoomStatus;

    fn status(arn: &str) -> ChatRoomStatus {
        let endpoint = Some("wss://edge".to_owned());
        ChatRoomStatus { arn: arn.to_owned(), endpoint, ..ChatRoomStatus::default() }
    }

    fn defaults() -> Value {
        json!({ "maximumMessageRatePerSecond": 10, "maximumMessageLength": 500 })
    }
}

/// Stages.
pub struct Stage;

impl Flavor for Stage {
    const KIND: ResourceKind = ResourceKind::Stage;
    const CREATE: Operation = write("CreateStage");
    const GET: Operation = read("GetStage");
    const LIST: Operation = read("ListStages");
    const UPDATE: Operation = write("UpdateStage");
    const DELETE: Operation = write("DeleteStage");
    const LISTED: &[&str] = &[];
    type Settings = StageSpec;
    type Status = StageStatus;

    fn status(arn: &str) -> StageStatus {
        StageStatus { arn: arn.to_owned(), ..StageStatus::default() }
    }

    fn defaults() -> Value {
        json!({})
    }
}

/// Returns the settings that AWS sets if the spec of this kind does not.
pub fn defaults(kind: ResourceKind) -> Value {
    match kind {
        ResourceKind::Channel => Channel::defaults(),
        ResourceKind::ChatRoom => ChatRoom::defaults(),
        ResourceKind::Stage => Stage::defaults(),
    }
}

/// One kind of resource, reached through the fault injector.
pub struct FakeResources<F> {
    injector: FaultInjector,
    flavor: PhantomData<F>,
}

impl<F: Flavor> FakeResources<F> {
    pub fn new(injector: FaultInjector) -> Self {
        Self { injector, flavor: PhantomData }
    }

    /// Lists one page of the resources, the newest first. `token`: the last ARN of the page before.
    async fn listed(&self, name: Option<&str>, token: Option<String>) -> Result<ListPage> {
        let name = name.map(str::to_owned);
        let about = name.clone().unwrap_or_default();
        let list = move |state: &mut State, now| {
            if state.aws.denies_lists {
                let code = Some("AccessDeniedException");
                return Err(error(F::LIST.name, Class::Blocked, code, "lists are denied"));
            }
            let matches = |resource: &Resource| {
                resource.kind == F::KIND && name.as_ref().is_none_or(|name| *name == resource.name)
            };
            let page_size = state.aws.page_size.unwrap_or(usize::MAX);
            let shown = state.aws.shown(now).into_iter().flatten().rev();
            let shown = shown.filter(|(arn, _)| token.as_ref().is_none_or(|token| *arn < token));
            let mut found = shown.filter(|(_, resource)| matches(resource)).map(|(arn, resource)| Listed {
                arn: arn.clone(),
                name: resource.name.clone(),
                tags: resource.tags.clone(),
                settings: F::LISTED.iter().map(|name| (*name, resource.settings[*name].clone())).collect(),
                updated_at: (F::KIND == ResourceKind::ChatRoom).then_some(resource.updated_at),
            });
            let page: Vec<_> = found.by_ref().take(page_size).collect();
            let is_last = found.next().is_none();
            let next = page.last().filter(|_| !is_last).map(|last| last.arn.clone());
            Ok((page, next))
        };
        self.injector.call(F::LIST, &about, list).await
    }

    /// Returns an error if the controller is stopping: no call is begun then.
    fn unless_stopping(&self, operation: Operation) -> Result<()> {
        if self.injector.term.is_cancelled() {
            let message = "not called: the controller is stopping";
            return Err(error(operation.name, Class::Transient, None, message));
        }
        Ok(())
    }

    async fn modify<T: Send + 'static>(
        &self,
        operation: Operation,
        arn: &str,
        modify: impl FnOnce(&mut Resource, Duration, Option<&'static str>) -> T + Send + 'static,
    ) -> Result<T> {
        let at = arn.to_owned();
        let effect = move |state: &mut State, now| {
            let mut modified = None;
            let discarded_setting = state.aws.discarded_setting;
            if let Some(resource) = state.aws.resources().get(&at).cloned() {
                effects::check_not_suspended(state, &resource.tags, operation.name);
            }
            if !state.aws.is_wrong_endpoint {
                state
                    .aws
                    .modify(now, &at, |resource| modified = Some(modify(resource, now, discarded_setting)));
            }
            modified.ok_or_else(|| missing(operation))
        };
        self.injector.call(operation, arn, effect).await
    }

    /// Deletes a resource. Returns false, and does nothing, if it is in use and `in_use_too` is false.
    async fn delete_one(&self, arn: &str, in_use_too: bool) -> Result<bool> {
        if self.injector.has_lost_the_database() {
            self.unless_stopping(F::DELETE)?;
        }
        let at = arn.to_owned();
        let effect = move |state: &mut State, now| {
            if state.aws.is_wrong_endpoint {
                return Ok(true);
            }
            if !in_use_too && state.aws.resources().get(&at).is_some_and(|resource| resource.in_use) {
                return Ok(false);
            }
            effects::check_delete(state, now, &at);
            state.aws.delete(now, &at);
            Ok(true)
        };
        self.injector.call(F::DELETE, arn, effect).await
    }

    /// Returns true if a read shows the resource as in use.
    async fn is_in_use(&self, arn: &str) -> Result<bool> {
        let at = arn.to_owned();
        let effect = move |state: &mut State, now| {
            let shown = state.aws.shown(now).and_then(|shown| shown.get(&at));
            Ok(shown.is_some_and(|resource| resource.in_use))
        };
        self.injector.call(F::GET, arn, effect).await
    }
}

impl<F: Flavor> Kind for FakeResources<F> {
    const KIND: ResourceKind = F::KIND;
    const IS_LISTED_BY_NAME: bool = !matches!(F::KIND, ResourceKind::Stage);
    type Settings = F::Settings;
    type Status = F::Status;

    /// The call budget is simulated by a fixed time. No call begins after `stop`.
    async fn admit(&self) -> Result<()> {
        let wait = self.injector.world.lock().budget_wait;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        self.unless_stopping(F::CREATE)
    }

    async fn create(&self, name: &str, settings: &F::Settings, tags: &Tags) -> Result<Created<F::Status>> {
        let (about, name, tags, wanted) = (name, name.to_owned(), tags.clone(), settings.clone());
        let effect = move |state: &mut State, now| {
            if state.aws.is_quota_used_up(F::KIND) {
                let code = Some("ServiceQuotaExceededException");
                return Err(error(F::CREATE.name, Class::Blocked, code, "the quota is used up"));
            }
            let mut settings = F::defaults();
            merge(&mut settings, &wanted, state.aws.discarded_setting);
            let resource = Resource {
                kind: F::KIND,
                name: name.clone(),
                tags,
                settings: settings.clone(),
                in_use: false,
                updated_at: calendar(now),
            };
            effects::check_create(state, now, &resource);
            let arn = state.aws.create(now, resource);
            state.aws.ours.insert(arn.clone());
            state.ownership.created(state.reconciled_uid.as_ref(), &arn, now);
            let stream_key = state.aws.stream_key(&arn).cloned().map(SecretString::from);
            let properties = Properties { name: Some(name), settings };
            Ok(Created { status: F::status(&arn), properties, stream_key })
        };
        self.injector.call(F::CREATE, about, effect).await
    }

    async fn get(&self, arn: &str) -> Result<Option<Live<F::Status>>> {
        let at = arn.to_owned();
        let effect = move |state: &mut State, now| {
            let found = state.aws.shown(now).and_then(|shown| shown.get(&at));
            Ok(found.filter(|resource| resource.kind == F::KIND).map(|resource| Live {
                status: F::status(&at),
                properties: properties_of(resource),
                tags: resource.tags.clone(),
            }))
        };
        self.injector.call(F::GET, arn, effect).await
    }

    async fn list_page(&self, name: Option<&str>, token: Option<String>) -> Result<ListPage> {
        self.listed(name, token).await
    }

    async fn update(&self, arn: &str, name: Option<&str>, changes: &F::Settings) -> Result<Properties> {
        let (name, changes) = (name.map(str::to_owned), changes.clone());
        let update = move |resource: &mut Resource, now, discarded_setting| {
            merge(&mut resource.settings, &changes, discarded_setting);
            resource.name = name.unwrap_or_else(|| resource.name.clone());
            resource.updated_at = calendar(now);
            properties_of(resource)
        };
        self.modify(F::UPDATE, arn, update).await
    }

    async fn tag(&self, arn: &str, tags: &Tags) -> Result<()> {
        let tags = tags.clone();
        self.modify(write("TagResource"), arn, move |resource, _, _| resource.tags.extend(tags)).await
    }

    async fn untag(&self, arn: &str, keys: &[String]) -> Result<()> {
        let keys = keys.to_vec();
        self.modify(write("UntagResource"), arn, move |resource, _, _| {
            resource.tags.retain(|key, _| !keys.contains(key));
        })
        .await
    }

    /// A resource that is in use is disconnected first.
    async fn delete(&self, arn: &str) -> Result<()> {
        self.delete_one(arn, true).await.map(drop)
    }

    async fn delete_if_idle(&self, arn: &str) -> Result<bool> {
        match F::KIND {
            ResourceKind::Channel => self.delete_one(arn, false).await,
            ResourceKind::Stage if self.is_in_use(arn).await? => Ok(false),
            ResourceKind::ChatRoom | ResourceKind::Stage => self.delete_one(arn, true).await,
        }
    }
}

impl StreamKeys for FakeResources<Channel> {
    async fn stream_key(&self, channel_arn: &str) -> Result<Option<SecretString>> {
        let at = channel_arn.to_owned();
        let list = move |state: &mut State, now| {
            let is_shown = state.aws.shown(now).is_some_and(|shown| shown.contains_key(&at));
            is_shown
                .then(|| state.aws.stream_key(&at).is_some())
                .ok_or_else(|| missing(read("ListStreamKeys")))
        };
        if !self.injector.call(read("ListStreamKeys"), channel_arn, list).await? {
            return Ok(None);
        }
        let at = channel_arn.to_owned();
        let get = move |state: &mut State, _| Ok(state.aws.stream_key(&at).cloned().map(SecretString::from));
        self.injector.call(read("GetStreamKey"), channel_arn, get).await
    }

    async fn create_stream_key(&self, channel_arn: &str) -> Result<SecretString> {
        let (at, operation) = (channel_arn.to_owned(), write("CreateStreamKey"));
        let effect = move |state: &mut State, _| {
            if !state.aws.resources().contains_key(&at) {
                return Err(missing(operation));
            }
            let code = Some("ServiceQuotaExceededException");
            let refused = || error(operation.name, Class::Blocked, code, "the quota is one key");
            state.aws.create_key(&at).map(SecretString::from).ok_or_else(refused)
        };
        self.injector.call(operation, channel_arn, effect).await
    }
}

fn properties_of(resource: &Resource) -> Properties {
    Properties { name: Some(resource.name.clone()), settings: resource.settings.clone() }
}

/// Changes settings, except one that AWS does not keep.
fn merge<S: Serialize>(settings: &mut Value, changes: &S, discarded_setting: Option<&str>) {
    let Ok(Value::Object(changes)) = serde_json::to_value(changes) else { return };
    for (name, value) in changes.into_iter().filter(|(name, _)| Some(name.as_str()) != discarded_setting) {
        settings[name] = value;
    }
}

fn error(operation: &'static str, class: Class, code: Option<&str>, message: &str) -> Error {
    let (code, request_id) = (code.map(str::to_owned), code.map(|_| "r-1".to_owned()));
    Error { operation, class, code, message: message.to_owned(), request_id }
}

fn missing(operation: Operation) -> Error {
    error(operation.name, Class::Missing, Some("ResourceNotFoundException"), "the resource does not exist")
}

/// Classifies failures like `src/ivs/error.rs`.
impl FromFailure for Error {
    fn from_failure(operation: Operation, failure: Failure) -> Self {
        let unknown = if operation.creates() { Class::Ambiguous } else { Class::Transient };
        let (class, code, message) = match failure {
            Failure::Refused => (unknown, None, "no response: connection refused"),
            Failure::Reset => (unknown, None, "no response: connection reset"),
            Failure::TimedOut => (unknown, None, "the call timed out"),
            Failure::TooMany => (Class::Transient, Some("ThrottlingException"), "too many requests"),
            Failure::Internal => (unknown, Some("InternalServerException"), "internal error"),
            Failure::Forbidden => (Class::Blocked, Some("AccessDeniedException"), "forbidden"),
        };
        error(operation.name, class, code, message)
    }
}
