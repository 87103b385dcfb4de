//! The rendered objects of the chart.

use kube::{ResourceExt, api::DynamicObject};
use serde_json::Value;

/// The rendered objects.
#[derive(Debug)]
pub struct Rendered(pub Vec<DynamicObject>);

impl Rendered {
    /// Returns all objects of a kind.
    pub fn of_kind(&self, kind: &str) -> Vec<&DynamicObject> {
        let is_kind = |object: &&DynamicObject| object.types.as_ref().unwrap().kind == kind;
        self.0.iter().filter(is_kind).collect()
    }

    /// Returns the object of a kind whose name has this suffix.
    pub fn named(&self, kind: &str, suffix: &str) -> Option<&DynamicObject> {
        self.of_kind(kind).into_iter().find(|object| object.name_any().ends_with(suffix))
    }

    /// Returns the rules of the role of a kind whose name has this suffix.
    pub fn rules(&self, kind: &str, suffix: &str) -> Vec<Value> {
        let role = self.named(kind, suffix).unwrap_or_else(|| panic!("no {kind} {suffix}"));
        role.data["rules"].as_array().unwrap().clone()
    }

    /// Returns the containers of all pods, including init containers.
    pub fn containers(&self) -> Vec<Container> {
        let pods =
            self.of_kind("Deployment").into_iter().map(|object| &object.data["spec"]["template"]["spec"]);
        let lists = pods.flat_map(|pod| ["containers", "initContainers"].map(|list| &pod[list]));
        lists.filter_map(Value::as_array).flatten().cloned().map(Container).collect()
    }

    /// Returns the container that runs a command of the program.
    pub fn container(&self, command: &str) -> Container {
        let found = self.containers().into_iter().find(|container| container.command() == command);
        found.unwrap_or_else(|| panic!("nothing runs {command}"))
    }
}

/// A container of a pod.
#[derive(Debug)]
pub struct Container(Value);

impl Container {
    /// Returns the command of the program that it runs.
    pub fn command(&self) -> &str {
        self.0["args"][0].as_str().unwrap()
    }

    /// Returns its environment variables, as in the API.
    pub fn variables(&self) -> &[Value] {
        self.0["env"].as_array().unwrap()
    }

    /// Returns an environment variable, as in the API.
    pub fn variable(&self, name: &str) -> Option<&Value> {
        self.variables().iter().find(|variable| variable["name"] == name)
    }

    /// Returns the value of an environment variable; None if it is not set.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.variable(name).map(|variable| variable["value"].as_str().unwrap())
    }
}
