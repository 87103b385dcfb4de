//! Every call to AWS goes through here: its turn in the budget, its error's class, its count in the metrics.

use aws_sdk_ivs::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use futures::future::BoxFuture;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{
    Budgets, Error, Result,
    wire::{Completion, completion},
};
use crate::{failpoint::effect, telemetry::Metrics};

/// Makes calls to AWS.
#[derive(Debug)]
pub struct Caller {
    budgets: Budgets,
    metrics: Metrics,
    stop: CancellationToken,
}

impl Caller {
    /// Calls within these budgets, counted in these metrics, until `stop`.
    #[must_use]
    pub fn new(budgets: Budgets, metrics: Metrics, stop: CancellationToken) -> Self {
        Self { budgets, metrics, stop }
    }

    /// Waits until the operation may be called; after `stop` none may.
    pub(super) async fn admit(&self, operation: &'static str) -> Result<()> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Error::stopping(operation)),
            () = self.budgets.admit(operation) => Ok(()),
        }
    }

    /// Makes a call that creates nothing, when its turn has come.
    pub(super) fn call<'a, T: 'a, E>(
        &'a self,
        operation: &'static str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T>>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        // On the heap: the SDK's futures are large, and whoever waits for one would carry it on the stack.
        Box::pin(async move {
            self.admit(operation).await?;
            self.outcome(operation, false, call).await
        })
    }

    /// Makes an Update with these settings, when its turn has come. `send` sends the request, which the completion has
    /// been through.
    pub(super) fn update<'a, T: 'a, E, F>(
        &'a self,
        operation: &'static str,
        settings: &impl Serialize,
        send: impl FnOnce(Completion) -> F,
    ) -> BoxFuture<'a, Result<T>>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'a,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.call(operation, send(completion(settings)))
    }

    /// Makes a Create with these settings, whose turn has come already; after `stop` none is begun. `send` sends the
    /// request, which the completion has been through.
    pub(super) fn create<'a, T: 'a, E, F>(
        &'a self,
        operation: &'static str,
        settings: &impl Serialize,
        send: impl FnOnce(Completion) -> F,
    ) -> BoxFuture<'a, Result<T>>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'a,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let call = send(completion(settings));
        Box::pin(async move {
            // Since its turn came the attempt was journalled; one that is known to have made nothing costs nothing.
            if self.stop.is_cancelled() {
                return Err(Error::stopping(operation));
            }
            self.outcome(operation, true, call).await
        })
    }

    async fn outcome<T, E>(
        &self,
        operation: &'static str,
        creates: bool,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let result =
            effect(operation, call).await.map_err(|error| Error::from_sdk(operation, creates, &error));
        self.metrics.record_call(operation, result.as_ref().map_or_else(|error| error.class.label(), |_| "ok"));
        tracing::debug!(operation, error = result.as_ref().err().map(tracing::field::display), "call to AWS");
        result
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use aws_sdk_ivs::operation::create_channel::CreateChannelError;

    use super::*;

    #[tokio::test]
    async fn after_a_stop_no_call_is_begun() {
        let stop = CancellationToken::new();
        let budgets = Budgets::new(NonZeroU32::new(1000).expect("not zero"));
        let caller = Caller::new(budgets, Metrics::default(), stop.clone());
        let answer = || std::future::ready(Ok::<(), SdkError<CreateChannelError, HttpResponse>>(()));
        assert!(caller.create("CreateChannel", &(), |_| answer()).await.is_ok());
        assert!(caller.update("UpdateChannel", &(), |_| answer()).await.is_ok());
        assert!(caller.call("GetChannel", answer()).await.is_ok());
        stop.cancel();
        for refused in [
            caller.create("CreateChannel", &(), |_| answer()).await,
            caller.call("GetChannel", answer()).await,
        ] {
            assert!(refused.is_err_and(|error| error.class == crate::ivs::Class::Transient));
        }
    }
}
