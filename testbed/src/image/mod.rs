//! Container images, built without an engine.
//!
//! An image has one layer, with the files of a directory. The same files give the same bytes: owners, times,
//! and the order of files are fixed, and nothing is compressed. The archive is both an OCI image layout and
//! what `docker save` writes, so that containerd, Docker, Podman, and skopeo can read it.

mod archive;
mod operator;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use self::archive::{Archive, Content};
use crate::{Error, text};

pub use self::operator::ENTRYPOINT;

/// Time of the image and its files.
const EPOCH: &str = "1970-01-01T00:00:00Z";

/// An image with the files of a directory.
pub struct Image {
    files: PathBuf,
    reference: String,
    entrypoint: String,
    user: Option<String>,
    labels: BTreeMap<String, String>,
}

/// A blob of an image.
struct Blob {
    media_type: &'static str,
    content: Vec<u8>,
    /// SHA-256 of the content, in hexadecimal digits.
    hash: String,
}

impl Blob {
    fn new(media_type: &'static str, content: Vec<u8>) -> Self {
        let hash = text::hex(digest(&SHA256, &content).as_ref());
        Self { media_type, content, hash }
    }

    fn json(media_type: &'static str, content: &Value) -> Self {
        Self::new(media_type, content.to_string().into_bytes())
    }

    fn digest(&self) -> String {
        format!("sha256:{}", self.hash)
    }

    fn path(&self) -> String {
        format!("blobs/sha256/{}", self.hash)
    }

    fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest(), "size": self.content.len() })
    }
}

impl Image {
    /// Describes an image of the files in a directory, named `reference` (`repository:tag`).
    #[must_use]
    pub fn new(files: &Path, reference: &str, entrypoint: &str) -> Self {
        Self {
            files: files.to_owned(),
            reference: reference.to_owned(),
            entrypoint: entrypoint.to_owned(),
            user: None,
            labels: BTreeMap::new(),
        }
    }

    /// Sets the user and the group of its process, by number: Kubernetes can then see that it is not root.
    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        self.user = Some(user.to_owned());
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Writes the archive, and returns the digest of the image.
    ///
    /// # Errors
    /// If a file cannot be read, or the archive cannot be written.
    pub fn write(&self, archive: &Path) -> Result<String, Error> {
        let (bytes, digest) = self.build()?;
        File::create(archive)
            .and_then(|mut file| file.write_all(&bytes))
            .map_err(Error::io(format!("write {}", archive.display())))?;
        Ok(digest)
    }

    fn build(&self) -> Result<(Vec<u8>, String), Error> {
        let content = Archive::of_directory(&self.files)?.into_bytes()?;
        let layer = Blob::new("application/vnd.oci.image.layer.v1.tar", content);
        let config = Blob::json("application/vnd.oci.image.config.v1+json", &self.config(&layer));
        let manifest = Blob::json(
            "application/vnd.oci.image.manifest.v1+json",
            &json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": config.descriptor(),
                "layers": [layer.descriptor()],
            }),
        );
        let mut archive = Archive::new();
        archive.json("oci-layout", &json!({ "imageLayoutVersion": "1.0.0" }))?;
        archive.json("index.json", &self.index(&manifest))?;
        archive.json("manifest.json", &self.docker_manifest(&config, &layer))?;
        for directory in ["blobs", "blobs/sha256"] {
            archive.add(directory, &Content::Directory)?;
        }
        for blob in [&layer, &config, &manifest] {
            archive.file(&blob.path(), &blob.content)?;
        }
        Ok((archive.into_bytes()?, manifest.digest()))
    }

    fn config(&self, layer: &Blob) -> Value {
        json!({
            "created": EPOCH,
            "architecture": architecture(),
            "os": "linux",
            "config": {
                "User": self.user.as_deref().unwrap_or_default(),
                "Entrypoint": [self.entrypoint],
                "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                "Labels": self.labels,
            },
            // No layer is compressed, so that its digest is also that of its content.
            "rootfs": { "type": "layers", "diff_ids": [layer.digest()] },
            "history": [{ "created": EPOCH, "created_by": "testbed image" }],
        })
    }

    fn index(&self, manifest: &Blob) -> Value {
        let mut descriptor = manifest.descriptor();
        descriptor["annotations"] = json!({
            "io.containerd.image.name": self.full_reference(),
            "org.opencontainers.image.ref.name": self.reference.rsplit(':').next().unwrap_or_default(),
        });
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [descriptor],
        })
    }

    /// Returns the list of images that `docker load` reads.
    fn docker_manifest(&self, config: &Blob, layer: &Blob) -> Value {
        json!([{ "Config": config.path(), "RepoTags": [self.reference], "Layers": [layer.path()] }])
    }

    /// Returns the reference with a registry, as containerd names it.
    fn full_reference(&self) -> String {
        match self.reference.split_once('/') {
            Some((host, _)) if host == "localhost" || host.contains(['.', ':']) => self.reference.clone(),
            Some(_) => format!("docker.io/{}", self.reference),
            None => format!("docker.io/library/{}", self.reference),
        }
    }
}

/// Returns the name that images use for the architecture of this program.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test panics")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn files() -> tempfile::TempDir {
        let files = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(files.path().join("usr/bin")).unwrap();
        std::fs::create_dir(files.path().join("etc")).unwrap();
        std::fs::write(files.path().join("usr/bin/program"), "binary").unwrap();
        std::fs::write(files.path().join("etc/settings"), "text").unwrap();
        let executable = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(files.path().join("usr/bin/program"), executable).unwrap();
        files
    }

    fn image(files: &tempfile::TempDir) -> Image {
        Image::new(files.path(), "program:1", "/usr/bin/program").user("65532:65532").label("a", "b")
    }

    #[test]
    fn the_same_files_give_the_same_bytes() {
        let (one, other) = (files(), files());
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_hours(24);
        File::open(other.path().join("etc/settings")).unwrap().set_modified(time).unwrap();
        let readable = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(other.path().join("etc/settings"), readable).unwrap();
        assert!(image(&one).build().unwrap() == image(&other).build().unwrap());
    }

    #[test]
    fn a_label_changes_the_digest() {
        let files = files();
        let (_, one) = image(&files).build().unwrap();
        let (_, other) = image(&files).label("a", "c").build().unwrap();
        assert_ne!(one, other);
    }

    #[test]
    fn every_blob_is_at_its_digest_and_both_manifests_lead_to_the_files() {
        let (bytes, digest) = image(&files()).build().unwrap();
        let content = read(&bytes);
        let parsed = |path: &str| serde_json::from_slice::<Value>(&content[path]).unwrap();
        let blob = |digest: &Value| digest.as_str().unwrap().replace("sha256:", "blobs/sha256/");
        for (path, bytes) in
            content.iter().filter(|(path, bytes)| path.starts_with("blobs/") && !bytes.is_empty())
        {
            assert_eq!(*path, Blob::new("", bytes.clone()).path());
        }
        let oci = &parsed("index.json")["manifests"][0];
        assert_eq!(oci["digest"], digest);
        assert_eq!(oci["annotations"]["io.containerd.image.name"], "docker.io/library/program:1");
        let manifest = parsed(&blob(&oci["digest"]));
        let docker = &parsed("manifest.json")[0];
        assert_eq!(docker["Config"], blob(&manifest["config"]["digest"]));
        assert_eq!(docker["Layers"], json!([blob(&manifest["layers"][0]["digest"])]));
        let config = parsed(docker["Config"].as_str().unwrap());
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(config["config"]["Entrypoint"], json!(["/usr/bin/program"]));
        let layer = read(&content[docker["Layers"][0].as_str().unwrap()]);
        let paths: Vec<_> = layer.keys().map(String::as_str).collect();
        assert_eq!(paths, ["etc/", "etc/settings", "usr/", "usr/bin/", "usr/bin/program"]);
    }

    fn read(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
        use std::io::Read as _;
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(archive).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.insert(entry.path().unwrap().display().to_string(), content);
        }
        files
    }
}
