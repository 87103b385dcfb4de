//! Reproducible tar archives: nothing in them depends on the time or on the machine.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;
use tar::{Builder, EntryType, Header};

use crate::Error;

/// Content of a path in an archive.
pub(super) enum Content {
    Directory,
    File { bytes: Vec<u8>, executable: bool },
}

/// An archive in memory.
pub(super) struct Archive(Builder<Vec<u8>>);

impl Archive {
    pub(super) fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    /// Returns an archive of the files in a directory, in the order of their names. Links are followed.
    pub(super) fn of_directory(directory: &Path) -> Result<Self, Error> {
        let mut archive = Self::new();
        archive.add_directory(directory, "")?;
        Ok(archive)
    }

    fn add_directory(&mut self, directory: &Path, prefix: &str) -> Result<(), Error> {
        let failed = |path: &Path| Error::io(format!("read {}", path.display()));
        let entries = std::fs::read_dir(directory).map_err(failed(directory))?;
        let mut names =
            entries.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>, std::io::Error>>();
        names.as_mut().map(|names| names.sort()).ok();
        for name in names.map_err(failed(directory))? {
            let path = directory.join(&name);
            let inner = format!("{prefix}{}", name.to_string_lossy());
            let metadata = std::fs::metadata(&path).map_err(failed(&path))?;
            if metadata.is_dir() {
                self.add(&inner, &Content::Directory)?;
                self.add_directory(&path, &format!("{inner}/"))?;
            } else {
                let bytes = std::fs::read(&path).map_err(failed(&path))?;
                let executable = metadata.permissions().mode() & 0o100 != 0;
                self.add(&inner, &Content::File { bytes, executable })?;
            }
        }
        Ok(())
    }

    pub(super) fn json(&mut self, path: &str, content: &Value) -> Result<(), Error> {
        self.file(path, content.to_string().as_bytes())
    }

    pub(super) fn file(&mut self, path: &str, content: &[u8]) -> Result<(), Error> {
        self.add(path, &Content::File { bytes: content.to_vec(), executable: false })
    }

    /// Adds a path that belongs to root and that everybody can read.
    pub(super) fn add(&mut self, path: &str, content: &Content) -> Result<(), Error> {
        let mut header = Header::new_gnu();
        let (kind, mode, bytes, path) = match content {
            Content::Directory => (EntryType::Directory, 0o755, &[][..], format!("{path}/")),
            Content::File { bytes, executable } => {
                (EntryType::Regular, if *executable { 0o755 } else { 0o644 }, &bytes[..], path.to_owned())
            }
        };
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(bytes.len() as u64);
        self.0.append_data(&mut header, &path, bytes).map_err(Error::io(format!("add {path} to the archive")))
    }

    pub(super) fn into_bytes(self) -> Result<Vec<u8>, Error> {
        self.0.into_inner().map_err(Error::io("finish the archive"))
    }
}
