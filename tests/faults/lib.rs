//! The fault campaign is the integration test `faults` of this package, see `main.rs`. It has a package of
//! its own so that it can be optimized separately from the rest of the workspace. Cargo requires a library
//! target.
