//! PostgreSQL as people have it: poolers, locales, and URLs.

mod locale;
mod pgbouncer;
mod url;
