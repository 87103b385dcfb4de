//! What must always hold, and what must hold at the end (design.md, I1 to I10).

pub mod effects;
pub mod end;
pub mod ownership;
