//! The calls of one pass over one resource, which wait for what other accounts have failed with.

use std::sync::Mutex;

use super::{AccountCall, Call, Failed, SharedWaits};
use crate::{
    api::{AccountRef, ResourceKind},
    ivs::{Created, Error, Kind, ListPage, Listed, Live, Properties, Result, Tags},
    lock::lock,
};

/// One kind of resource in AWS, for one pass of an account. A call that would fail with a shared cause is not
/// made, and returns the error that the others got.
pub struct SharedCalls<'a, K: Kind> {
    kind: &'a K,
    waits: &'a SharedWaits,
    account: &'a AccountRef,
    /// The settings in the spec; None for a deletion, which never waits.
    settings: Option<&'a K::Settings>,
    /// The latest failure.
    failed: Mutex<Option<Failed>>,
}

impl<'a, K: Kind> SharedCalls<'a, K> {
    /// Returns the calls that apply the settings of an account.
    pub fn of_apply(
        kind: &'a K,
        waits: &'a SharedWaits,
        account: &'a AccountRef,
        settings: &'a K::Settings,
    ) -> Self {
        Self { kind, waits, account, settings: Some(settings), failed: Mutex::default() }
    }

    /// Returns the calls of a deletion. They never wait, and their failures are not shared.
    pub fn of_deletion(kind: &'a K, waits: &'a SharedWaits, account: &'a AccountRef) -> Self {
        Self { kind, waits, account, settings: None, failed: Mutex::default() }
    }

    /// Ends the pass: the account no longer waits for anything else. Returns true if it waits for a shared
    /// cause.
    pub fn end_pass(&self) -> bool {
        let failed = lock(&self.failed);
        self.waits.leave_others(self.account, K::KIND, failed.as_ref().map(|failed| &failed.cause));
        failed.as_ref().is_some_and(|failed| failed.shown.is_some())
    }

    /// Makes a call, unless it has to wait.
    async fn make<T>(&self, call: Call, make: impl Future<Output = Result<T>>) -> Result<T> {
        self.hold(call)?;
        self.record(call, make.await)
    }

    /// Fails if a call has to wait.
    fn hold(&self, call: Call) -> Result<()> {
        let Some(settings) = self.settings else { return Ok(()) };
        let held = self.waits.hold(&self.call(call, &|arn| refers_to(settings, arn)));
        self.note(held).map_or(Ok(()), Err)
    }

    /// Records the outcome of a call. An error that others share is replaced with theirs.
    fn record<T>(&self, call: Call, outcome: Result<T>) -> Result<T> {
        let refers_to = |arn: &str| self.settings.is_some_and(|settings| refers_to(settings, arn));
        let call = self.call(call, &refers_to);
        match outcome {
            Ok(value) => {
                self.waits.record_success(&call);
                Ok(value)
            }
            Err(error) if self.settings.is_none() => Err(error),
            Err(error) => Err(self.note(self.waits.record_failure(&call, &error)).unwrap_or(error)),
        }
    }

    /// Remembers a failure. Returns the error to show, if the account waits.
    fn note(&self, failed: Option<Failed>) -> Option<Error> {
        let failed = failed?;
        let shown = failed.shown.clone();
        *lock(&self.failed) = Some(failed);
        shown
    }

    fn call<'c>(&'c self, call: Call, refers_to: &'c dyn Fn(&str) -> bool) -> AccountCall<'c> {
        AccountCall { account: self.account, kind: K::KIND, call, refers_to }
    }
}

/// Returns true if settings refer to an ARN.
fn refers_to(settings: &impl serde::Serialize, arn: &str) -> bool {
    serde_json::to_string(settings).is_ok_and(|settings| settings.contains(arn))
}

impl<K: Kind> Kind for SharedCalls<'_, K> {
    const KIND: ResourceKind = K::KIND;
    const IS_LISTED_BY_NAME: bool = K::IS_LISTED_BY_NAME;
    type Settings = K::Settings;
    type Status = K::Status;

    /// Checks again after the wait for the budget, in which others may have failed. An account that waits
    /// opens no attempt.
    async fn admit(&self) -> Result<()> {
        self.hold(Call::Create)?;
        self.kind.admit().await?;
        self.hold(Call::Create)
    }

    async fn create(
        &self,
        name: &str,
        settings: &Self::Settings,
        tags: &Tags,
    ) -> Result<Created<Self::Status>> {
        self.record(Call::Create, self.kind.create(name, settings, tags).await)
    }

    async fn get(&self, arn: &str) -> Result<Option<Live<Self::Status>>> {
        self.make(Call::Get, self.kind.get(arn)).await
    }

    async fn list_page(&self, name: Option<&str>, token: Option<String>) -> Result<ListPage> {
        self.make(Call::List, self.kind.list_page(name, token)).await
    }

    async fn list_by_name(&self, name: &str) -> Result<Vec<Listed>> {
        self.make(Call::List, self.kind.list_by_name(name)).await
    }

    async fn update(&self, arn: &str, name: Option<&str>, changes: &Self::Settings) -> Result<Properties> {
        self.make(Call::Update, self.kind.update(arn, name, changes)).await
    }

    async fn tag(&self, arn: &str, tags: &Tags) -> Result<()> {
        self.make(Call::Tag, self.kind.tag(arn, tags)).await
    }

    async fn untag(&self, arn: &str, keys: &[String]) -> Result<()> {
        self.make(Call::Untag, self.kind.untag(arn, keys)).await
    }

    async fn delete(&self, arn: &str) -> Result<()> {
        self.kind.delete(arn).await?;
        self.waits.record_deletion(K::KIND);
        Ok(())
    }

    async fn delete_if_idle(&self, arn: &str) -> Result<bool> {
        let is_deleted = self.kind.delete_if_idle(arn).await?;
        if is_deleted {
            self.waits.record_deletion(K::KIND);
        }
        Ok(is_deleted)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::mpsc;

    use super::*;
    use crate::{
        api::{StageSpec, StageStatus},
        controller::shared_waits::cause::tests::error,
        ivs::Class,
        telemetry::Metrics,
    };

    /// Stages whose calls are all denied, and counted.
    #[derive(Default)]
    struct Denied(AtomicUsize);

    impl Denied {
        fn deny<T>(&self) -> Result<T> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Err(error(Class::Blocked, Some("AccessDeniedException"), "denied"))
        }
    }

    impl Kind for Denied {
        const KIND: ResourceKind = ResourceKind::Stage;
        type Settings = StageSpec;
        type Status = StageStatus;

        async fn admit(&self) -> Result<()> {
            Ok(())
        }

        async fn create(&self, _: &str, _: &StageSpec, _: &Tags) -> Result<Created<StageStatus>> {
            self.deny()
        }

        async fn get(&self, _: &str) -> Result<Option<Live<StageStatus>>> {
            self.deny()
        }

        async fn list_page(&self, _: Option<&str>, _: Option<String>) -> Result<ListPage> {
            self.deny()
        }

        async fn update(&self, _: &str, _: Option<&str>, _: &StageSpec) -> Result<Properties> {
            self.deny()
        }

        async fn tag(&self, _: &str, _: &Tags) -> Result<()> {
            self.deny()
        }

        async fn untag(&self, _: &str, _: &[String]) -> Result<()> {
            self.deny()
        }

        async fn delete(&self, _: &str) -> Result<()> {
            self.deny()
        }

        async fn delete_if_idle(&self, _: &str) -> Result<bool> {
            self.deny()
        }
    }

    fn account(number: usize) -> AccountRef {
        AccountRef { namespace: "team".to_owned(), name: number.to_string() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_deletion_calls_what_others_wait_for() {
        let ((requeue, _requeued), stages) = (mpsc::unbounded_channel(), Denied::default());
        let (waits, settings) = (SharedWaits::new(requeue, Metrics::default()), StageSpec::default());
        for number in 0..10 {
            let account = account(number);
            let calls = SharedCalls::of_apply(&stages, &waits, &account, &settings);
            assert!(calls.get("arn").await.is_err());
            assert_eq!(calls.end_pass(), number >= 2);
        }
        assert_eq!(stages.0.load(Ordering::Relaxed), 3, "the others wait");
        let account = account(11);
        let calls = SharedCalls::of_deletion(&stages, &waits, &account);
        assert!(calls.get("arn").await.is_err());
        assert!(!calls.end_pass());
        assert_eq!(stages.0.load(Ordering::Relaxed), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_that_no_longer_needs_a_call_leaves() {
        let ((requeue, _requeued), stages) = (mpsc::unbounded_channel(), Denied::default());
        let (waits, settings) = (SharedWaits::new(requeue, Metrics::default()), StageSpec::default());
        for number in 0..4 {
            let account = account(number);
            let calls = SharedCalls::of_apply(&stages, &waits, &account, &settings);
            assert!(calls.admit().await.is_err() || calls.create("", &settings, &Tags::new()).await.is_err());
            assert_eq!(calls.end_pass(), number >= 2);
        }
        for number in 2..4 {
            assert!(!SharedCalls::of_apply(&stages, &waits, &account(number), &settings).end_pass());
        }
        let account = account(4);
        assert!(SharedCalls::of_apply(&stages, &waits, &account, &settings).admit().await.is_ok());
    }
}
