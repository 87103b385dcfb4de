//! The environment of a benchmark: the operator with real dependencies, and the settings of its controller.

use std::path::Path;

use testbed::load_generator::{self, Outcome};
use testbed::{Error, Operator, OperatorBuilder, Tenant, Testbed};

/// Calls per second that AWS allows for each operation.
pub(super) const AWS_RATE: u32 = 5;
/// A rate that limits nothing.
const UNLIMITED: u32 = 100_000;

/// Quotas of AWS during a benchmark.
#[derive(Clone, Copy)]
pub(super) enum Quotas {
    /// None: the operator itself is the limit.
    Disabled,
    /// Rates of this many calls per second for each operation. The numbers of resources are not limited.
    Rate(u32),
}

impl Quotas {
    /// Returns the calls per second that the controller may use.
    fn rate(self) -> u32 {
        match self {
            Self::Disabled => UNLIMITED,
            Self::Rate(rate) => rate,
        }
    }

    /// Puts the quotas into force.
    pub(super) fn apply(self, tenant: &Tenant) {
        let rate = match self {
            Self::Disabled => None,
            Self::Rate(rate) => Some(f64::from(rate)),
        };
        tenant.simulator().set_rate("*", rate);
    }
}

/// Starts a new environment with one tenant that has access to its own namespace only.
pub(super) async fn start(operator: &Path) -> Result<Tenant, Error> {
    Testbed::start().await?.with_operator(operator).try_tenant("bench").await
}

/// Starts a new environment with one tenant that watches all namespaces.
pub(super) async fn start_cluster_wide(operator: &Path) -> Result<Tenant, Error> {
    Tenant::whole_cluster(Testbed::start().await?.with_operator(operator)).await
}

/// Prepares a controller with a Lease, as the chart does, and puts the quotas that it works with into force.
pub(super) fn controller(tenant: &Tenant, quotas: Quotas) -> OperatorBuilder {
    quotas.apply(tenant);
    let controller = tenant.controller().env("STREAMCAT_LEADER_ELECT", "true");
    controller.env("STREAMCAT_AWS_CALLS_PER_SECOND", quotas.rate().to_string())
}

/// Registers a person on the page.
pub(super) async fn register(registration: &Operator, username: &str) -> Result<(), Error> {
    let url = format!("{}/register", registration.url());
    match load_generator::register(url, username.into()).await {
        Outcome::Accepted => Ok(()),
        ended => Err(Error::Unexpected(format!("{username} is not registered: {ended:?}"))),
    }
}
