//! The temporary directory of an environment. It is removed when its owner ends, even if the owner is killed.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use crate::Error;

/// Shell script that reads paths until the pipe closes (the owner closed it or was killed), and then removes
/// them. It retries because processes of the owner may still write while they end.
const REAPER: &str = r#"
while IFS= read -r path; do set -- "$@" "$path"; done
remove() {
    [ -e "$1" ] || return 0
    case $1 in
        # The files of a control group cannot be removed, and need not be.
        /sys/fs/cgroup/*) find "$1" -depth -type d -exec rmdir {} + ;;
        *) rm -rf -- "$1" ;;
    esac
}
tries=0
for path; do
    until remove "$path" 2>/dev/null || [ "$tries" -ge 100 ]; do tries=$((tries + 1)); sleep 0.1; done
done
"#;

/// Environment variable that is set if another process removes this process's temporary directories.
pub(crate) const OWNED: &str = "STREAMCAT_TESTBED_OWNED";
const KEEP: &str = "STREAMCAT_TESTBED_KEEP";

/// A directory that is removed on drop, or by a reaper process if the owner is killed.
pub(crate) struct TempDir {
    path: PathBuf,
    reaper: Option<Mutex<Child>>,
}

impl TempDir {
    /// Creates a directory that other users may traverse but not list: PostgreSQL runs as another user.
    pub(crate) fn create() -> Result<Self, Error> {
        let path = tempfile::Builder::new()
            .prefix("streamcat-testbed-")
            .tempdir()
            .map_err(Error::io("create a temporary directory"))?
            .keep();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o711))
            .map_err(Error::io(format!("open {} for other users", path.display())))?;
        if std::env::var_os(OWNED).is_some() {
            return Ok(Self { path, reaper: None });
        }
        let reaper = Command::new("sh")
            .args(["-c", REAPER, "testbed-reaper"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            // Ctrl-C in a terminal must not reach the reaper.
            .process_group(0)
            .spawn()
            .map_err(Error::io("start sh, which removes temporary files"))?;
        let dir = Self { path, reaper: Some(Mutex::new(reaper)) };
        if std::env::var_os(KEEP).is_some() {
            eprintln!("testbed: keeping {} ({KEEP} is set)", dir.path.display());
        } else {
            dir.register(&dir.path)?;
        }
        Ok(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Registers one more path for removal.
    pub(crate) fn register(&self, path: &Path) -> Result<(), Error> {
        let Some(reaper) = &self.reaper else { return Ok(()) };
        let mut reaper = reaper.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(pipe) = reaper.stdin.as_mut() else { return Ok(()) };
        writeln!(pipe, "{}", path.display())
            .map_err(Error::io("write to the process that removes temporary files"))
    }

    /// Writes a file that only its owner can read.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf, Error> {
        let path = self.path.join(name);
        write_private(&path, content.as_ref())?;
        Ok(path)
    }

    /// Returns a subdirectory, and creates it if it does not exist.
    pub(crate) fn subdir(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.path.join(name);
        std::fs::create_dir_all(&path)
            .map_err(Error::io(format!("create the directory {}", path.display())))?;
        Ok(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if let Some(reaper) = self.reaper.take() {
            let mut reaper = reaper.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
            drop(reaper.stdin.take());
            // A failure cannot be handled here: the reaper has already retried.
            let _ = reaper.wait();
        }
    }
}

/// Writes a file that only its owner can read.
///
/// # Errors
/// If the file cannot be written.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), Error> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(content))
        .map_err(Error::io(format!("write {}", path.display())))
}
