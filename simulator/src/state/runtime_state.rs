//! The part of a dump besides the tables: broadcasts, stage sessions, room activity and timers.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::State;

/// The members of a dump for the runtime state. `agenda` holds the timers.
pub(super) const RUNTIME_MEMBERS: &[&str] = &["broadcasts", "stageSessions", "roomUses", "agenda"];

impl State {
    /// Adds the runtime state to a dump, and to each channel whether it is live.
    pub(super) fn dump_runtime_state(&self, dump: &mut Map<String, Value>) {
        for channel in dump.get_mut("channels").and_then(Value::as_array_mut).into_iter().flatten() {
            let stream = channel["arn"].as_str().and_then(|arn| self.broadcasts.streams.of(arn));
            let (live, stream) = (stream.is_some(), json!(stream));
            channel["live"] = json!(live);
            channel["stream"] = stream;
        }
        dump.insert("broadcasts".to_owned(), json!(self.broadcasts));
        dump.insert("stageSessions".to_owned(), json!(self.stage_sessions));
        dump.insert("roomUses".to_owned(), json!(self.room_activity));
        dump.insert("agenda".to_owned(), json!(self.scheduler));
    }

    /// Moves the runtime state out of a dump. A missing member is empty.
    pub(super) fn load_runtime_state(&mut self, dump: &mut Map<String, Value>) -> Result<(), String> {
        self.broadcasts = take(dump, "broadcasts")?;
        self.stage_sessions = take(dump, "stageSessions")?;
        self.room_activity = take(dump, "roomUses")?;
        self.scheduler = take(dump, "agenda")?;
        Ok(())
    }
}

fn take<T: Default + DeserializeOwned>(dump: &mut Map<String, Value>, member: &str) -> Result<T, String> {
    let Some(value) = dump.remove(member) else { return Ok(T::default()) };
    serde_json::from_value(value).map_err(|error| format!("{member}: {error}"))
}
