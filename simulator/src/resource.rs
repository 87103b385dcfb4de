//! The operations that are the same for every kind of resource: Get, BatchGet, List and Delete, and what
//! Creates and Updates share.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    api_error::ApiError,
    codec::{Outcome, decode, encode},
    paging::{Page, list_output},
    state::{State, tables::Stored},
};

/// A resource kind, with the names that its operations use.
pub(crate) trait Resource: Stored + Serialize + 'static {
    /// The input member that holds the ARN.
    const ID: &'static str = "arn";
    /// The output member that holds one resource. Without it, the output is the resource itself.
    const ONE: Option<&'static str>;
    /// The output member that holds a list.
    const MANY: &'static str;
    /// The default page size of a list.
    const PAGE: usize;

    /// A resource in the output of a list operation.
    type Summary<'a>: Serialize;

    fn summary(&self) -> Self::Summary<'_>;

    /// Rejects the deletion of a resource that is in use.
    fn check_not_in_use(_state: &State, _arn: &str) -> Result<(), ApiError> {
        Ok(())
    }

    /// Removes a resource and everything that belongs to it. Returns true if it existed.
    fn remove(state: &mut State, arn: &str) -> bool {
        Self::table_mut(state).remove(arn)
    }
}

/// Encodes one resource as the output of Create, Get and Update.
pub(crate) fn encode_one<T: Resource>(resource: &T) -> Outcome {
    match T::ONE {
        Some(member) => encode(BTreeMap::from([(member, resource)])),
        None => encode(resource),
    }
}

/// Executes a Get operation.
pub(crate) fn get<T: Resource>(state: &mut State, input: &Value) -> Outcome {
    encode_one(state.find::<T>(id::<T>(input)?)?)
}

/// Executes a BatchGet operation. Resources that are not found are listed in `errors`.
pub(crate) fn batch_get<T: Resource>(state: &mut State, input: &Value) -> Outcome {
    #[derive(Deserialize)]
    struct ByArns {
        arns: Vec<String>,
    }
    let ByArns { arns } = decode(input)?;
    let (mut found, mut errors): (Vec<&T>, Vec<Value>) = (Vec::new(), Vec::new());
    for arn in &arns {
        match state.find(arn) {
            Ok(row) => found.push(row),
            Err(error) => errors.push(json!({"arn": arn, "code": error.code, "message": error.message})),
        }
    }
    encode(json!({ T::MANY: found, "errors": errors }))
}

/// Stores a new resource, and returns the output of its Create.
pub(crate) fn insert<T: Resource>(state: &mut State, created: T) -> Outcome {
    let output = encode_one(&created);
    T::table_mut(state).insert(created);
    output
}

/// Executes an Update operation: changes a copy of the resource, and stores it if the change is valid.
pub(crate) fn update<T: Resource + Clone>(
    state: &mut State,
    input: &Value,
    change: impl FnOnce(&State, &mut T) -> Result<(), ApiError>,
) -> Outcome {
    let mut updated = state.find::<T>(id::<T>(input)?)?.clone();
    change(state, &mut updated)?;
    let output = encode_one(&updated);
    T::table_mut(state).replace(updated);
    output
}

/// Executes a List operation without filters, oldest first.
pub(crate) fn list<T: Resource>(state: &mut State, input: &Value) -> Outcome {
    let page = Page::from_input(&state.tokens, T::MANY, input, T::PAGE)?;
    let rows = T::table(state).oldest_first(page.after);
    let (rows, next) = page.fill(&state.tokens, rows, T::summary);
    list_output(T::MANY, rows, next)
}

/// Executes a Delete operation.
pub(crate) fn delete<T: Resource>(state: &mut State, input: &Value) -> Outcome {
    let arn = id::<T>(input)?;
    state.find::<T>(arn)?;
    T::check_not_in_use(state, arn)?;
    T::remove(state, arn);
    encode(json!({}))
}

/// Returns the ARN in input that has been validated. A missing ARN is therefore a bug in the simulator.
pub(crate) fn id<T: Resource>(input: &Value) -> Result<&str, ApiError> {
    let id = input.get(T::ID).and_then(Value::as_str);
    id.ok_or_else(|| ApiError::internal(format!("the input has no {}", T::ID)))
}
