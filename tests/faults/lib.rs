//! The fault campaign is the integration test `faults` of this package, see `main.rs`. Its package is its own so that it can
//! be optimized without the rest of the workspace. Cargo requires a library target.
