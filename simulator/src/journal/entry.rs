//! The compact form in which the journal stores a call.

use std::{borrow::Cow, time::Duration};

use serde_json::Value;

/// A call in the journal. It is kept small because there are many.
pub(crate) struct JournalEntry {
    pub seq: u64,
    pub operation: Cow<'static, str>,
    pub resource: Option<String>,
    pub name: Option<String>,
    pub created: Option<String>,
    pub arrived: Duration,
    pub effected: Option<Duration>,
    pub answered: Option<Duration>,
    pub status: u16,
    pub error: Option<String>,
    pub fault: Option<&'static str>,
    pub attempt: Option<u32>,
    pub access_key: Option<Box<str>>,
    pub request: CallInput,
}

/// The input of a call.
pub(crate) enum CallInput {
    /// The body, if it is the whole input. It is valid JSON.
    Body(Box<[u8]>),
    /// The members, if some of them were in the path or the query.
    Members(Box<Value>),
    /// The request could not be parsed.
    Malformed,
}

impl JournalEntry {
    pub fn new(operation: impl Into<Cow<'static, str>>, arrived: Duration, request: CallInput) -> Self {
        Self {
            seq: 0,
            operation: operation.into(),
            resource: None,
            name: None,
            created: None,
            arrived,
            effected: None,
            answered: None,
            status: 0,
            error: None,
            fault: None,
            attempt: None,
            access_key: None,
            request,
        }
    }

    /// Returns the approximate size in memory, in bytes.
    pub fn size(&self) -> usize {
        /// The space for what is added later: the ARN of the created resource, or the code of an error.
        const RESERVED: usize = 80;
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let request = match &self.request {
            CallInput::Body(body) => body.len(),
            CallInput::Members(members) => members.to_string().len() * 2,
            CallInput::Malformed => 0,
        };
        let access_key = self.access_key.as_ref().map_or(0, |key| key.len());
        let operation = if let Cow::Owned(operation) = &self.operation { operation.len() } else { 0 };
        size_of::<Self>()
            + RESERVED
            + operation
            + access_key
            + text(&self.resource)
            + text(&self.name)
            + request
    }
}
