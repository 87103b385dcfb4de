//! The state file: loaded at the start, and saved periodically and at the end.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};

use crate::shared::Shared;

/// The interval at which changes are checked for and saved.
const SAVE_INTERVAL: Duration = Duration::from_secs(2);

/// Loads the state, if the file exists. Checks that it can be saved.
pub(crate) fn load(shared: &Shared, file: &Path) -> Result<(), String> {
    check_writable(file)?;
    let load_error = |error: String| format!("cannot load the state from {}: {error}", file.display());
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(load_error(error.to_string())),
    };
    let dump = serde_json::from_slice(&text).map_err(|error| load_error(error.to_string()))?;
    shared.state().load(dump).map_err(load_error)
}

/// Checks that a file can be created beside the state file, as it is each time that the state is saved.
fn check_writable(file: &Path) -> Result<(), String> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        let (file, folder) = (file.display(), folder.display());
        return Err(format!("cannot save the state to {file}: there is no folder {folder}"));
    }
    let temporary = temporary(file);
    let created = File::create(&temporary).and_then(|_| fs::remove_file(&temporary));
    created.map_err(|error| format!("cannot save the state to {}: {error}", file.display()))
}

/// Saves the state whenever it has changed, and never returns.
pub(crate) async fn save_periodically(shared: Arc<Shared>, file: PathBuf) {
    let mut ticks = interval(SAVE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut written = shared.changes();
    loop {
        ticks.tick().await;
        let changes = shared.changes();
        if changes != written {
            let (shared, file) = (shared.clone(), file.clone());
            // Runs on a blocking thread, because it can take a while.
            let _ = tokio::task::spawn_blocking(move || save(&shared, &file)).await;
            written = changes;
        }
    }
}

/// Saves the state. Logs a failure.
pub(crate) fn save(shared: &Shared, file: &Path) {
    let dump = shared.state().dump();
    if let Err(error) = write_atomically(file, dump.to_string().as_bytes()) {
        tracing::error!(error = %error, file = %file.display(), "cannot save the state");
    }
}

/// Writes a temporary file and renames it, so that the file is always complete.
fn write_atomically(file: &Path, text: &[u8]) -> io::Result<()> {
    let temporary = temporary(file);
    let mut new = File::create(&temporary)?;
    let result = new.write_all(text).and_then(|()| new.sync_all());
    let result = result.and_then(|()| fs::rename(&temporary, file));
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}

/// Returns the path of the temporary file of this process.
fn temporary(file: &Path) -> PathBuf {
    let mut temporary = file.as_os_str().to_owned();
    temporary.push(format!(".{}", std::process::id()));
    temporary.into()
}
