//! What a simulator shall be like, and its start.

use std::{net::TcpListener, path::PathBuf, sync::Arc, thread, time::Duration};

use super::{Simulator, options::Options};
use crate::{
    arn::AccountRegion,
    error::Error,
    events::{self, Receiver},
    faults::{self, Fault},
    journal,
    latency::Latency,
    persistence,
    server::{self, ConnectionLimits},
    shared::Shared,
};

/// What a simulator shall be like.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    address: String,
    account_region: AccountRegion,
    reconnect: Duration,
    pub(super) options: Options,
    pub(super) latencies: Vec<Latency>,
    pub(super) list_lag: Duration,
    pub(super) quotas: bool,
    pub(super) rates: Vec<(String, f64)>,
    pub(super) limits: Vec<(String, usize)>,
    pub(super) faults: Vec<Fault>,
    pub(super) faults_file: Option<PathBuf>,
    pub(super) state_file: Option<PathBuf>,
    pub(super) connection_limits: ConnectionLimits,
    pub(super) journal: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:0".to_owned(),
            account_region: AccountRegion {
                region: "us-west-2".to_owned(),
                account: "123456789012".to_owned(),
            },
            reconnect: Duration::from_secs(2),
            options: Options::default(),
            latencies: Vec::new(),
            list_lag: Duration::ZERO,
            quotas: false,
            rates: Vec::new(),
            limits: Vec::new(),
            faults: Vec::new(),
            faults_file: None,
            state_file: None,
            connection_limits: ConnectionLimits::default(),
            journal: journal::CAPACITY,
        }
    }
}

impl Builder {
    /// The region it stands for; `us-west-2` if not told.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.account_region.region = region.into();
        self
    }

    /// The account it stands for; `123456789012` if not told.
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account_region.account = account.into();
        self
    }

    /// How long an encoder takes to come back after `StopStream`; two seconds if not told.
    pub fn reconnect_after(mut self, reconnect: Duration) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// Where it listens, as a socket address or `host:port`; on a free port of 127.0.0.1 if not told.
    #[expect(clippy::needless_pass_by_value, reason = "callers have literals and addresses, which are cheap")]
    pub fn listen(mut self, address: impl ToString) -> Self {
        self.address = address.to_string();
        self
    }

    /// Starts it, on a thread of its own, so that it does not depend on the caller's runtime.
    ///
    /// # Errors
    /// When it cannot listen there, region or account have not the form of one, or a setting, the file of faults or the
    /// file of the state makes no sense.
    pub async fn start(self) -> Result<Simulator, Error> {
        self.account_region.check_form().map_err(Error::AccountRegion)?;
        let receiver = self.options.receiver()?;
        let shared = Arc::new(self.shared().map_err(Error::Setting)?);
        let listener = self.bind().await?;
        let (address, listener) =
            listener.local_addr().map(|address| (address, listener)).map_err(Error::Runtime)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("ivs-simulator")
            .enable_all()
            .build()
            .map_err(Error::Runtime)?;
        let (served, file) = (shared.clone(), self.state_file);
        let run = move || {
            runtime.block_on(run(listener, &served, receiver, file.clone()));
            runtime.shutdown_background();
            if let Some(file) = file {
                persistence::save(&served, &file);
            }
        };
        let thread =
            thread::Builder::new().name("ivs-simulator".to_owned()).spawn(run).map_err(Error::Runtime)?;
        Ok(Simulator { address, shared, thread: Some(thread) })
    }

    /// All that requests share, as it is told.
    fn shared(&self) -> Result<Shared, String> {
        let mut shared = Shared::new(self.account_region.clone(), self.reconnect);
        shared.keys.clone_from(&self.options.keys);
        shared.connection_limits = self.connection_limits;
        *shared.journal() = journal::Journal::new(self.journal);
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
        (state.activation, state.list_lag) = (self.options.activation, self.list_lag);
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

/// Serves until it is told to stop.
async fn run(listener: TcpListener, shared: &Arc<Shared>, receiver: Option<Receiver>, file: Option<PathBuf>) {
    if let Some(receiver) = receiver {
        tokio::spawn(events::post_all(shared.clone(), receiver));
    }
    if let Some(file) = file {
        tokio::spawn(persistence::save_periodically(shared.clone(), file));
    }
    match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => server::serve(listener, shared.clone()).await,
        Err(error) => tracing::error!(error = %error, "cannot serve"),
    }
}
