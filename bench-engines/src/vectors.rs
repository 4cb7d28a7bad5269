//! A block of vectors in memory.

use anyhow::{Result, bail, ensure};
use xxhash_rust::xxh3::Xxh3;

/// Vectors of equal dim in one block, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Vectors {
    dim: usize,
    data: Vec<f32>,
}

impl Vectors {
    /// The vectors that `data` holds, row-major.
    ///
    /// # Errors
    /// When the data is no whole number of vectors, or a component is not a finite number: no distance is
    /// defined for it.
    pub fn new(dim: usize, data: Vec<f32>) -> Result<Vectors> {
        ensure!(dim > 0, "vectors need at least one component");
        ensure!(data.len().is_multiple_of(dim), "{} components are no vectors of dim {dim}", data.len());
        if let Some(at) = data.iter().position(|x| !x.is_finite()) {
            bail!(
                "vector {}, component {} is {}; every component must be finite",
                at / dim,
                at % dim,
                data[at]
            );
        }
        Ok(Vectors { dim, data })
    }

    /// The number of components of each vector.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        self.data.len() / self.dim
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// All components, row-major.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// The vector with the number `row`.
    ///
    /// # Panics
    /// When there are not that many.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.data[row * self.dim..][..self.dim]
    }

    /// Splits off the vectors from `row` on: `(before, from)`.
    ///
    /// # Panics
    /// When there are not that many.
    pub fn split_at(mut self, row: usize) -> (Vectors, Vectors) {
        let from = self.data.split_off(row * self.dim);
        // The block keeps its capacity otherwise, and live bytes would count what was split off.
        self.data.shrink_to_fit();
        (Vectors { dim: self.dim, data: self.data }, Vectors { dim: self.dim, data: from })
    }

    /// XXH3-128 over the dim and the components' bytes: which vectors these are, whatever file they came
    /// from.
    pub fn hash(&self) -> String {
        let mut hash = Xxh3::new();
        hash.update(&(self.dim as u64).to_le_bytes());
        hash.update(bytemuck::cast_slice(&self.data));
        format!("xxh3:{:032x}", hash.digest128())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_slices_of_the_block() {
        let vectors = Vectors::new(2, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        assert_eq!((vectors.len(), vectors.row(1)), (3, &[3.0, 4.0][..]));
        let (before, from) = vectors.split_at(1);
        assert_eq!((before.data(), from.data()), (&[1.0, 2.0][..], &[3.0, 4.0, 5.0, 6.0][..]));
    }

    #[test]
    fn what_has_no_distance_is_refused() {
        for (data, reason) in [
            (vec![0.0; 3], "3 components are no vectors of dim 2"),
            (vec![0.0, 0.0, 0.0, f32::NAN], "vector 1, component 1 is NaN"),
            (vec![f32::INFINITY, 0.0], "vector 0, component 0 is inf"),
        ] {
            assert!(Vectors::new(2, data).unwrap_err().to_string().contains(reason), "{reason}");
        }
        assert!(Vectors::new(0, Vec::new()).is_err());
    }

    #[test]
    fn the_hash_depends_on_shape_and_components() {
        let hash = |dim, data: &[f32]| Vectors::new(dim, data.to_vec()).unwrap().hash();
        assert_eq!(hash(2, &[1.0, 2.0]), hash(2, &[1.0, 2.0]));
        assert_ne!(hash(2, &[1.0, 2.0]), hash(1, &[1.0, 2.0]));
        assert_ne!(hash(2, &[1.0, 2.0]), hash(2, &[1.0, 2.5]));
    }
}
