//! Storage that engines lie on, in C or in mapped files, opened and asked by calls that Rust cannot check: a
//! room for `unsafe`.

#[cfg(any(feature = "arroy", feature = "hannoy"))]
mod lmdb;
mod mapped_file;
#[cfg(feature = "sqlite-vec")]
mod sqlite;

#[cfg(any(feature = "arroy", feature = "hannoy"))]
pub(crate) use lmdb::Lmdb;
pub(crate) use mapped_file::MappedFile;
#[cfg(feature = "sqlite-vec")]
pub(crate) use sqlite::{register_sqlite_vec, sqlite_memory_used};
