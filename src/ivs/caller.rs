//! Calls to AWS: each waits for its budget, gets an error class if it fails, and is counted in the metrics.

use aws_sdk_ivs::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use futures::future::BoxFuture;
use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Budgets, Error, Result,
    request_body::{Completion, completion},
};
use crate::{failpoint::effect, lanes::Lane, telemetry::Metrics};

/// Makes calls to AWS.
#[derive(Debug)]
pub struct Caller {
    budgets: Budgets,
    metrics: Metrics,
    stop: CancellationToken,
}

impl Caller {
    /// Returns a caller with these budgets and metrics. It makes no more calls after `stop`.
    #[must_use]
    pub fn new(budgets: Budgets, metrics: Metrics, stop: CancellationToken) -> Self {
        Self { budgets, metrics, stop }
    }

    /// Waits until the budget of the operation allows a call. Fails after `stop`.
    pub(super) async fn admit(&self, operation: &'static str) -> Result<()> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Error::stopping(operation)),
            () = self.wait_for_budget(operation) => Ok(()),
        }
    }

    async fn wait_for_budget(&self, operation: &'static str) {
        let began = Instant::now();
        self.budgets.admit(operation).await;
        self.metrics.record_budget_wait(operation, Lane::current(), began.elapsed());
    }

    /// Waits for the budget, then makes a call that creates nothing.
    pub(super) fn call<'a, T: 'a, E>(
        &'a self,
        operation: &'static str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T>>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        // Boxed because the SDK's futures are large and would fill the stack of each caller.
        Box::pin(async move {
            self.admit(operation).await?;
            self.outcome(operation, false, call).await
        })
    }

    /// Waits for the budget, then makes an Update with these settings. `send`: sends the request through the
    /// completion.
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

    /// Makes a Create with these settings. The caller has waited for the budget already, with
    /// [`Caller::admit`]. Fails after `stop`. `send`: sends the request through the completion.
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
            // Checked again because the attempt was journaled since `admit`. Failing here is cheap: nothing
            // was created.
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
        self.metrics
            .record_call(operation, result.as_ref().map_or_else(|error| error.class.label(), |_| "ok"));
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
    async fn no_call_is_begun_after_a_stop() {
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
