//! The deliberate defects, by area: the correct text of the code, and the wrong text that replaces it.

mod api;
mod continuity;
mod ivs;
mod provision;
mod reconcile;
mod registration;
mod resync;
mod runtime;
mod shared_waits;
mod status;
mod store;
mod username;

/// A deliberate defect.
pub struct Defect {
    /// Description of the defect.
    pub name: &'static str,
    /// File that contains the text.
    pub file: &'static str,
    /// The correct text, which occurs once in the file.
    pub right: &'static str,
    /// The wrong text. It uses whatever the correct text uses, so that the compiler reports nothing unused.
    pub wrong: &'static str,
}

/// Returns the defects of all areas.
pub fn all() -> impl Iterator<Item = &'static Defect> {
    let areas = [
        api::DEFECTS,
        continuity::DEFECTS,
        ivs::DEFECTS,
        provision::DEFECTS,
        reconcile::DEFECTS,
        registration::DEFECTS,
        resync::DEFECTS,
        runtime::DEFECTS,
        shared_waits::DEFECTS,
        status::DEFECTS,
        store::DEFECTS,
        username::DEFECTS,
    ];
    areas.into_iter().flatten()
}
