//! Names of types: within a crate, the name of a public type belongs to no other type.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::{files_below, root};

/// Names that several modules of a crate may define, because code outside qualifies them: `store::Error`.
const QUALIFIED: [&str; 2] = ["Error", "Result"];

/// A type that a source file defines.
struct Definition {
    name: String,
    is_public: bool,
    /// File and line.
    place: String,
}

/// A source file: the types that it defines, and the modules that it declares.
struct Source {
    definitions: Vec<Definition>,
    modules: Vec<PathBuf>,
}

impl Source {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let shown = path.strip_prefix(canonical(&root())).expect("a path below the root").display();
        let (mut definitions, mut modules, mut attribute) = (Vec::new(), Vec::new(), None);
        for (line, number) in text.lines().zip(1..) {
            if let Some((name, is_public)) = type_of(line) {
                let place = format!("{shown}:{number}");
                definitions.push(Definition { name: name.to_owned(), is_public, place });
            }
            modules.extend(module_of(line).map(|name| module_path(path, name, attribute)));
            attribute = line.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]"));
        }
        Self { definitions, modules }
    }
}

/// Returns what follows the visibility of an item, and true if the item is public, even if only in a part of
/// the crate.
fn after_visibility(code: &str) -> (&str, bool) {
    let public = code.strip_prefix("pub ");
    let restricted = || code.strip_prefix("pub(")?.split_once(") ").map(|(_, item)| item);
    public.or_else(restricted).map_or((code, false), |item| (item, true))
}

/// Returns the name of the type that a line defines, and true if it is public. Ignores associated types,
/// which have neither a visibility nor the first column.
fn type_of(line: &str) -> Option<(&str, bool)> {
    let code = line.trim_start();
    let (item, is_public) = after_visibility(code);
    let (keyword, rest) = item.split_once(' ')?;
    let is_type = match keyword {
        "struct" | "enum" | "union" | "trait" => true,
        "type" => is_public || code.len() == line.len(),
        _ => false,
    };
    let name = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
    (is_type && name.starts_with(|c: char| c.is_ascii_uppercase())).then_some((name, is_public))
}

/// Returns the name of the module that a line declares, if its text is in another file.
fn module_of(line: &str) -> Option<&str> {
    after_visibility(line).0.strip_prefix("mod ")?.strip_suffix(';')
}

/// Returns the file of a module that a file declares.
fn module_path(declaring: &Path, name: &str, attribute: Option<&str>) -> PathBuf {
    let folder = declaring.parent().expect("a folder");
    if let Some(path) = attribute {
        return canonical(&folder.join(path));
    }
    let paths = [declaring.with_extension(""), folder.to_owned()]
        .map(|folder| [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")]);
    let found = paths.into_iter().flatten().find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{}: no file of the module {name}", declaring.display()))
}

/// Returns the path without `..`, by which a file is known.
fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the source files of each crate. A file that no other one declares as a module is the root of a
/// crate.
fn crates(sources: &BTreeMap<PathBuf, Source>) -> Vec<BTreeSet<&Path>> {
    let modules: BTreeSet<_> = sources.values().flat_map(|source| &source.modules).collect();
    let roots = sources.keys().filter(|path| !modules.contains(path));
    let files = roots.map(|root| {
        let (mut files, mut open) = (BTreeSet::new(), vec![root.as_path()]);
        while let Some(path) = open.pop() {
            files.insert(path);
            open.extend(sources[path].modules.iter().map(PathBuf::as_path));
        }
        files
    });
    files.collect()
}

#[test]
fn the_name_of_a_public_type_belongs_to_no_other_type_of_its_crate() {
    let files = files_below(&canonical(&root()), "rs").into_iter();
    let sources: BTreeMap<_, _> = files.map(|path| (path.clone(), Source::read(&path))).collect();
    let crates = crates(&sources);
    assert!(crates.iter().any(|files| files.len() > 100), "the modules of the crates were not found");
    let mut ambiguous = BTreeSet::new();
    for files in crates {
        let mut by_name: BTreeMap<&str, Vec<&Definition>> = BTreeMap::new();
        for definition in files.iter().flat_map(|path| &sources[*path].definitions) {
            by_name.entry(&definition.name).or_default().push(definition);
        }
        by_name.retain(|name, all| {
            !QUALIFIED.contains(name) && all.len() > 1 && all.iter().any(|definition| definition.is_public)
        });
        ambiguous.extend(by_name.into_iter().map(|(name, all)| {
            let places: Vec<_> = all.iter().map(|definition| definition.place.as_str()).collect();
            format!("{name}: {}", places.join(", "))
        }));
    }
    let ambiguous = ambiguous.into_iter().collect::<Vec<_>>().join("\n");
    assert!(ambiguous.is_empty(), "give each of these types a name of its own:\n{ambiguous}");
}
