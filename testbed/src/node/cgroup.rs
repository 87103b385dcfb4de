//! The control group of a node's pods.

use std::path::{Path, PathBuf};

use crate::temp_dir::TempDir;
use crate::{Error, text};

/// Creates an empty control group in each hierarchy, and returns its path, which is the same in all of them.
/// It is removed with the directory.
pub(super) fn create(temp_dir: &TempDir) -> Result<String, Error> {
    let name = temp_dir.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    for group in groups(&name)? {
        create_group(&group)?;
        temp_dir.register(&group)?;
    }
    Ok(format!("/{name}"))
}

/// Checks that control groups can be created.
pub(super) fn check() -> Result<(), Error> {
    for group in groups(&text::unique("check"))? {
        create_group(&group)?;
        std::fs::remove_dir(&group).map_err(Error::io(format!("remove {}", group.display())))?;
    }
    Ok(())
}

fn groups(name: &str) -> Result<impl Iterator<Item = PathBuf>, Error> {
    Ok(hierarchies()?.into_iter().map(move |hierarchy| hierarchy.join(name)))
}

fn create_group(path: &Path) -> Result<(), Error> {
    std::fs::create_dir(path).map_err(Error::io(format!("create the control group {}", path.display())))
}

/// Returns the mount points of all hierarchies: one per controller in version 1, only one in version 2.
fn hierarchies() -> Result<Vec<PathBuf>, Error> {
    let mounts = "/proc/self/mountinfo";
    let mounts = std::fs::read_to_string(mounts).map_err(Error::io(format!("read {mounts}")))?;
    let found: Vec<_> = mounts.lines().filter_map(control_group_mount).collect();
    if found.is_empty() {
        return Err(Error::Unexpected("no control groups are mounted at /sys/fs/cgroup".into()));
    }
    Ok(found)
}

/// Returns the mount point in a line of mountinfo, if it is one of control groups.
fn control_group_mount(line: &str) -> Option<PathBuf> {
    let (mount, file_system) = line.split_once(" - ")?;
    let path = Path::new(mount.split(' ').nth(4)?);
    let is_ours = file_system.starts_with("cgroup") && path.starts_with("/sys/fs/cgroup");
    is_ours.then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mounts_of_control_groups_are_found() {
        let line = "31 30 0:27 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu";
        assert_eq!(control_group_mount(line), Some("/sys/fs/cgroup/cpu".into()));
        let line = "30 23 0:26 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw";
        assert_eq!(control_group_mount(line), Some("/sys/fs/cgroup".into()));
        let line = "30 23 0:26 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755";
        assert_eq!(control_group_mount(line), None);
    }
}
