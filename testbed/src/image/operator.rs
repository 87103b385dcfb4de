//! The operator's image.

use std::path::Path;
use std::process::Command;

use super::Image;
use crate::{Error, workspace};

/// Path of the operator's binary in its image.
pub const ENTRYPOINT: &str = "/usr/local/bin/streamcat-operator";
/// User and group of its process.
const USER: &str = "65532:65532";

impl Image {
    /// Describes the image of an operator's binary, as the `Dockerfile` does. Its files are put together in
    /// `directory`, which must not exist: the binary, the libraries that it loads, and the certificates of
    /// public certificate authorities.
    ///
    /// # Errors
    /// If a file is missing.
    pub fn of_operator(binary: &Path, reference: &str, directory: &Path) -> Result<Self, Error> {
        let script = workspace().join("testbed/image-files.sh");
        let output = Command::new(&script).args([binary, directory]).output();
        let output = output.map_err(Error::io(format!("run {}", script.display())))?;
        Error::check("collecting the files of the image", &output, 10)?;
        let image = Self::new(directory, reference, ENTRYPOINT).user(USER);
        Ok(LABELS.iter().fold(image, |image, (name, value)| image.label(name, value)))
    }
}

const LABELS: [(&str, &str); 4] = [
    ("org.opencontainers.image.title", "streamcat-operator"),
    (
        "org.opencontainers.image.description",
        "Kubernetes operator that provisions Amazon IVS channels, chat rooms, and stages",
    ),
    ("org.opencontainers.image.licenses", "Apache-2.0"),
    ("org.opencontainers.image.version", env!("CARGO_PKG_VERSION")),
];

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test panics")]
mod tests {
    use super::*;

    #[test]
    fn the_dockerfile_describes_the_same_image() {
        let dockerfile = std::fs::read_to_string(workspace().join("Dockerfile")).unwrap();
        let lines: Vec<_> = dockerfile.lines().map(|line| line.trim().trim_start_matches("LABEL ")).collect();
        let has = |line: &str| assert!(lines.contains(&line), "the Dockerfile has no line {line}");
        has(&format!("USER {USER}"));
        has(&format!("ENTRYPOINT [\"{ENTRYPOINT}\"]"));
        for (name, value) in LABELS {
            has(&format!("{name}=\"{value}\""));
        }
        let labels = lines.iter().filter(|line| line.starts_with("org.opencontainers.image.")).count();
        assert_eq!(labels, LABELS.len());
    }
}
