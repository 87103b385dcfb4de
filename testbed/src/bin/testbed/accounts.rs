//! The accounts, as the administrator sees them.

use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use testbed::Tenant;

/// The API version of an account.
pub(crate) const API_VERSION: &str = "streamcat.dev/v1alpha1";
/// The kind of an account.
pub(crate) const KIND: &str = "StreamerAccount";

/// Its kind, as the API server knows it.
pub(crate) fn resource() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("streamcat.dev", "v1alpha1", KIND))
}

/// The accounts of a tenant's namespace.
pub(crate) fn accounts(tenant: &Tenant) -> Api<DynamicObject> {
    Api::namespaced_with(tenant.kube(), tenant.namespace(), &resource())
}

/// Whether an account says that all is well, and speaks of its present generation.
pub(crate) fn is_ready(account: &DynamicObject) -> bool {
    let status = &account.data["status"];
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let mut ready = conditions.filter(|condition| condition["type"] == "Ready");
    status["observedGeneration"].as_i64() == account.metadata.generation
        && ready.any(|ready| ready["status"] == "True")
}
