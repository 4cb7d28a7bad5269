//! Storage in C that engines lie on, opened and asked by calls that Rust cannot check: a room for `unsafe`.

#[cfg(any(feature = "arroy", feature = "hannoy"))]
mod lmdb;
#[cfg(feature = "sqlite-vec")]
mod sqlite;

#[cfg(any(feature = "arroy", feature = "hannoy"))]
pub(crate) use lmdb::TemporaryLmdb;
#[cfg(feature = "sqlite-vec")]
pub(crate) use sqlite::{register_sqlite_vec, sqlite_memory_used};
