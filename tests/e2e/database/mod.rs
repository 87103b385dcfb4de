//! PostgreSQL as people have it: poolers, locales, and URLs.

mod pgbouncer;
mod url;
