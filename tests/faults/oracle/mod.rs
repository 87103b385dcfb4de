//! The oracle: checks of I1 to I10 (`docs/guarantees.md`) after each effect and at the end.

pub mod effects;
pub mod end;
pub mod ownership;
