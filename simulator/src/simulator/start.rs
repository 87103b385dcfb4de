//! The start of a simulator.

use std::{net::TcpListener, path::PathBuf, sync::Arc, thread};

use super::{builder::Builder, handle::Simulator};
use crate::{
    admin, dispatch,
    error::Error,
    event_delivery::{self, Receiver},
    faults,
    journal::Journal,
    persistence,
    server::{self, ServerLimits},
    shared::Shared,
};

impl Simulator {
    /// Returns a builder with the default configuration.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// Starts the simulator on its own thread, so that it does not depend on the caller's runtime.
    ///
    /// # Errors
    /// Returns an error if the simulator cannot listen on the address, or if the region, the account, a
    /// setting, the faults file or the state file is invalid.
    pub async fn start(self) -> Result<Simulator, Error> {
        self.account_region.validate().map_err(Error::AccountRegion)?;
        let receiver = self.events_url.as_deref().map(Receiver::parse).transpose().map_err(Error::Events)?;
        let shared = Arc::new(self.shared().map_err(Error::Setting)?);
        let listener = self.bind().await?;
        let address = listener.local_addr().map_err(Error::Runtime)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("ivs-simulator")
            .enable_all()
            .build()
            .map_err(Error::Runtime)?;
        let (served, limits, file) = (shared.clone(), self.server_limits, self.state_file);
        let run = move || {
            runtime.block_on(run(listener, limits, &served, receiver, file.clone()));
            runtime.shutdown_background();
            if let Some(file) = file {
                persistence::save(&served, &file);
            }
        };
        let thread =
            thread::Builder::new().name("ivs-simulator".to_owned()).spawn(run).map_err(Error::Runtime)?;
        Ok(Simulator { address, shared, thread: Some(thread) })
    }

    /// Creates the shared data from the configuration.
    fn shared(&self) -> Result<Shared, String> {
        let mut shared = Shared::new(self.account_region.clone(), self.reconnect);
        shared.credentials.clone_from(&self.credentials);
        *shared.journal() = Journal::new(self.journal_capacity);
        shared.set_latencies(self.latencies.clone())?;
        shared.set_quotas(self.quotas);
        for (operation, rate) in &self.rates {
            shared.rates().set(operation, Some(*rate))?;
        }
        for (kind, limit) in &self.limits {
            shared.state().limits.set(kind, Some(*limit))?;
        }
        let from_file = self.faults_file.as_deref().map(faults::read_file).transpose()?;
        for fault in self.faults.iter().cloned().chain(from_file.unwrap_or_default()) {
            shared.add_fault(fault)?;
        }
        if let Some(file) = &self.state_file {
            persistence::load(&shared, file)?;
        }
        let mut state = shared.state();
        (state.activation, state.list_lag) = (self.activation, self.list_lag);
        drop(state);
        Ok(shared)
    }

    async fn bind(&self) -> Result<TcpListener, Error> {
        let address = self.address.clone();
        let resolved = tokio::net::lookup_host(&address).await.map(Iterator::collect::<Vec<_>>);
        let resolved = match resolved {
            Ok(resolved) => resolved,
            Err(source) => return Err(Error::Address { address, source }),
        };
        let listener = TcpListener::bind(resolved.as_slice());
        let listener = listener.and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
        listener.map_err(|source| Error::Listen { address, source })
    }
}

/// Serves until the simulator is stopped.
async fn run(
    listener: TcpListener,
    limits: ServerLimits,
    shared: &Arc<Shared>,
    receiver: Option<Receiver>,
    file: Option<PathBuf>,
) {
    if let Some(receiver) = receiver {
        tokio::spawn(event_delivery::run(shared.clone(), receiver));
    }
    if let Some(file) = file {
        tokio::spawn(persistence::save_periodically(shared.clone(), file));
    }
    let router = admin::router().fallback(dispatch::handle).with_state(shared.clone());
    match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => {
            server::serve(listener, router, limits, shared.stop.clone()).await;
        }
        Err(error) => tracing::error!(error = %error, "cannot serve"),
    }
}
