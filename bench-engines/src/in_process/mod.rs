//! The engines that run in the process that is measured, one adapter a file.

#[cfg(feature = "arroy")]
pub(crate) mod arroy;
#[cfg(feature = "diskann")]
pub(crate) mod diskann;
pub(crate) mod flat;
#[cfg(feature = "hannoy")]
pub(crate) mod hannoy;
#[cfg(feature = "hnsw_rs")]
pub(crate) mod hnsw_rs;
#[cfg(feature = "instant-distance")]
pub(crate) mod instant_distance;
#[cfg(feature = "qdrant-edge")]
pub(crate) mod qdrant_edge;
#[cfg(feature = "sqlite-vec")]
pub(crate) mod sqlite_vec;
#[cfg(feature = "usearch")]
pub(crate) mod usearch;
