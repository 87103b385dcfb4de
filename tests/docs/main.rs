//! Texts of the repository: links and paths in the Markdown pages lead to something that exists, each anchor
//! stands once in its page, and names in the sources have one meaning and a limited length.

#![allow(clippy::missing_panics_doc, missing_docs, reason = "a test")]

mod test_names;
mod type_names;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Folders in which a path in backticks must exist.
const SOURCES: [&str; 8] =
    ["src/", "tests/", "simulator/", "testbed/", "charts/", "migrations/", "docs/", "examples/"];

/// The anchors, links and paths of one page.
#[derive(Default)]
struct Page {
    /// Anchors of its headings, as GitHub makes them, and of its `<a id>` elements.
    anchors: BTreeSet<String>,
    /// Anchors that stand more than once.
    repeated: Vec<String>,
    /// Targets of its links that are not URLs.
    links: Vec<String>,
    /// Paths in backticks.
    paths: Vec<String>,
}

impl Page {
    /// Adds an anchor, if there is one.
    fn add_anchor(&mut self, anchor: Option<String>) {
        let Some(anchor) = anchor else { return };
        if !self.anchors.insert(anchor.clone()) {
            self.repeated.push(anchor);
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the pages of the source tree. Does not ask git, which may be missing or distrust the owner of the
/// checkout.
fn pages() -> Vec<PathBuf> {
    let pages = files_below(&root(), "md");
    assert!(pages.len() > 10, "pages are missing: {pages:?}");
    pages
}

/// Returns the files of the source tree with this extension.
fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let is_source = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // A module may have the name of the build directory.
        let is_built = name == "node_modules" || name == "target" && folder.join("Cargo.lock").is_file();
        !is_built && (!name.starts_with('.') || name == ".github")
    };
    let (folders, files): (Vec<_>, Vec<_>) = paths.filter(is_source).partition(|path| path.is_dir());
    let is_wanted = |path: &PathBuf| path.extension().is_some_and(|found| found == extension);
    let below = folders.iter().flat_map(|folder| files_below(folder, extension));
    files.into_iter().filter(is_wanted).chain(below).collect()
}

fn read(path: &Path) -> Page {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut page = Page::default();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => page.add_anchor(heading.take().map(|text| anchor(&text))),
            Event::Start(Tag::Link { dest_url, .. }) if !dest_url.contains("://") => {
                page.links.push(dest_url.into_string());
            }
            Event::Text(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::Code(code) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&code);
                }
                page.paths.extend(is_path(&code).then(|| code.into_string()));
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                let id = html.split_once("id=\"").and_then(|(_, rest)| rest.split('"').next());
                page.add_anchor(id.map(str::to_owned));
            }
            _ => {}
        }
    }
    page
}

/// Returns true if the text names one file or folder of the repository, without a placeholder.
fn is_path(code: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    SOURCES.iter().any(|folder| code.starts_with(folder)) && code.chars().all(is_plain)
}

fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
}

#[test]
fn links_of_the_pages_lead_to_pages_and_headings() {
    let mut dead = Vec::new();
    for path in pages() {
        for link in read(&path).links {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let folder = path.parent().expect("a folder");
            let target = if file.is_empty() { path.clone() } else { folder.join(file) };
            let is_there = target.exists() && (anchor.is_empty() || read(&target).anchors.contains(anchor));
            dead.extend((!is_there).then(|| format!("{}: {link}", path.display())));
        }
    }
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

#[test]
fn an_anchor_stands_once_in_its_page() {
    let mut repeated = Vec::new();
    // Each version has the same headings in the changelog.
    for path in pages().into_iter().filter(|path| !path.ends_with("CHANGELOG.md")) {
        let anchors = read(&path).repeated.into_iter();
        repeated.extend(anchors.map(|anchor| format!("{}: {anchor}", path.display())));
    }
    assert!(repeated.is_empty(), "anchors that stand more than once:\n{}", repeated.join("\n"));
}

#[test]
fn paths_in_the_pages_exist() {
    let mut missing = Vec::new();
    for path in pages() {
        let folder = path.parent().expect("a folder");
        let is_there = |named: &String| root().join(named).exists() || folder.join(named).exists();
        let wrong = read(&path).paths.into_iter().filter(|named| !is_there(named));
        missing.extend(wrong.map(|named| format!("{}: {named}", path.display())));
    }
    assert!(missing.is_empty(), "no such file:\n{}", missing.join("\n"));
}
