//! Storage in C that engines lie on, opened and asked by calls that Rust cannot check: a room for `unsafe`.

#[cfg(feature = "arroy")]
mod lmdb;
#[cfg(feature = "sqlite-vec")]
mod sqlite;

#[cfg(feature = "arroy")]
pub(super) use lmdb::TemporaryLmdb;
#[cfg(feature = "sqlite-vec")]
pub(super) use sqlite::{register_sqlite_vec, sqlite_memory_used};
