//! What a kind of resource is, and the operations that are the same for every kind: Get, List and Delete.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    error::Failure,
    operation::{Outcome, encode},
    paging::{Page, list_output},
    state::{Row, State, Table},
};

/// A kind of resource: where it is kept, and what its operations call it.
pub(crate) trait Resource: Row + Serialize + Sized + 'static {
    /// The member of a request that holds its ARN.
    const ID: &'static str = "arn";
    /// The member of an answer that holds one; the answer is the resource itself without it.
    const ONE: Option<&'static str>;
    /// The member of a List's answer that holds a page of them.
    const MANY: &'static str;
    /// How many of them a page holds if the request does not tell.
    const PAGE: usize;

    /// What List tells of one.
    type Summary<'a>: Serialize;

    fn summary(&self) -> Self::Summary<'_>;
    fn table(state: &State) -> &Table<Self>;
    fn table_mut(state: &mut State) -> &mut Table<Self>;

    /// Refuses to have one deleted that is in use.
    fn check_not_in_use(_state: &State, _arn: &str) -> Result<(), Failure> {
        Ok(())
    }

    /// Removes one, with all that goes with it. Says whether it was there.
    fn remove(state: &mut State, arn: &str) -> bool {
        Self::table_mut(state).remove(arn)
    }
}

/// A resource as Create, Get and Update answer it.
pub(crate) fn answer<T: Resource>(resource: &T) -> Outcome {
    match T::ONE {
        Some(member) => encode(BTreeMap::from([(member, resource)])),
        None => encode(resource),
    }
}

pub(crate) fn get<T: Resource>(state: &mut State, input: &Value) -> Outcome {
    answer(state.find::<T>(id::<T>(input)?)?)
}

/// All of a kind, the oldest first.
pub(crate) fn list<T: Resource>(state: &mut State, input: &Value) -> Outcome {
    let page = Page::asked(state, T::MANY, input, T::PAGE)?;
    let rows = T::table(state).oldest_first(page.after);
    let (rows, next) = page.fill(state, rows, T::summary);
    list_output(T::MANY, rows, next)
}

pub(crate) fn delete<T: Resource>(state: &mut State, input: &Value) -> Outcome {
    let arn = id::<T>(input)?;
    state.find::<T>(arn)?;
    T::check_not_in_use(state, arn)?;
    T::remove(state, arn);
    encode(json!({}))
}

/// The ARN in a request. It has been validated, so that it is missing only by a mistake of ours.
fn id<T: Resource>(input: &Value) -> Result<&str, Failure> {
    let id = input.get(T::ID).and_then(Value::as_str);
    id.ok_or_else(|| Failure::internal(format!("the input has no {}", T::ID)))
}
