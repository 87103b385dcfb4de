//! The backend of the registration: one type parameter for the database and the cluster together.

use super::accounts::{Accounts, KubernetesAccounts};
use crate::store::{Postgres, Registrants, Sessions};

/// The database and the cluster that the registration runs against.
pub trait Backend: Send + Sync + 'static {
    /// The database: users, sessions, and the audit log.
    type Store: Registrants + Sessions;
    /// The StreamerAccount objects in the cluster.
    type Accounts: Accounts;
}

/// PostgreSQL and Kubernetes.
#[derive(Debug)]
pub struct LiveBackend;

impl Backend for LiveBackend {
    type Store = Postgres;
    type Accounts = KubernetesAccounts;
}
