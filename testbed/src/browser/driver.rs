//! A minimal WebDriver client: JSON over HTTP to a private chromedriver.
//!
//! It uses no crate: `fantoccini` depends on a second HTTP stack and on ICU, `thirtyfour` on a third HTTP
//! stack.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::{Method, Request};
use serde_json::{Value, json};

use crate::process::{Launch, Process, StopSignal};
use crate::temp_dir::TempDir;
use crate::{Error, http};

const START_TIMEOUT: Duration = Duration::from_secs(30);
const STARTED: &str = "ChromeDriver was started successfully on port ";
const ADVICE: &str = "run: sudo apt-get install chromium-driver";
/// Key that marks an element in the protocol.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Launcher script for a browser that dies with the chromedriver thread that started it.
const LAUNCHER: &str = "#!/bin/sh\nexec setpriv --pdeathsig KILL -- chromium \"$@\"\n";

/// Chromium arguments. The browser may connect to loopback only.
const ARGUMENTS: [&str; 7] = [
    "--headless=new",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--lang=en",
];

/// A browser session.
pub(super) struct Driver {
    session: String,
    // Dropped in this order: the process stops before its directory is removed.
    _process: Process,
    _temp_dir: TempDir,
}

impl Driver {
    pub(super) async fn start(scripts: bool) -> Result<Self, Error> {
        let temp_dir = TempDir::create()?;
        let launcher = write_launcher(temp_dir.path())?;
        let mut process =
            Launch::new("chromedriver", "chromedriver", temp_dir.path().join("log"), StopSignal::Kill)
                .args(["--port=0"])
                .envs([("TMPDIR", temp_dir.path()), ("HOME", temp_dir.path())])
                .start()?;
        let log = process.log_path().to_owned();
        let port =
            process.until("it listens", START_TIMEOUT, || async { port(&fs::read_to_string(&log).ok()?) });
        let url = format!("http://127.0.0.1:{}", port.await.map_err(|error| explain(error, &log))?);
        let session = call(&format!("{url}/session"), &capabilities(&launcher, scripts)).await?;
        let id = session["sessionId"].as_str().ok_or_else(|| unexpected("a new session", &session))?;
        Ok(Self { session: format!("{url}/session/{id}"), _process: process, _temp_dir: temp_dir })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, Error> {
        let request = Request::builder().method(Method::GET);
        value(&http::send(&format!("{}{path}", self.session), request, String::new()).await?)
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Result<Value, Error> {
        call(&format!("{}{path}", self.session), &body).await
    }

    /// Returns the path of the element that a command returned.
    pub(super) fn element(found: &Value) -> Result<String, Error> {
        let id = found[ELEMENT].as_str().ok_or_else(|| unexpected("an element", found))?;
        Ok(format!("/element/{id}"))
    }
}

fn write_launcher(dir: &Path) -> Result<PathBuf, Error> {
    let path = dir.join("chromium");
    let written = fs::write(&path, LAUNCHER)
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)));
    written.map_err(Error::io(format!("write {}", path.display())))?;
    Ok(path)
}

fn port(log: &str) -> Option<u16> {
    log.lines().find_map(|line| line.strip_prefix(STARTED)?.trim_end_matches('.').parse().ok())
}

/// Explains a failed start. `setpriv` itself always starts; its log says what it could not start.
fn explain(error: Error, log: &Path) -> Error {
    let text = fs::read_to_string(log).unwrap_or_default();
    if text.contains("No such file") { Error::missing("chromedriver", ADVICE) } else { error }
}

fn capabilities(launcher: &Path, scripts: bool) -> Value {
    let mut arguments = ARGUMENTS.to_vec();
    // Chromium's sandbox does not work for root.
    arguments.extend(rustix::process::geteuid().is_root().then_some("--no-sandbox"));
    let mut options = json!({ "binary": launcher, "args": arguments });
    if !scripts {
        options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
    }
    json!({ "capabilities": { "alwaysMatch": { "browserName": "chrome", "goog:chromeOptions": options } } })
}

async fn call(url: &str, body: &Value) -> Result<Value, Error> {
    value(&http::post_json(url, body).await?)
}

/// Returns the value in a response, or the browser error.
fn value(response: &http::Response) -> Result<Value, Error> {
    let mut body = response.json()?;
    if response.status.is_success() {
        return Ok(body["value"].take());
    }
    let (error, message) = (&body["value"]["error"], &body["value"]["message"]);
    Err(Error::Unexpected(format!("the browser: {error} {message}")))
}

fn unexpected(what: &str, seen: &Value) -> Error {
    Error::Unexpected(format!("the browser gave {seen} for {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_the_log() {
        let log = "Starting ChromeDriver\nChromeDriver was started successfully on port 42217.\n";
        assert_eq!(port(log), Some(42217));
        assert_eq!(port("Starting ChromeDriver\n"), None);
    }
}
