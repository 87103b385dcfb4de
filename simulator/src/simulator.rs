//! The simulator in a program: started, looked into, led astray, and ended when it is dropped.

mod options;
mod world;

use std::{
    fmt,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use self::options::Options;
use crate::{
    arn::Place,
    error::{Error, Failure},
    events,
    faults::Fault,
    journal::Call,
    server,
    shared::Shared,
    state::Counts,
};

/// What a simulator shall be like.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    address: String,
    place: Place,
    latency: Duration,
    reconnect: Duration,
    options: Options,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:0".to_owned(),
            place: Place { region: "us-west-2".to_owned(), account: "123456789012".to_owned() },
            latency: Duration::ZERO,
            reconnect: Duration::from_secs(2),
            options: Options::default(),
        }
    }
}

impl Builder {
    /// The region it stands for; `us-west-2` if not told.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.place.region = region.into();
        self
    }

    /// The account it stands for; `123456789012` if not told.
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.place.account = account.into();
        self
    }

    /// How long each AWS call waits before it has its effect; not at all if not told.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
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
    /// When it cannot listen there, or region or account can be no part of an ARN.
    pub async fn start(self) -> Result<Simulator, Error> {
        self.check_place()?;
        let receiver = self.options.receiver()?;
        let listener = self.bind().await?;
        let (address, listener) =
            listener.local_addr().map(|address| (address, listener)).map_err(Error::Runtime)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("ivs-simulator")
            .enable_all()
            .build()
            .map_err(Error::Runtime)?;
        let mut shared = Shared::new(self.place, self.latency, self.reconnect);
        shared.keys = self.options.keys;
        shared.state().activation = self.options.activation;
        let shared = Arc::new(shared);
        let stop = CancellationToken::new();
        let (served, stopped) = (shared.clone(), stop.clone());
        let run = move || {
            if let Some(receiver) = receiver {
                runtime.spawn(events::post_all(served.clone(), receiver));
            }
            match runtime.block_on(async { tokio::net::TcpListener::from_std(listener) }) {
                Ok(listener) => runtime.block_on(server::serve(listener, served, stopped)),
                Err(error) => tracing::error!(error = %error, "cannot serve"),
            }
            runtime.shutdown_background();
        };
        let thread =
            thread::Builder::new().name("ivs-simulator".to_owned()).spawn(run).map_err(Error::Runtime)?;
        Ok(Simulator { address, shared, stop, thread: Some(thread) })
    }

    fn check_place(&self) -> Result<(), Error> {
        let Place { region, account } = &self.place;
        if account.len() != 12 || !account.chars().all(|c| c.is_ascii_digit()) {
            return Err(Error::Place(format!("an account is 12 digits, not {account:?}")));
        }
        let of_region = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if region.is_empty() || !region.chars().all(of_region) {
            return Err(Error::Place(format!("a region is like us-west-2, not {region:?}")));
        }
        Ok(())
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

/// A running simulator. Dropping it ends it.
pub struct Simulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

#[expect(clippy::must_use_candidate, reason = "several are called for their effect, whatever they say of it")]
impl Simulator {
    /// Begins to describe a simulator.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Its base URL, for `AWS_ENDPOINT_URL` and the like.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// All AWS calls since the start or the last `clear_calls`, in the order of their arrival, also those under way.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls()
    }

    /// Forgets the calls.
    pub fn clear_calls(&self) {
        self.shared.journal().clear();
    }

    /// All that exists, as `GET /_simulator/state` tells it.
    #[must_use]
    pub fn state(&self) -> Value {
        self.shared.state().dump()
    }

    /// How many resources of each kind exist.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.state().counts()
    }

    /// Has an encoder connect to a channel with its stream key. Says whether there is such a channel.
    pub fn set_live(&self, arn: &str) -> bool {
        self.shared.set_live(arn, true).is_ok()
    }

    /// Has the encoder go away for good. Says whether there is such a channel.
    pub fn end_live(&self, arn: &str) -> bool {
        self.shared.set_live(arn, false).is_ok()
    }

    /// Whether a channel is live.
    #[must_use]
    pub fn is_live(&self, arn: &str) -> bool {
        self.shared.is_live(arn)
    }

    /// Puts a fault in force.
    ///
    /// # Panics
    /// When the rule makes no sense: no times, or a status that is not an error's.
    pub fn fault(&self, fault: Fault) {
        if let Err(message) = self.shared.add_fault(fault) {
            panic!("not a fault: {message}");
        }
    }

    /// Lifts all faults.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// How long each AWS call waits from now on before it has its effect.
    pub fn set_latency(&self, latency: Duration) {
        self.shared.set_latency(latency);
    }

    /// Removes a resource, live or not, as a person would in the console: no call is journalled. Says whether it existed.
    pub fn remove(&self, arn: &str) -> bool {
        self.shared.state().remove(arn)
    }

    /// Sets a tag of a resource, as a person would in the console: no call is journalled. Says whether it exists.
    pub fn set_tag(&self, arn: &str, key: &str, value: &str) -> bool {
        let mut state = self.shared.state();
        let tags: Result<_, Failure> = state.tags(arn);
        tags.map(|tags| tags.insert(key.to_owned(), value.to_owned())).is_ok()
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Simulator").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop.cancel();
        // The thread ends at once: it waits for nothing but this. A panic in it has been reported already.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
