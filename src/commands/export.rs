//! `streamcat-operator export`: prints the accounts of registered people as manifests. Nobody else has them.

use serde_json::Value;

use super::{Result, connect};
use crate::{config::ExportSettings, registration::registered_account};

/// Returns the manifests as YAML documents, by namespace and name.
///
/// # Errors
/// The database failed.
pub async fn export(settings: &ExportSettings) -> Result<Export> {
    let store = connect(&settings.database.database_url).await?;
    let users = store.registered_users(settings.namespace.as_deref()).await?;
    let (mut documents, mut edited) = (String::new(), Vec::new());
    for user in users {
        if user.has_applied_fields {
            edited.push(user.account.to_string());
            continue;
        }
        let account = registered_account(user.id, &user.username, &user.account);
        let mut manifest = serde_json::to_value(account).unwrap_or_default();
        remove_empty(&mut manifest);
        documents.push_str("---\n");
        documents.push_str(&serde_yaml::to_string(&manifest)?);
    }
    Ok(Export { documents, edited })
}

/// The manifests.
#[derive(Debug)]
pub struct Export {
    /// The YAML documents.
    pub documents: String,
    /// The accounts that are left out: somebody has edited their specs, and a manifest without the edits
    /// would set AWS back to its defaults.
    pub edited: Vec<String>,
}

/// Removes members that are null or empty, which say nothing.
fn remove_empty(value: &mut Value) {
    let Value::Object(members) = value else { return };
    members.values_mut().for_each(remove_empty);
    members
        .retain(|_, value| !value.is_null() && value.as_object().is_none_or(|members| !members.is_empty()));
}
