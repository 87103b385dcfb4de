//! Access to the accounts as the administrator.

use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use testbed::Tenant;

/// The API version of an account.
pub(crate) const API_VERSION: &str = "streamcat.dev/v1alpha1";
/// The kind of an account.
pub(crate) const KIND: &str = "StreamerAccount";

/// API resource of an account.
pub(crate) fn resource() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("streamcat.dev", "v1alpha1", KIND))
}

/// Client for the accounts in a tenant's namespace.
pub(crate) fn accounts(tenant: &Tenant) -> Api<DynamicObject> {
    accounts_in(tenant, tenant.namespace())
}

/// Client for the accounts in a namespace, with administrator permissions.
pub(crate) fn accounts_in(tenant: &Tenant, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(tenant.kube(), namespace, &resource())
}

/// Returns true if an account is Ready for its current generation.
pub(crate) fn is_ready(account: &DynamicObject) -> bool {
    let status = &account.data["status"];
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let mut ready = conditions.filter(|condition| condition["type"] == "Ready");
    status["observedGeneration"].as_i64() == account.metadata.generation
        && ready.any(|ready| ready["status"] == "True")
}
