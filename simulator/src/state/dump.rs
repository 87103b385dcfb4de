//! The dump: the whole state as JSON, for the admin API and for the state file.

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::{State, runtime_state::RUNTIME_MEMBERS};

/// The version of the dump format.
const VERSION: u64 = 1;
/// The members of a dump besides the tables and the runtime state.
const HEADER_MEMBERS: &[&str] = &["version", "region", "account", "clockMovedMillis"];

impl State {
    /// Returns all resources, each with all members of its Get output, and the runtime state.
    pub fn dump(&mut self) -> Value {
        let mut dump = Map::new();
        dump.insert("version".to_owned(), json!(VERSION));
        dump.insert("region".to_owned(), json!(self.account_region.region));
        dump.insert("account".to_owned(), json!(self.account_region.account));
        let moved = i64::try_from(self.clock.moved().as_millis()).unwrap_or_default();
        dump.insert("clockMovedMillis".to_owned(), json!(moved));
        for table in self.tables() {
            dump.insert(table.member.to_owned(), table.rows.dump(usize::MAX));
        }
        self.dump_runtime_state(&mut dump);
        Value::Object(dump)
    }

    /// Replaces the whole state by a dump. Leaves it unchanged if the dump is invalid.
    pub fn load(&mut self, dump: Value) -> Result<(), String> {
        let Value::Object(mut dump) = dump else { return Err("a dump must be a JSON object".to_owned()) };
        self.check(&dump)?;
        let mut loaded = Self::new(self.account_region.clone(), self.clock.clone(), self.reconnect);
        for table in loaded.tables() {
            let Some(rows) = dump.remove(table.member) else { continue };
            table.rows.load(table.kind, rows).map_err(|error| format!("{}: {error}", table.member))?;
        }
        loaded.load_runtime_state(&mut dump)?;
        if let Some(moved) = dump.get("clockMovedMillis").and_then(Value::as_i64) {
            self.clock.move_to(SignedDuration::from_millis(moved));
        }
        let changes = self.changes();
        let old = std::mem::replace(self, loaded);
        self.activation = old.activation;
        self.events = old.events;
        (self.list_lag, self.limits, self.other_changes) = (old.list_lag, old.limits, changes + 1);
        Ok(())
    }

    fn check(&mut self, dump: &Map<String, Value>) -> Result<(), String> {
        let is = |member: &str, expected: Value| match dump.get(member) {
            Some(found) if *found == expected => Ok(()),
            Some(found) => Err(format!("{member}: {found} does not match this simulator's {expected}")),
            None => Err(format!("{member}: is missing")),
        };
        is("version", json!(VERSION))?;
        is("region", json!(self.account_region.region))?;
        is("account", json!(self.account_region.account))?;
        let tables = self.tables().map(|table| table.member);
        let known = |name: &&String| {
            [&tables, HEADER_MEMBERS, RUNTIME_MEMBERS].iter().any(|names| names.contains(&name.as_str()))
        };
        let unknown = dump.keys().find(|name| !known(name));
        unknown.map_or(Ok(()), |name| Err(format!("{name}: unknown member of a dump")))
    }
}
