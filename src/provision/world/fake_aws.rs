//! AWS's stages in memory.

use uuid::Uuid;

use super::{Shared, State, owner, stage};
use crate::{
    api::{ResourceKind, StageSpec, StageStatus},
    ivs::{self, Class, Created, Kind, Listed, Live, Properties, Tags},
};

/// AWS's stages.
#[derive(Debug)]
pub struct FakeAws(pub(super) Shared);

impl FakeAws {
    /// Performs an effect. `class`: the class of the error if it fails.
    fn perform<T>(&self, class: Class, effect: impl FnOnce(&mut State) -> T) -> ivs::Result<T> {
        let message = "simulated failure".to_owned();
        let error = ivs::Error { operation: "Test", class, code: None, message, request_id: None };
        self.0.perform(error, effect)
    }
}

fn status(arn: &str) -> StageStatus {
    StageStatus { arn: arn.to_owned(), ..StageStatus::default() }
}

impl Kind for FakeAws {
    const KIND: ResourceKind = ResourceKind::Stage;
    type Settings = StageSpec;
    type Status = StageStatus;

    /// Another controller may create the resource between the budget and the attempt.
    async fn admit(&self) -> ivs::Result<()> {
        let mut state = self.0.lock();
        if std::mem::take(&mut state.peer_creates_next) {
            state.creates += 1;
            let now = state.now;
            state.record = Some((stage("1"), now));
            state.resources.insert(stage("1"), owner().create_tags(Uuid::from_u128(50), &Tags::new()));
        }
        Ok(())
    }

    async fn create(&self, _: &str, _: &StageSpec, tags: &Tags) -> ivs::Result<Created<StageStatus>> {
        self.perform(Class::Ambiguous, |state| {
            state.creates += 1;
            let arn = stage(&state.creates.to_string());
            state.resources.insert(arn.clone(), tags.clone());
            Created { status: status(&arn), properties: Properties::default(), stream_key: None }
        })
    }

    async fn get(&self, arn: &str) -> ivs::Result<Option<Live<StageStatus>>> {
        self.perform(Class::Transient, |state| {
            let tags = state.resources.get(arn)?.clone();
            Some(Live { status: status(arn), properties: Properties::default(), tags })
        })
    }

    async fn list_page(&self, _: Option<&str>, _: Option<String>) -> ivs::Result<ivs::ListPage> {
        self.perform(Class::Transient, |state| {
            let listed = |(arn, tags): (&String, &Tags)| Listed {
                arn: arn.clone(),
                name: "todd".to_owned(),
                tags: tags.clone(),
                ..Listed::default()
            };
            (state.resources.iter().map(listed).collect(), None)
        })
    }

    async fn update(&self, _: &str, _: Option<&str>, _: &StageSpec) -> ivs::Result<Properties> {
        self.perform(Class::Transient, |_| Properties::default())
    }

    async fn tag(&self, arn: &str, tags: &Tags) -> ivs::Result<()> {
        self.perform(Class::Transient, |state| {
            if let Some(found) = state.resources.get_mut(arn) {
                found.extend(tags.clone());
            }
        })
    }

    async fn untag(&self, _: &str, _: &[String]) -> ivs::Result<()> {
        self.perform(Class::Transient, |_| ())
    }

    async fn delete(&self, arn: &str) -> ivs::Result<()> {
        self.perform(Class::Transient, |state| drop(state.resources.remove(arn)))
    }

    async fn delete_if_idle(&self, arn: &str) -> ivs::Result<bool> {
        self.perform(Class::Transient, |state| {
            let is_idle = !state.in_use.contains(arn);
            if is_idle {
                state.resources.remove(arn);
            }
            is_idle
        })
    }
}
