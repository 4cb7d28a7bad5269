//! The engine `flat`: every vector in one block, every search over all of them. Exact, up to what its storage
//! loses.

mod codes;
mod file;

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::adapter::{Adapter, Capabilities, HeapVisibility, IndexSpec};
use crate::block::{ensure_block, ensure_query, insert_rows};
use crate::distance::Distance;
use crate::engine::{Engine, Neighbour};
use crate::id_set::IdSet;
use crate::storage::{Placement, Storage};

use codes::{Codes, CodesView};
use file::MappedFlat;

pub(crate) const ADAPTER: Adapter = Adapter {
    name: "flat",
    package: None,
    capabilities: Capabilities {
        distances: &Distance::ALL,
        largest_dim: None,
        exact: true,
        delete: true,
        update: true,
        filter: true,
        labels: false,
        threads: true,
        storages: &[Storage::F32, Storage::F16, Storage::I8, Storage::B1],
        placements: &[Placement::Memory, Placement::Mapped],
        exact_distances: true,
    },
    parameters: &["reserve", "batch"],
    heap: HeapVisibility::Rust,
    varies: None,
    cosine_of: (0.0, f32::MAX),
    build: |spec, vectors| {
        let mut flat = Flat { codes: Codes::new(spec.storage)?, ..Flat::new(spec.dim, spec.distance) };
        flat.ids.reserve_exact(spec.reserve);
        flat.codes.reserve_exact(spec.reserve, spec.dim);
        insert_rows(flat, vectors, spec.batch)
    },
    open,
};

/// The file of a saved index, in its folder.
const FILE: &str = "flat.index";

fn open(spec: &IndexSpec, folder: &Path, placement: Placement) -> Result<Box<dyn Engine>> {
    let path = folder.join(FILE);
    match placement {
        Placement::Memory => {
            let (ids, codes) = file::read(&path, spec)?;
            Ok(Box::new(Flat { dim: spec.dim, distance: spec.distance, ids, codes }))
        }
        Placement::Mapped => Ok(Box::new(MappedFlat::open(&path, spec)?)),
        Placement::Disk => bail!("flat reads its file into memory or maps it"),
    }
}

/// An exact index without any structure: what it holds is the vectors and their ids.
pub struct Flat {
    dim: usize,
    distance: Distance,
    ids: Vec<u64>,
    codes: Codes,
}

impl Flat {
    /// An empty index of vectors with `dim` components.
    ///
    /// # Panics
    /// When `dim` is 0.
    pub fn new(dim: usize, distance: Distance) -> Flat {
        assert!(dim > 0, "vectors need at least one component");
        Flat { dim, distance, ids: Vec::new(), codes: Codes::F32(Vec::new()) }
    }

    fn nearest(&self, query: &[f32], k: usize, is_allowed: impl Fn(u64) -> bool) -> Result<Vec<Neighbour>> {
        nearest(&self.rows(), query, k, is_allowed)
    }

    fn rows(&self) -> FlatRows<'_> {
        FlatRows { dim: self.dim, distance: self.distance, ids: &self.ids, codes: self.codes.view() }
    }
}

/// The vectors of an index, wherever they lie.
struct FlatRows<'a> {
    dim: usize,
    distance: Distance,
    ids: &'a [u64],
    codes: CodesView<'a>,
}

/// The `k` nearest of the vectors whose ids are allowed.
fn nearest(
    rows: &FlatRows<'_>,
    query: &[f32],
    k: usize,
    is_allowed: impl Fn(u64) -> bool,
) -> Result<Vec<Neighbour>> {
    let FlatRows { dim, distance, ids, codes } = rows;
    ensure_query(query, *dim)?;
    let mut nearest = BinaryHeap::with_capacity(k + 1);
    let mut query = codes.query(query);
    for (row, &id) in ids.iter().enumerate().filter(|(_, id)| is_allowed(**id)) {
        // A rank until all are found.
        let rank = codes.rank(&mut query, row, *dim, *distance);
        let found = FarthestFirst(Neighbour { id, distance: rank });
        if nearest.len() < k {
            nearest.push(found);
        } else if nearest.peek().is_some_and(|farthest| found < *farthest) {
            nearest.pop();
            nearest.push(found);
        }
    }
    let with_distance =
        |FarthestFirst(found)| Neighbour { distance: distance.of_rank(found.distance), ..found };
    Ok(nearest.into_sorted_vec().into_iter().map(with_distance).collect())
}

impl Engine for Flat {
    fn len(&self) -> usize {
        self.ids.len()
    }

    fn insert(&mut self, ids: &[u64], vectors: &[f32]) -> Result<()> {
        ensure_block(ids, vectors, self.dim)?;
        self.codes.extend(vectors, self.dim)?;
        self.ids.extend_from_slice(ids);
        Ok(())
    }

    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        self.nearest(query, k.min(self.len()), |_| true)
    }

    fn exhaustive(&self, query: &[f32], k: usize) -> Result<Option<Vec<Neighbour>>> {
        self.search(query, k).map(Some)
    }

    fn search_filtered(&self, query: &[f32], k: usize, allowed: &IdSet) -> Result<Vec<Neighbour>> {
        self.nearest(query, k.min(allowed.len()), |id| allowed.contains(id))
    }

    fn save(&self, folder: &Path) -> Result<()> {
        file::write(&folder.join(FILE), &self.rows())
    }

    /// The last vector takes the place of each deleted one; the room stays.
    fn delete(&mut self, ids: &[u64]) -> Result<()> {
        let mut places: HashMap<u64, usize> = self.ids.iter().copied().zip(0..).collect();
        for id in ids {
            let place = places.remove(id).with_context(|| format!("there is no vector {id} to remove"))?;
            self.codes.swap_remove(place, self.ids.len(), self.dim);
            self.ids.swap_remove(place);
            if let Some(&moved) = self.ids.get(place) {
                places.insert(moved, place);
            }
        }
        Ok(())
    }
}

/// The order of the heap: its top is the farthest of those found so far.
struct FarthestFirst(Neighbour);

impl Ord for FarthestFirst {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.nearer_first(&other.0)
    }
}

impl PartialOrd for FarthestFirst {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for FarthestFirst {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for FarthestFirst {}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Flat {
        let mut flat = Flat::new(1, Distance::L2);
        flat.insert(&[10, 11, 12], &[0.0, 5.0, 2.0]).unwrap();
        flat.insert(&[13], &[-1.0]).unwrap();
        flat
    }

    fn ids(found: &[Neighbour]) -> Vec<u64> {
        found.iter().map(|neighbour| neighbour.id).collect()
    }

    #[test]
    fn the_nearest_come_first_and_equal_ones_by_id() {
        assert_eq!(ids(&line().search(&[0.4], 3).unwrap()), [10, 13, 12]);
        assert_eq!(ids(&line().search(&[1.0], 2).unwrap()), [10, 12], "both at distance 1");
        assert_eq!(line().search(&[4.0], 1).unwrap(), [Neighbour { id: 11, distance: 1.0 }]);
    }

    #[test]
    fn a_search_for_more_than_there_are_finds_all() {
        assert_eq!(line().search(&[0.0], 100).unwrap().len(), 4);
        assert_eq!(line().search(&[0.0], 0).unwrap(), []);
        assert_eq!(Flat::new(3, Distance::Cosine).search(&[1.0, 0.0, 0.0], 5).unwrap(), []);
    }

    #[test]
    fn what_was_deleted_is_not_found_and_the_rest_is() {
        let mut flat = line();
        flat.delete(&[11, 10]).unwrap();
        assert_eq!(ids(&flat.search(&[0.4], 9).unwrap()), [13, 12]);
        assert!(flat.delete(&[10]).unwrap_err().to_string().contains("no vector 10"));
        flat.insert(&[10], &[0.0]).unwrap();
        assert_eq!(ids(&flat.search(&[0.4], 9).unwrap()), [10, 13, 12]);
    }

    #[test]
    fn a_block_or_a_query_of_another_dim_is_refused() {
        assert!(line().insert(&[1, 2], &[0.0]).unwrap_err().to_string().contains("2 vectors of dim 1"));
        assert!(line().search(&[0.0, 1.0], 1).is_err());
    }
}
