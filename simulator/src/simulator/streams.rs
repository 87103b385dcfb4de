//! What a program can do to the streams around AWS: as the admin API, without HTTP.

use super::Simulator;
use crate::{
    events::Event,
    ivs::stream,
    operation::{self, Lookup},
    realtime::session::{self, NewParticipant},
    state::State,
};

#[expect(clippy::must_use_candidate, reason = "several are called for their effect, whatever they say of it")]
impl Simulator {
    /// How many watch a channel. Says whether it is live.
    pub fn set_viewers(&self, arn: &str, count: u64) -> bool {
        stream::set(&mut self.shared.state(), arn, Some(count), None)
    }

    /// Somebody connects to a stage; the first one begins a session. Gives the id of the session, or `None` if there is
    /// no such stage.
    pub fn join_stage(&self, arn: &str, user_id: &str) -> Option<String> {
        let joining = NewParticipant { user_id: user_id.to_owned(), published: true };
        let joined = session::join(&mut self.shared.state(), arn, vec![joining]).ok()?;
        joined["sessionId"].as_str().map(str::to_owned)
    }

    /// All leave a stage, and its session ends. Says whether there was one.
    pub fn end_stage_session(&self, arn: &str) -> bool {
        session::end(&mut self.shared.state(), arn)
    }

    /// The events that EventBridge would have carried, the oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.shared.state().events.all().cloned().collect()
    }

    /// Makes a storage configuration, as a person would in the console: no call is journalled. Gives its ARN.
    pub fn add_storage_configuration(&self) -> String {
        self.add("CreateStorageConfiguration", r#"{"s3": {"bucketName": "a-bucket"}}"#)
    }

    /// Makes a recording configuration, in the same way.
    pub fn add_recording_configuration(&self) -> String {
        self.add(
            "CreateRecordingConfiguration",
            r#"{"destinationConfiguration": {"s3": {"bucketName": "a-bucket"}}}"#,
        )
    }

    /// Makes a logging configuration, in the same way.
    pub fn add_logging_configuration(&self) -> String {
        self.add(
            "CreateLoggingConfiguration",
            r#"{"destinationConfiguration": {"s3": {"bucketName": "a-bucket"}}}"#,
        )
    }

    /// Makes a playback restriction policy, in the same way.
    pub fn add_playback_restriction_policy(&self) -> String {
        self.add("CreatePlaybackRestrictionPolicy", "{}")
    }

    fn add(&self, operation: &str, input: &str) -> String {
        let made = created(&mut self.shared.state(), operation, input);
        made.unwrap_or_else(|| unreachable!("{operation} is an operation, and its input is right"))
    }
}

/// Carries out a Create, and gives the ARN of what it made.
fn created(state: &mut State, operation: &str, input: &str) -> Option<String> {
    let Lookup::Supported(operation) = operation::find(operation)? else { return None };
    let output = (operation.run)(state, &serde_json::from_str(input).ok()?).ok()?;
    operation.created(&output)
}
