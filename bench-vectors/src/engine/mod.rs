//! Engines: what keeps vectors and finds the nearest ones, behind one small trait.
//!
//! An engine is one adapter file here and one line in [`NAMES`] and [`open`]. `flat` is ours: the control that every other
//! engine is compared with. The oracle that judges answers, [`exact_neighbours`], shares no code with it.

mod distance;
mod flat;
mod named;
mod oracle;

use std::cmp::Ordering;

use anyhow::{Result, bail};

pub use distance::Distance;
pub use flat::Flat;
pub use named::named_neighbours;
pub use oracle::{exact_neighbours, verify_exact};

/// The names of all engines that this build has, for the axis `engine`.
pub const NAMES: &[&str] = &["flat"];

/// One vector that a search found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// The id that the vector was inserted with.
    pub id: u64,
    /// Its [`Distance`] from the query.
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
    /// The engine's name: its value of the axis `engine`.
    fn name(&self) -> &'static str;

    /// The version that the engine reports of itself.
    fn version(&self) -> String;

    /// The number of components of each vector.
    fn dim(&self) -> usize;

    /// How many vectors it holds.
    fn len(&self) -> usize;

    /// Whether it holds none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a block of vectors, row-major, one id each. The caller keeps ids unique.
    ///
    /// # Errors
    /// When the block does not hold one vector per id, or the engine refuses.
    fn insert(&mut self, ids: &[u64], vectors: &[f32]) -> Result<()>;

    /// The `k` nearest vectors (all, if there are fewer), the nearest first.
    ///
    /// # Errors
    /// When the query has another number of components, or the engine fails.
    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>>;
}

/// An empty index of the engine called `name`.
///
/// # Errors
/// When there is no such engine in this build.
pub fn open(name: &str, dim: usize, distance: Distance) -> Result<Box<dyn Engine>> {
    match name {
        "flat" => Ok(Box::new(Flat::new(dim, distance))),
        _ => bail!("no engine {name:?} in this build; there is {}", NAMES.join(", ")),
    }
}
