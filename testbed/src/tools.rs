//! Programs that are built once from their Go modules and kept in the user's cache: the control plane's,
//! Helm, a node's, and our own in Go.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{Context, SHA256};

use crate::process::{Launch, StopSignal};
use crate::{Error, text};

const PROGRESS_INTERVAL: Duration = Duration::from_secs(15);
const BUILD_TIMEOUT: Duration = Duration::from_hours(1);
const GO_ADVICE: &str =
    "Kubernetes is built from Go modules. Install Go 1.26 or newer (https://go.dev/dl) and put it in PATH";

/// Paths of the programs.
#[derive(Clone, Debug)]
pub struct Tools {
    /// etcd, whose binary is named `server`.
    pub etcd: PathBuf,
    /// kube-apiserver.
    pub apiserver: PathBuf,
    /// kube-controller-manager.
    pub controller_manager: PathBuf,
    /// kubectl, in the same version.
    pub kubectl: PathBuf,
    /// Helm.
    pub helm: PathBuf,
}

impl Tools {
    /// Finds all programs, and builds missing ones.
    ///
    /// # Errors
    /// If Go is missing or too old, or a build fails; the message says what to do.
    pub async fn find_or_build() -> Result<Self, Error> {
        let (cluster, helm) = (CLUSTER.find_or_build().await?, HELM.find_or_build().await?);
        Ok(Self {
            etcd: cluster.join("server"),
            apiserver: cluster.join("kube-apiserver"),
            controller_manager: cluster.join("kube-controller-manager"),
            kubectl: cluster.join("kubectl"),
            helm: helm.join("helm"),
        })
    }
}

/// Paths of the programs of a node, in addition to those of [`Tools`].
#[derive(Clone, Debug)]
pub(crate) struct NodeTools {
    pub(crate) kubelet: PathBuf,
    pub(crate) proxy: PathBuf,
    pub(crate) scheduler: PathBuf,
    /// Directory of containerd, its shim, and ctr. containerd finds the shim in PATH.
    pub(crate) containerd: PathBuf,
    pub(crate) runc: PathBuf,
}

impl NodeTools {
    /// Finds all programs, and builds missing ones.
    pub(crate) async fn find_or_build() -> Result<Self, Error> {
        let (node, containerd) = (NODE.find_or_build().await?, CONTAINERD.find_or_build().await?);
        let runc = RUNC.find_or_build().await?;
        Ok(Self {
            kubelet: node.join("kubelet"),
            proxy: node.join("kube-proxy"),
            scheduler: node.join("kube-scheduler"),
            containerd,
            runc: runc.join("runc"),
        })
    }
}

/// A Go module with tools.
pub(crate) struct Module {
    name: &'static str,
    title: &'static str,
    build_time: &'static str,
    packages: &'static [&'static str],
    programs: &'static [&'static str],
    go_mod: &'static str,
    go_sum: &'static str,
    /// The code of a program of our own.
    main_go: Option<&'static str>,
    ldflags: &'static str,
    tags: &'static str,
    /// Value of CGO_ENABLED.
    cgo: &'static str,
}

/// Linker flags of Kubernetes. They set the version: without them the server reports v0.0.0-master, which
/// breaks clients that read the version.
const KUBERNETES_LDFLAGS: &str = concat!(
    "-s -w",
    " -X k8s.io/component-base/version.gitVersion=v1.37.2",
    " -X k8s.io/component-base/version.gitMajor=1",
    " -X k8s.io/component-base/version.gitMinor=37",
    " -X k8s.io/component-base/version.gitTreeState=clean",
    " -X k8s.io/client-go/pkg/version.gitVersion=v1.37.2",
    " -X k8s.io/client-go/pkg/version.gitMajor=1",
    " -X k8s.io/client-go/pkg/version.gitMinor=37",
);

/// etcd, kube-apiserver, kube-controller-manager, and kubectl.
pub(crate) const CLUSTER: Module = Module {
    name: "cluster",
    title: "Kubernetes (etcd, kube-apiserver, kube-controller-manager, kubectl)",
    build_time: "about eight minutes on two cores, once",
    packages: &[
        "go.etcd.io/etcd/server/v3",
        "k8s.io/kubernetes/cmd/kube-apiserver",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        "k8s.io/kubernetes/cmd/kubectl",
    ],
    programs: &["server", "kube-apiserver", "kube-controller-manager", "kubectl"],
    go_mod: include_str!("../cluster/go.mod"),
    go_sum: include_str!("../cluster/go.sum"),
    main_go: None,
    ldflags: KUBERNETES_LDFLAGS,
    tags: "",
    cgo: "0",
};

/// The parts of Kubernetes that run pods. They are built only for a node, because most tests need none.
const NODE: Module = Module {
    name: "node",
    title: "the parts of Kubernetes that run pods (kubelet, kube-proxy, kube-scheduler)",
    build_time: "about four minutes on two cores, once",
    packages: &[
        "k8s.io/kubernetes/cmd/kube-proxy",
        "k8s.io/kubernetes/cmd/kube-scheduler",
        "k8s.io/kubernetes/cmd/kubelet",
    ],
    programs: &["kube-proxy", "kube-scheduler", "kubelet"],
    ..CLUSTER
};

/// containerd. Debian's is too old for the kubelet.
const CONTAINERD: Module = Module {
    name: "containerd",
    title: "containerd",
    build_time: "about three minutes on two cores, once",
    packages: &["tool"],
    programs: &["containerd", "containerd-shim-runc-v2", "ctr"],
    go_mod: include_str!("../containerd/go.mod"),
    go_sum: include_str!("../containerd/go.sum"),
    main_go: None,
    ldflags: "-s -w",
    tags: "",
    cgo: "0",
};

/// runc, with libseccomp: the chart's pods have the seccomp profile RuntimeDefault. Debian's is too old for
/// containerd.
const RUNC: Module = Module {
    name: "runc",
    title: "runc",
    build_time: "about a minute on two cores, once",
    packages: &["tool"],
    programs: &["runc"],
    go_mod: include_str!("../runc/go.mod"),
    go_sum: include_str!("../runc/go.sum"),
    main_go: None,
    ldflags: "-s -w",
    tags: "seccomp",
    cgo: "1",
};

/// Helm, in a separate module because it uses other versions of Kubernetes' libraries.
pub(crate) const HELM: Module = Module {
    name: "helm",
    title: "Helm",
    build_time: "about two and a half minutes on two cores, once",
    packages: &["tool"],
    programs: &["helm"],
    go_mod: include_str!("../helm/go.mod"),
    go_sum: include_str!("../helm/go.sum"),
    main_go: None,
    ldflags: "-s -w",
    tags: "",
    cgo: "0",
};

/// The health of objects as GitOps tools see it. It is built when a test first needs it.
pub(crate) const GITOPS_HEALTH: Module = Module {
    name: "gitops-health",
    title: "the health checks of GitOps tools",
    build_time: "about a minute on two cores, once",
    packages: &["tool"],
    programs: &["gitops-health"],
    go_mod: include_str!("../gitops-health/go.mod"),
    go_sum: include_str!("../gitops-health/go.sum"),
    main_go: Some(include_str!("../gitops-health/main.go")),
    ldflags: "-s -w",
    tags: "",
    cgo: "0",
};

impl Module {
    /// Returns the directory of the programs.
    pub(crate) async fn find_or_build(&self) -> Result<PathBuf, Error> {
        let cache = cache()?;
        let dir = cache.join(format!("{}-{}", self.name, self.key()));
        if self.complete(&dir) {
            return Ok(dir);
        }
        std::fs::create_dir_all(&cache)
            .map_err(Error::io(format!("make the cache folder {}", cache.display())))?;
        let _lock = self.lock(&cache).await?;
        // Another process may have built it while this one waited for the lock.
        if !self.complete(&dir) {
            self.remove_leftovers(&cache, &dir)?;
            self.build(&cache, &dir).await?;
        }
        Ok(dir)
    }

    /// Returns the key of everything that changes the programs.
    fn key(&self) -> String {
        let mut hash = Context::new(&SHA256);
        let options = self.options();
        let options = options.iter().map(String::as_str);
        for part in [self.go_mod, self.go_sum, self.ldflags].into_iter().chain(self.main_go).chain(options) {
            hash.update(part.as_bytes());
            hash.update(&[0]);
        }
        text::hex(&hash.finish().as_ref()[..6])
    }

    /// Returns the options that differ from those of a plain tool, so that a new option does not change the
    /// keys of modules that do not use it.
    fn options(&self) -> Vec<String> {
        let options = [
            ("packages", self.packages.join(" "), "tool"),
            ("tags", self.tags.to_owned(), ""),
            ("cgo", self.cgo.to_owned(), "0"),
        ];
        let differing = options.into_iter().filter(|(_, value, plain)| value != plain);
        differing.map(|(name, value, _)| format!("{name}={value}")).collect()
    }

    async fn lock(&self, cache: &Path) -> Result<std::fs::File, Error> {
        let path = cache.join(format!("{}.lock", self.name));
        let failed = || format!("lock {}", path.display());
        let file = std::fs::File::create(&path).map_err(Error::io(failed()))?;
        if file.try_lock().is_err() {
            eprintln!("testbed: waiting for another process that is building {}", self.title);
            let waiting = tokio::task::spawn_blocking(move || file.lock().map(|()| file));
            return waiting.await.map_err(|e| Error::Unexpected(e.to_string()))?.map_err(Error::io(failed()));
        }
        Ok(file)
    }

    fn complete(&self, dir: &Path) -> bool {
        self.programs.iter().all(|name| dir.join(name).is_file())
    }

    /// Removes what a killed build left. No other build runs: this process holds the lock.
    fn remove_leftovers(&self, cache: &Path, dir: &Path) -> Result<(), Error> {
        let failed = || Error::io(format!("clean up {}", cache.display()));
        for entry in std::fs::read_dir(cache).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            let leftover = entry.file_name().to_string_lossy().starts_with(&self.build_prefix());
            if leftover || entry.path() == dir {
                std::fs::remove_dir_all(entry.path()).map_err(failed())?;
            }
        }
        Ok(())
    }

    fn build_prefix(&self) -> String {
        format!("building-{}-", self.name)
    }

    /// Builds in a temporary directory and then renames it, so that the final directory is always complete.
    async fn build(&self, cache: &Path, dir: &Path) -> Result<(), Error> {
        let building = tempfile::Builder::new()
            .prefix(&self.build_prefix())
            .tempdir_in(cache)
            .map_err(Error::io(format!("make a folder in {}", cache.display())))?;
        let (source, bin) = (building.path().join("source"), building.path().join("bin"));
        for path in [&source, &bin] {
            std::fs::create_dir(path).map_err(Error::io(format!("make the folder {}", path.display())))?;
        }
        let main_go = self.main_go.map(|content| ("main.go", content));
        for (name, content) in [("go.mod", self.go_mod), ("go.sum", self.go_sum)].into_iter().chain(main_go) {
            std::fs::write(source.join(name), content).map_err(Error::io(format!("write {name}")))?;
        }
        check_go(&source)?;
        self.install(&source, &bin, building.path().join("log")).await?;
        std::fs::rename(&bin, dir).map_err(Error::io(format!("move the programs to {}", dir.display())))
    }

    async fn install(&self, source: &Path, bin: &Path, log: PathBuf) -> Result<(), Error> {
        eprintln!("testbed: building {} from source; this takes {}", self.title, self.build_time);
        let start = Instant::now();
        let mut reported = String::new();
        let mut go = Launch::new("go install", "go", log, StopSignal::Interrupt)
            .args(["install", "-mod=readonly", "-buildvcs=false"])
            .args(["-ldflags", self.ldflags, "-tags", self.tags])
            .args(self.packages)
            .envs([("GOWORK", "off"), ("CGO_ENABLED", self.cgo), ("GOFLAGS", "-buildvcs=false")])
            .envs([("GOBIN", bin)])
            .current_dir(source)
            .start()?;
        let status = loop {
            match go.wait_for_exit(PROGRESS_INTERVAL).await {
                Ok(status) => break status,
                Err(_) if start.elapsed() > BUILD_TIMEOUT => {
                    return Err(Error::Unexpected(format!(
                        "building {} took longer than {} min. Run the command again: what is compiled is kept. The end of its log:\n{}",
                        self.title,
                        BUILD_TIMEOUT.as_secs() / 60,
                        go.tail()
                    )));
                }
                Err(_) => {
                    let log = go.log();
                    // Earlier lines do not show what go is doing now.
                    self.report_progress(start.elapsed(), bin, log.strip_prefix(&reported).unwrap_or(&log));
                    reported = log;
                }
            }
        };
        if !status.success() {
            return Err(Error::Failed {
                action: format!("building {}", self.title),
                status,
                output: go.tail(),
            });
        }
        if !self.complete(bin) {
            return Err(Error::Unexpected(format!(
                "building {} did not produce all of {:?}",
                self.title, self.programs
            )));
        }
        eprintln!("testbed: built {} in {:.0?}", self.title, start.elapsed());
        Ok(())
    }

    fn report_progress(&self, elapsed: Duration, bin: &Path, log: &str) {
        let done = self.programs.iter().filter(|name| bin.join(name).exists()).count();
        let fetching = log.lines().last().filter(|line| line.starts_with("go: downloading"));
        let doing = fetching.map(|line| format!(", {}", line.trim_start_matches("go: ")));
        eprintln!(
            "testbed: still building {}: {} of {} programs done after {:.0?} (takes {}){}",
            self.name,
            done,
            self.programs.len(),
            elapsed,
            self.build_time,
            doing.unwrap_or_default()
        );
    }
}

fn cache() -> Result<PathBuf, Error> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("STREAMCAT_CACHE")
        .or_else(|| named("XDG_CACHE_HOME").map(|path| path.join("streamcat-testbed")))
        .or_else(|| named("HOME").map(|path| path.join(".cache/streamcat-testbed")))
        .ok_or_else(|| {
            Error::Unexpected("no directory for built programs: set HOME or STREAMCAT_CACHE".into())
        })
}

/// Checks Go's version next to our go.mod, which makes Go 1.21 and newer download the required toolchain.
fn check_go(source: &Path) -> Result<(), Error> {
    let output = std::process::Command::new("go")
        .args(["env", "GOVERSION"])
        .current_dir(source)
        .env("GOWORK", "off")
        .env("GOFLAGS", "")
        .output()
        .map_err(|_| Error::missing("go", GO_ADVICE))?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let too_old = |found: &str| {
        let (program, advice) = ("go".into(), GO_ADVICE.into());
        Err(Error::TooOld { program, found: found.trim().into(), advice })
    };
    if !output.status.success() {
        return too_old(&text::tail(&stderr, 5));
    }
    if minor(&stdout).is_none_or(|minor| minor < 26) { too_old(&stdout) } else { Ok(()) }
}

/// Returns the minor version: 26 for `go1.26.8`.
fn minor(version: &str) -> Option<u32> {
    version.trim().strip_prefix("go1.")?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn go_versions_are_parsed() {
        assert_eq!(minor("go1.26.8\n"), Some(26));
        assert_eq!(minor("go1.27rc1"), Some(27));
        assert_eq!(minor("devel +abc"), None);
    }

    #[test]
    fn the_cache_key_depends_on_all_that_is_built() {
        let modules = [
            CLUSTER,
            NODE,
            CONTAINERD,
            HELM,
            Module { go_mod: "", ..HELM },
            Module { go_sum: "", ..HELM },
            Module { main_go: Some("package main"), ..HELM },
            Module { ldflags: "", ..HELM },
            Module { packages: &["helm.sh/helm/v4/cmd/helm"], ..HELM },
            Module { tags: "seccomp", ..HELM },
            Module { cgo: "1", ..HELM },
        ];
        let keys: BTreeSet<_> = modules.iter().map(Module::key).collect();
        assert_eq!(keys.len(), modules.len(), "{keys:?}");
        assert!(keys.iter().all(|key| key.len() == 12), "{keys:?}");
    }
}
