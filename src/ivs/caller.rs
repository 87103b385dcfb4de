//! Every call to AWS goes through here: its turn in the budget, its error's class, its count in the metrics.

use aws_sdk_ivs::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};

use tokio_util::sync::CancellationToken;

use super::{Budgets, Error, Result};
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
    pub(super) async fn call<T, E>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.admit(operation).await?;
        self.outcome(operation, false, call).await
    }

    /// Makes a Create, whose turn has come already.
    pub(super) async fn create<T, E>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.outcome(operation, true, call).await
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
        self.metrics.called(operation, result.as_ref().map_or_else(|error| error.class.label(), |_| "ok"));
        tracing::debug!(operation, error = result.as_ref().err().map(tracing::field::display), "call to AWS");
        result
    }
}
