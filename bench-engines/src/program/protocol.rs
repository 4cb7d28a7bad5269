//! The lines of protocol 1, as docs/external-engines.md explains them.

use std::path::Path;

use bench_core::harness::ProgramAbilities;
use serde::{Deserialize, Serialize};

/// The version of the protocol that this build speaks.
pub(crate) const PROTOCOL: u64 = 1;

/// What a program is asked.
#[derive(Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(crate) enum Request<'a> {
    Hello {
        protocol: u64,
        threads: usize,
    },
    /// Read a block of vectors and keep it.
    Load {
        block: u64,
        file: &'a Path,
    },
    /// Forget a block.
    Unload {
        block: u64,
    },
    /// Build an index of rows; their ids count from 0.
    Build {
        block: u64,
        from: usize,
        count: usize,
        dim: usize,
        distance: String,
        m: usize,
        ef_construction: usize,
        ef: usize,
        reserve: usize,
        batch: usize,
        threads: usize,
    },
    /// Add rows to the index.
    Insert {
        block: u64,
        from: usize,
        count: usize,
        ids: &'a [u64],
    },
    Delete {
        ids: &'a [u64],
    },
    /// Find the nearest to one row.
    Search {
        block: u64,
        row: usize,
        k: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        allowed: Option<Vec<u64>>,
    },
    /// Say what the index takes, as the engine tells it.
    Figures,
    /// Collect what is not used any more: the memory is about to be read.
    Settle,
    /// Write the index into a folder.
    Save {
        folder: &'a Path,
    },
    /// Forget the index.
    Drop,
}

/// What a program says of itself.
#[derive(Debug, Deserialize)]
pub(crate) struct Hello {
    pub(crate) protocol: u64,
    /// The library's name and version.
    #[serde(default)]
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) abilities: ProgramAbilities,
}

/// An answer that says no more than that it is done.
#[derive(Deserialize)]
pub(crate) struct Done {}

/// How many vectors the index holds now.
#[derive(Deserialize)]
pub(crate) struct Holds {
    pub(crate) count: usize,
}

/// What a search found, the nearest first.
#[derive(Deserialize)]
pub(crate) struct NearestRows {
    pub(crate) ids: Vec<u64>,
    pub(crate) distances: Vec<f32>,
}

/// What the engine says of its own memory and files.
#[derive(Deserialize)]
pub(crate) struct Figures {
    #[serde(default)]
    pub(crate) memory_bytes: Option<u64>,
    #[serde(default)]
    pub(crate) disk_bytes: Option<u64>,
}
