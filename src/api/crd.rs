//! The CustomResourceDefinitions as they are applied: what the derive makes, and what it cannot say.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps,
};
use kube::CustomResourceExt;
use serde_json::json;

use super::StreamerAccount;

/// All CustomResourceDefinitions of this operator.
#[must_use]
pub fn crds() -> Vec<CustomResourceDefinition> {
    let mut account = StreamerAccount::crd();
    account.spec.versions.iter_mut().for_each(|version| {
        if let Some(schema) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            start_unobserved(schema);
        }
    });
    vec![account]
}

/// A new object has never been observed: without this it would look ready to kstatus for a moment.
fn start_unobserved(schema: &mut JSONSchemaProps) {
    let Some(status) = schema.properties.as_mut().and_then(|properties| properties.get_mut("status")) else {
        return;
    };
    status.nullable = None;
    status.default = Some(JSON(json!({ "observedGeneration": -1 })));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn property<'a>(schema: &'a JSONSchemaProps, path: &[&str]) -> &'a JSONSchemaProps {
        path.iter().fold(schema, |schema, name| {
            schema
                .properties
                .as_ref()
                .and_then(|properties| properties.get(*name))
                .unwrap_or_else(|| panic!("no {name}"))
        })
    }

    fn schema() -> JSONSchemaProps {
        let crd = crds().remove(0);
        let version = crd.spec.versions.into_iter().next().expect("one version");
        version.schema.and_then(|schema| schema.open_api_v3_schema).expect("a schema")
    }

    #[test]
    fn a_new_object_is_unobserved() {
        let schema = schema();
        let status = property(&schema, &["status"]);
        assert_eq!(status.default, Some(JSON(json!({ "observedGeneration": -1 }))));
        let generation = property(&schema, &["status", "observedGeneration"]);
        assert_eq!(generation.default, Some(JSON(json!(-1))));
    }

    #[test]
    fn every_field_of_the_spec_has_a_description() {
        fn check(path: &str, schema: &JSONSchemaProps) {
            for (name, field) in schema.properties.iter().flatten() {
                let path = format!("{path}.{name}");
                assert!(field.description.is_some(), "{path} has no description");
                check(&path, field);
            }
        }
        let schema = schema();
        check("spec", property(&schema, &["spec"]));
        check("status", property(&schema, &["status"]));
    }

    #[test]
    fn conditions_are_a_map_by_type() {
        let schema = schema();
        let conditions = property(&schema, &["status", "conditions"]);
        assert_eq!(conditions.x_kubernetes_list_type.as_deref(), Some("map"));
        assert_eq!(conditions.x_kubernetes_list_map_keys.as_deref(), Some(&["type".to_owned()][..]));
    }
}
