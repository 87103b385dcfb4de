//! The handlers, one file for each resource.

pub mod account;
pub mod change_password;
pub mod delete;
pub mod events;
pub mod fallback;
pub mod home;
pub mod overload;
pub mod probe;
pub mod register;
pub mod sign_in;
pub mod stream_key;
