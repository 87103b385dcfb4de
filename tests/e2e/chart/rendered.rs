//! What is rendered of the chart.

use kube::{ResourceExt, api::DynamicObject};
use serde_json::Value;

/// The objects that are rendered.
#[derive(Debug)]
pub struct Rendered(pub Vec<DynamicObject>);

impl Rendered {
    /// All objects of a kind.
    pub fn of_kind(&self, kind: &str) -> Vec<&DynamicObject> {
        let is_it = |object: &&DynamicObject| object.types.as_ref().unwrap().kind == kind;
        self.0.iter().filter(is_it).collect()
    }

    /// The object of a kind whose name ends so.
    pub fn named(&self, kind: &str, ending: &str) -> Option<&DynamicObject> {
        self.of_kind(kind).into_iter().find(|object| object.name_any().ends_with(ending))
    }

    /// The rules of the role of a kind whose name ends so.
    pub fn rules(&self, kind: &str, ending: &str) -> Vec<Value> {
        let role = self.named(kind, ending).unwrap_or_else(|| panic!("no {kind} {ending}"));
        role.data["rules"].as_array().unwrap().clone()
    }

    /// The containers of all pods, init containers too.
    pub fn containers(&self) -> Vec<Container> {
        let pods =
            self.of_kind("Deployment").into_iter().map(|object| &object.data["spec"]["template"]["spec"]);
        let lists = pods.flat_map(|pod| ["containers", "initContainers"].map(|list| &pod[list]));
        lists.filter_map(Value::as_array).flatten().cloned().map(Container).collect()
    }

    /// The container that runs a command of the program.
    pub fn container(&self, command: &str) -> Container {
        let found = self.containers().into_iter().find(|container| container.command() == command);
        found.unwrap_or_else(|| panic!("nothing runs {command}"))
    }
}

/// A container of a pod.
#[derive(Debug)]
pub struct Container(Value);

impl Container {
    /// The command of the program that it runs.
    pub fn command(&self) -> &str {
        self.0["args"][0].as_str().unwrap()
    }

    /// The variables of its environment, as the API has them.
    pub fn variables(&self) -> &[Value] {
        self.0["env"].as_array().unwrap()
    }

    /// A variable of its environment, as the API has it.
    pub fn variable(&self, name: &str) -> Option<&Value> {
        self.variables().iter().find(|variable| variable["name"] == name)
    }

    /// What a variable is set to; None if it is not set.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.variable(name).map(|variable| variable["value"].as_str().unwrap())
    }
}
