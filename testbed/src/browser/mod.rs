//! A real browser (headless Chromium), used as a person uses it: elements are found by their visible names.

mod driver;

use std::fmt;

use serde_json::{Value, json};

use self::driver::Driver;
use crate::Error;

/// A browser with its own profile, closed on drop.
pub struct Browser {
    driver: Driver,
}

/// Locator of an element on a page.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// An element, by its id.
    Id(&'a str),
    /// An input, by its label.
    Field(&'a str),
    /// A button, by its text.
    Button(&'a str),
    /// A link, by its text.
    Link(&'a str),
    /// Any element, by a CSS selector.
    Css(&'a str),
}

impl fmt::Display for By<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl By<'_> {
    fn locator(self) -> Value {
        let path = |path: String| json!({ "using": "xpath", "value": path });
        match self {
            Self::Id(id) => json!({ "using": "css selector", "value": format!("[id='{id}']") }),
            Self::Css(selector) => json!({ "using": "css selector", "value": selector }),
            Self::Field(label) => path(format!("//input[@id=//label[normalize-space()='{label}']/@for]")),
            Self::Button(text) => path(format!("//button[normalize-space()='{text}']")),
            Self::Link(text) => path(format!("//a[normalize-space()='{text}']")),
        }
    }
}

/// A key of the keyboard.
#[derive(Clone, Copy, Debug)]
pub enum Key {
    /// Tab: moves to the next control.
    Tab,
    /// Enter: activates the control, or submits the form.
    Enter,
}

/// A device to emulate.
#[derive(Clone, Copy, Debug)]
pub enum Device {
    /// 390 by 844 pixels.
    Phone,
    /// 1280 by 800 pixels.
    Desktop,
}

impl Browser {
    /// Starts a browser.
    ///
    /// # Errors
    /// If it does not start; the message says what to do.
    pub async fn start() -> Result<Self, Error> {
        Ok(Self { driver: Driver::start(true).await? })
    }

    /// Starts a browser with JavaScript disabled.
    ///
    /// # Errors
    /// If it does not start; the message says what to do.
    pub async fn without_scripts() -> Result<Self, Error> {
        Ok(Self { driver: Driver::start(false).await? })
    }

    /// Opens a page.
    ///
    /// # Errors
    /// If the browser reports an error.
    pub async fn open(&self, url: &str) -> Result<(), Error> {
        self.driver.post("/url", json!({ "url": url })).await.map(drop)
    }

    /// Returns the URL of the current page.
    ///
    /// # Errors
    /// If the browser reports an error.
    pub async fn url(&self) -> Result<String, Error> {
        self.driver.get("/url").await.map(|url| text(&url))
    }

    /// Returns the visible text of an element.
    ///
    /// # Errors
    /// If the element does not exist.
    pub async fn text(&self, by: By<'_>) -> Result<String, Error> {
        let element = self.find(by).await?;
        self.driver.get(&format!("{element}/text")).await.map(|seen| text(&seen))
    }

    /// Returns the value of a field.
    ///
    /// # Errors
    /// If the element does not exist.
    pub async fn value(&self, by: By<'_>) -> Result<String, Error> {
        let element = self.find(by).await?;
        self.driver.get(&format!("{element}/property/value")).await.map(|value| text(&value))
    }

    /// Returns an attribute, or an empty string if the element does not have it.
    ///
    /// # Errors
    /// If the element does not exist.
    pub async fn attribute(&self, by: By<'_>, name: &str) -> Result<String, Error> {
        let element = self.find(by).await?;
        self.driver.get(&format!("{element}/attribute/{name}")).await.map(|value| text(&value))
    }

    /// Replaces the value of a field by typing.
    ///
    /// # Errors
    /// If the element does not exist.
    pub async fn fill(&self, by: By<'_>, typed: &str) -> Result<(), Error> {
        let element = self.find(by).await?;
        self.driver.post(&format!("{element}/clear"), json!({})).await?;
        self.driver.post(&format!("{element}/value"), json!({ "text": typed })).await.map(drop)
    }

    /// Clicks an element.
    ///
    /// # Errors
    /// If the element does not exist, or is covered by another one.
    pub async fn click(&self, by: By<'_>) -> Result<(), Error> {
        let element = self.find(by).await?;
        self.driver.post(&format!("{element}/click"), json!({})).await.map(drop)
    }

    /// Presses a key in the focused element.
    ///
    /// # Errors
    /// If the browser reports an error.
    pub async fn press(&self, key: Key) -> Result<(), Error> {
        self.send_keys(match key {
            Key::Tab => "\u{e004}",
            Key::Enter => "\u{e007}",
        })
        .await
    }

    /// Types text into the focused element.
    ///
    /// # Errors
    /// If the browser reports an error.
    pub async fn type_text(&self, typed: &str) -> Result<(), Error> {
        self.send_keys(typed).await
    }

    /// Returns the accessible name of the focused control.
    ///
    /// # Errors
    /// If no control has the focus.
    pub async fn focused(&self) -> Result<String, Error> {
        let element = Driver::element(&self.driver.get("/element/active").await?)?;
        self.driver.get(&format!("{element}/computedlabel")).await.map(|label| text(&label))
    }

    /// Runs a script in the page, regardless of the page's content security policy. Returns its result, or
    /// that of its promise.
    ///
    /// # Errors
    /// If the script throws.
    pub async fn run(&self, script: &str) -> Result<Value, Error> {
        self.driver.post("/execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// Emulates this device from now on.
    ///
    /// # Errors
    /// If the browser reports an error.
    pub async fn emulate(&self, device: Device) -> Result<(), Error> {
        let (width, height, mobile) = match device {
            Device::Phone => (390, 844, true),
            Device::Desktop => (1280, 800, false),
        };
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await.map(drop)
    }

    /// Sets the preferred color scheme, `light` or `dark`.
    ///
    /// # Errors
    /// If the browser reports an error.
    pub async fn prefer_color_scheme(&self, scheme: &str) -> Result<(), Error> {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await.map(drop)
    }

    /// Takes a screenshot of the whole page, as PNG.
    ///
    /// # Errors
    /// If the browser reports an error.
    pub async fn screenshot(&self) -> Result<Vec<u8>, Error> {
        use base64::Engine as _;
        let metrics = self.devtools("Page.getLayoutMetrics", json!({})).await?;
        let (page, view) = (&metrics["cssContentSize"], &metrics["cssLayoutViewport"]);
        let heights = [page["height"].as_f64(), view["clientHeight"].as_f64()];
        let height = heights.into_iter().flatten().fold(0.0, f64::max);
        let clip = json!({ "x": 0, "y": 0, "width": page["width"], "height": height, "scale": 1 });
        let taken =
            self.devtools("Page.captureScreenshot", json!({ "captureBeyondViewport": true, "clip": clip }));
        let data = base64::prelude::BASE64_STANDARD.decode(text(&taken.await?["data"]));
        data.map_err(|error| Error::Unexpected(format!("cannot decode the screenshot: {error}")))
    }

    async fn find(&self, by: By<'_>) -> Result<String, Error> {
        let found = self.driver.post("/element", by.locator()).await;
        Driver::element(&found.map_err(|error| Error::Unexpected(format!("{by}: {error}")))?)
    }

    /// Sends key presses one by one.
    async fn send_keys(&self, keys: &str) -> Result<(), Error> {
        let key_actions = keys.chars().flat_map(|key| {
            ["keyDown", "keyUp"].map(|action| json!({ "type": action, "value": key.to_string() }))
        });
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": key_actions.collect::<Vec<_>>() });
        self.driver.post("/actions", json!({ "actions": [keyboard] })).await.map(drop)
    }

    /// Runs a command of Chromium's DevTools protocol, for what WebDriver does not cover.
    async fn devtools(&self, command: &str, parameters: Value) -> Result<Value, Error> {
        self.driver.post("/goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
