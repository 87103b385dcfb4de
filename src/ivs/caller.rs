//! Every call to AWS goes through here: its turn in the budget, its error's class, its count in the metrics.

use aws_sdk_ivs::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{Budgets, Error, Result};
use crate::telemetry::Metrics;

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

    /// Makes a Create, whose turn has come already.
    pub(super) fn create<'a, T: 'a, E>(
        &'a self,
        operation: &'static str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T>>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        Box::pin(self.outcome(operation, true, call))
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
        let result = call.await.map_err(|error| Error::from_sdk(operation, creates, &error));
        self.metrics.called(operation, result.as_ref().map_or_else(|error| error.class.label(), |_| "ok"));
        tracing::debug!(operation, error = result.as_ref().err().map(tracing::field::display), "call to AWS");
        result
    }
}
