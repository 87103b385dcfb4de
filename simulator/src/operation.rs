//! The definition of an operation.

use serde_json::{Map, Value};

use crate::{
    api_error::ApiError,
    codec::Outcome,
    service::Service,
    state::State,
    validate::{self, Member},
};

/// An operation of a service: its validation rules and its implementation.
pub(crate) struct Operation {
    pub name: &'static str,
    pub service: Service,
    /// The HTTP status of a success. A 204 response has no body.
    pub success: u16,
    pub input: &'static [Member],
    /// Executes the operation. The input has been validated against `input`.
    pub run: fn(&mut State, &Value) -> Outcome,
}

impl Operation {
    /// Returns true if the operation only reads. Reads can return a delayed view.
    pub fn is_read(&self) -> bool {
        ["Get", "BatchGet", "List"].iter().any(|verb| self.name.starts_with(verb))
    }

    /// Validates the input.
    pub fn validate(&self, input: &Value) -> Result<(), ApiError> {
        validate::check(self.input, input)
    }

    /// Returns the ARN of the created resource, if this is a create operation.
    pub fn created_arn(&self, output: &str) -> Option<String> {
        if !self.name.starts_with("Create") {
            return None;
        }
        // Some outputs are the resource itself. A channel comes with its stream key, and a stage with its
        // tokens.
        let output: Map<String, Value> = serde_json::from_str(output).ok()?;
        let first = ["channel", "stage"].iter().find_map(|member| output.get(*member));
        let arn = output.get("arn").or_else(|| first.or_else(|| output.values().next())?.get("arn"));
        arn?.as_str().map(str::to_owned)
    }
}
