//! Keeps the state in a file: loaded at the start, written every so often and at the end.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};

use crate::shared::Shared;

/// How often it is looked whether there is something new to write.
const SAVE_INTERVAL: Duration = Duration::from_secs(2);

/// Loads the state, if there is such a file.
pub(crate) fn load(shared: &Shared, file: &Path) -> Result<(), String> {
    let load_error = |error: String| format!("cannot load the state from {}: {error}", file.display());
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(load_error(error.to_string())),
    };
    let dump = serde_json::from_slice(&text).map_err(|error| load_error(error.to_string()))?;
    shared.state().load(dump).map_err(load_error)
}

/// Writes the state whenever it has changed, for ever.
pub(crate) async fn save_periodically(shared: Arc<Shared>, file: PathBuf) {
    let mut ticks = interval(SAVE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut written = shared.changes();
    loop {
        ticks.tick().await;
        let changes = shared.changes();
        if changes != written {
            let (shared, file) = (shared.clone(), file.clone());
            // Not on the threads that serve: it can take a while.
            let _ = tokio::task::spawn_blocking(move || save(&shared, &file)).await;
            written = changes;
        }
    }
}

/// Writes the state, and logs it if it cannot.
pub(crate) fn save(shared: &Shared, file: &Path) {
    let dump = shared.state().dump();
    if let Err(error) = write_whole(file, dump.to_string().as_bytes()) {
        tracing::error!(error = %error, file = %file.display(), "cannot write the state");
    }
}

/// Writes temporary the file and renames, so that there is always the old one or the new one, whole.
fn write_whole(file: &Path, text: &[u8]) -> io::Result<()> {
    let mut temporary = file.as_os_str().to_owned();
    temporary.push(format!(".{}", std::process::id()));
    let mut new = File::create(&temporary)?;
    let written = new.write_all(text).and_then(|()| new.sync_all());
    let written = written.and_then(|()| fs::rename(&temporary, file));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}
