//! A real browser (Chromium, headless), used as a person uses one: what is on a page is found by what it is called.

mod driver;

use std::fmt;

use serde_json::{Value, json};

use self::driver::Driver;
use crate::Error;

/// A browser with a profile of its own. It ends on drop.
pub struct Browser {
    driver: Driver,
}

/// How something on a page is found.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// By its id.
    Id(&'a str),
    /// An input, by its label.
    Field(&'a str),
    /// A button, by what stands on it.
    Button(&'a str),
    /// A link, by its text.
    Link(&'a str),
    /// Anything, by its CSS selector.
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
    /// To the next control.
    Tab,
    /// Does what the control does, or sends the form.
    Enter,
}

/// A device that pages are looked at with.
#[derive(Clone, Copy, Debug)]
pub enum Device {
    /// 390 by 844.
    Phone,
    /// 1280 by 800.
    Desktop,
}

impl Browser {
    /// Starts one.
    ///
    /// # Errors
    /// When it does not come up; the message says what to do.
    pub async fn start() -> Result<Self, Error> {
        Ok(Self { driver: Driver::start(true).await? })
    }

    /// Starts one that runs no scripts of any page.
    ///
    /// # Errors
    /// When it does not come up; the message says what to do.
    pub async fn without_scripts() -> Result<Self, Error> {
        Ok(Self { driver: Driver::start(false).await? })
    }

    /// Opens a page.
    ///
    /// # Errors
    /// When the browser says no.
    pub async fn open(&self, url: &str) -> Result<(), Error> {
        self.driver.post("/url", json!({ "url": url })).await.map(drop)
    }

    /// Where it is.
    ///
    /// # Errors
    /// When the browser says no.
    pub async fn url(&self) -> Result<String, Error> {
        self.driver.get("/url").await.map(|url| text(&url))
    }

    /// What a person sees of something.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn text(&self, by: By<'_>) -> Result<String, Error> {
        let element = self.find(by).await?;
        self.driver.get(&format!("{element}/text")).await.map(|seen| text(&seen))
    }

    /// What stands in a field.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn value(&self, by: By<'_>) -> Result<String, Error> {
        let element = self.find(by).await?;
        self.driver.get(&format!("{element}/property/value")).await.map(|value| text(&value))
    }

    /// An attribute; empty where there is none.
    ///
    /// # Errors
    /// When the element is not there.
    pub async fn attribute(&self, by: By<'_>, name: &str) -> Result<String, Error> {
        let element = self.find(by).await?;
        self.driver.get(&format!("{element}/attribute/{name}")).await.map(|value| text(&value))
    }

    /// Types into a field, over what stands there.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn fill(&self, by: By<'_>, typed: &str) -> Result<(), Error> {
        let element = self.find(by).await?;
        self.driver.post(&format!("{element}/clear"), json!({})).await?;
        self.driver.post(&format!("{element}/value"), json!({ "text": typed })).await.map(drop)
    }

    /// Clicks.
    ///
    /// # Errors
    /// When it is not there, or covered.
    pub async fn click(&self, by: By<'_>) -> Result<(), Error> {
        let element = self.find(by).await?;
        self.driver.post(&format!("{element}/click"), json!({})).await.map(drop)
    }

    /// Presses a key, wherever the focus is.
    ///
    /// # Errors
    /// When the browser says no.
    pub async fn press(&self, key: Key) -> Result<(), Error> {
        self.send_keys(match key {
            Key::Tab => "\u{e004}",
            Key::Enter => "\u{e007}",
        })
        .await
    }

    /// Types text, wherever the focus is.
    ///
    /// # Errors
    /// When the browser says no.
    pub async fn type_text(&self, typed: &str) -> Result<(), Error> {
        self.send_keys(typed).await
    }

    /// What assistive technology calls the control that has the focus.
    ///
    /// # Errors
    /// When nothing has it.
    pub async fn focused(&self) -> Result<String, Error> {
        let element = Driver::element(&self.driver.get("/element/active").await?)?;
        self.driver.get(&format!("{element}/computedlabel")).await.map(|label| text(&label))
    }

    /// Runs a script in the page, whose policy does not bind it; what it returns, or its promise gives.
    ///
    /// # Errors
    /// What it throws.
    pub async fn run(&self, script: &str) -> Result<Value, Error> {
        self.driver.post("/execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// Looks at pages as with this device from now on.
    ///
    /// # Errors
    /// When the browser says no.
    pub async fn emulate(&self, device: Device) -> Result<(), Error> {
        let (width, height, mobile) = match device {
            Device::Phone => (390, 844, true),
            Device::Desktop => (1280, 800, false),
        };
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await.map(drop)
    }

    /// Prefers light or dark from now on.
    ///
    /// # Errors
    /// When the browser says no.
    pub async fn prefer_color_scheme(&self, scheme: &str) -> Result<(), Error> {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await.map(drop)
    }

    /// A picture of the whole page, as PNG.
    ///
    /// # Errors
    /// When the browser says no.
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
        data.map_err(|error| Error::Unexpected(format!("no picture: {error}")))
    }

    async fn find(&self, by: By<'_>) -> Result<String, Error> {
        let found = self.driver.post("/element", by.locator()).await;
        Driver::element(&found.map_err(|error| Error::Unexpected(format!("{by}: {error}")))?)
    }

    /// Key by key, as from a keyboard.
    async fn send_keys(&self, keys: &str) -> Result<(), Error> {
        let key_actions = keys.chars().flat_map(|key| {
            ["keyDown", "keyUp"].map(|action| json!({ "type": action, "value": key.to_string() }))
        });
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": key_actions.collect::<Vec<_>>() });
        self.driver.post("/actions", json!({ "actions": [keyboard] })).await.map(drop)
    }

    /// A command of Chromium's own, where WebDriver has none.
    async fn devtools(&self, command: &str, parameters: Value) -> Result<Value, Error> {
        self.driver.post("/goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
