//! Simulated viewers, participants, events and configurations. The admin API has the same functions.

use super::handle::Simulator;
use crate::{
    events::Event,
    ivs::encoder,
    model::stage_session::NewParticipant,
    realtime::stage_session,
    registry::{self, Lookup},
    state::State,
};

#[expect(clippy::must_use_candidate, reason = "many callers need only the effect")]
impl Simulator {
    /// Sets the viewer count of a channel. Returns true if the channel is live.
    pub fn set_viewers(&self, arn: &str, count: u64) -> bool {
        encoder::update(&mut self.shared.state(), arn, Some(count), None)
    }

    /// Connects a participant to a stage, and begins a session if there is none. Returns the session ID, or
    /// `None` if the stage does not exist.
    pub fn join_stage(&self, arn: &str, user_id: &str) -> Option<String> {
        let joining = NewParticipant { user_id: user_id.to_owned(), published: true };
        let joined = stage_session::join(&mut self.shared.state(), arn, vec![joining]).ok()?;
        joined["sessionId"].as_str().map(str::to_owned)
    }

    /// Disconnects all participants of a stage and ends its session. Returns true if there was a session.
    pub fn end_stage_session(&self, arn: &str) -> bool {
        stage_session::end(&mut self.shared.state(), arn)
    }

    /// Returns the events that IVS would have sent to EventBridge, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.shared.state().events.all().cloned().collect()
    }

    /// Creates a storage configuration without a call in the journal, as if somebody had used the console.
    /// Returns its ARN.
    pub fn add_storage_configuration(&self) -> String {
        self.add("CreateStorageConfiguration", r#"{"s3": {"bucketName": "a-bucket"}}"#)
    }

    /// Creates a recording configuration in the same way.
    pub fn add_recording_configuration(&self) -> String {
        self.add(
            "CreateRecordingConfiguration",
            r#"{"destinationConfiguration": {"s3": {"bucketName": "a-bucket"}}}"#,
        )
    }

    /// Creates a logging configuration in the same way.
    pub fn add_logging_configuration(&self) -> String {
        self.add(
            "CreateLoggingConfiguration",
            r#"{"destinationConfiguration": {"s3": {"bucketName": "a-bucket"}}}"#,
        )
    }

    /// Creates a playback restriction policy in the same way.
    pub fn add_playback_restriction_policy(&self) -> String {
        self.add("CreatePlaybackRestrictionPolicy", "{}")
    }

    fn add(&self, operation: &str, input: &str) -> String {
        let created = create(&mut self.shared.state(), operation, input);
        created.unwrap_or_else(|| unreachable!("{operation} is supported, and its input is valid"))
    }
}

/// Executes a create operation and returns the ARN of the resource.
fn create(state: &mut State, operation: &str, input: &str) -> Option<String> {
    let Lookup::Supported(operation) = registry::find(operation)? else { return None };
    let output = (operation.run)(state, &serde_json::from_str(input).ok()?).ok()?;
    operation.created_arn(&output)
}
