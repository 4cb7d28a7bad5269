//! The engines that are servers, one adapter a file.

mod connections;
#[cfg(feature = "pgvector")]
pub(crate) mod pgvector;
#[cfg(feature = "qdrant")]
pub(crate) mod qdrant;
