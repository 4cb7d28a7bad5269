//! The trait that every engine has: an index that is searched, grows and shrinks.

use std::cmp::Ordering;
use std::path::Path;

use anyhow::{Result, bail};

use crate::id_set::IdSet;

/// One vector that a search found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// The id that the vector was inserted with.
    pub id: u64,
    /// Its [`Distance`](crate::Distance) from the query.
    pub distance: f32,
}

impl Neighbour {
    /// The nearer one first; at equal distances the one with the smaller id.
    pub fn nearer_first(&self, other: &Neighbour) -> Ordering {
        self.distance.total_cmp(&other.distance).then(self.id.cmp(&other.id))
    }
}

/// An index of vectors. Threads may search it at the same time.
pub trait Engine: Send + Sync {
    /// How many vectors it holds.
    fn len(&self) -> usize;

    /// Whether it holds none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `k` nearest vectors (all, if there are fewer), the nearest first.
    ///
    /// # Errors
    /// When the query has another number of components, or the engine fails.
    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>>;

    /// The `k` nearest of the vectors whose ids are `allowed` (all of those, if there are fewer), the nearest
    /// first.
    ///
    /// # Errors
    /// As [`Engine::search`]; without [`Capabilities::filter`](crate::Capabilities::filter) always.
    fn search_filtered(&self, _query: &[f32], _k: usize, _allowed: &IdSet) -> Result<Vec<Neighbour>> {
        bail!("this engine cannot search under a filter")
    }

    /// As [`Engine::search`], by a comparison with every code that is kept, past the graph or the trees:
    /// what the codes lose, apart from what the way through them loses. Nothing where the engine cannot.
    ///
    /// # Errors
    /// As [`Engine::search`].
    fn exhaustive(&self, _query: &[f32], _k: usize) -> Result<Option<Vec<Neighbour>>> {
        Ok(None)
    }

    /// Adds a block of vectors, row-major, one id each. The caller keeps ids unique.
    ///
    /// # Errors
    /// When the block does not hold one vector per id, or the engine refuses: without
    /// [`Capabilities::update`](crate::Capabilities::update) it always does.
    fn insert(&mut self, _ids: &[u64], _vectors: &[f32]) -> Result<()> {
        bail!("this engine cannot insert into an index that was built")
    }

    /// Removes the vectors with these ids.
    ///
    /// # Errors
    /// When an id is not there, or the engine refuses: without
    /// [`Capabilities::delete`](crate::Capabilities::delete) it always does.
    fn delete(&mut self, _ids: &[u64]) -> Result<()> {
        bail!("this engine cannot delete")
    }

    /// Writes the index into an empty folder, to be opened again by [`open`](crate::open).
    ///
    /// # Errors
    /// When a file cannot be written; without [`Capabilities::placements`](crate::Capabilities::placements)
    /// always.
    fn save(&self, _folder: &Path) -> Result<()> {
        bail!("this engine cannot save an index")
    }

    /// Another client of the same index, with a connection of its own.
    ///
    /// # Errors
    /// When the server refuses, and for an engine inside this process always.
    fn connect(&self) -> Result<Box<dyn Client>> {
        bail!("this engine is no server")
    }

    /// What the engine says of its own memory, in bytes, if it says anything.
    fn memory_bytes(&self) -> Option<u64> {
        None
    }

    /// The bytes that its files take on the disk, for an engine that has files; holes in them take none. Of a
    /// server what it says.
    fn disk_bytes(&self) -> Option<u64> {
        None
    }
}

/// A client of an index that a server holds. Dropping it closes its connection.
pub trait Client: Send {
    /// As [`Engine::search`].
    ///
    /// # Errors
    /// As [`Engine::search`].
    fn search(&mut self, query: &[f32], k: usize) -> Result<Vec<Neighbour>>;
}
