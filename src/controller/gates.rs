//! The gates that must be open before `/readyz` says that the controller is ready.

use crate::admin::Gates;

/// The gate that is closed while the database does not answer.
pub(super) const DATABASE: &str = "database";

/// The gate that stays closed if the database belongs to another installation.
pub(super) const INSTALLATION: &str = "installation";

/// The gate that is closed until the accounts were listed.
pub(super) const KUBERNETES: &str = "kubernetes";

/// The gate that is closed until the first resync, and while a record names another AWS account or region.
pub(super) const AWS: &str = "aws";

/// The gate that is closed while another Kubernetes cluster holds the database.
pub(super) const CLUSTER: &str = "cluster";

/// Closes a gate, and logs the reason if it is new.
pub(super) fn close(gates: &Gates, gate: &'static str, reason: String) {
    if gates.closed().get(gate) != Some(&reason) {
        tracing::warn!(gate, "not ready: {reason}");
        gates.close(gate, reason);
    }
}
