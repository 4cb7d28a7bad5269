//! The vectors of `flat` as they are kept, in one block, and what a query is compared with them as.

use anyhow::{Result, bail};
use half::f16;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};

use crate::distance::Distance;
use crate::storage::{Storage, signs};

/// The vectors of an index, one behind the other.
pub(super) enum Codes {
    F32(Vec<f32>),
    /// The bits of each f16.
    F16(Vec<u16>),
    I8(Vec<i8>),
    B1(Vec<u8>),
}

/// The same, wherever they lie: in memory or in a mapped file.
pub(super) enum CodesView<'a> {
    F32(&'a [f32]),
    F16(&'a [u16]),
    I8(&'a [i8]),
    B1(&'a [u8]),
}

/// A query, ready to be compared with codes.
pub(super) enum Query<'a> {
    F32(&'a [f32]),
    F16(Vec<f32>),
    I8(Vec<i8>),
    B1(Vec<u8>),
}

/// What `i8` maps a vector's longest component to.
const MOST: f32 = 127.0;

impl Codes {
    /// No vectors yet.
    pub(super) fn new(storage: Storage) -> Result<Codes> {
        Ok(match storage {
            Storage::F32 => Codes::F32(Vec::new()),
            Storage::F16 => Codes::F16(Vec::new()),
            Storage::I8 => Codes::I8(Vec::new()),
            Storage::B1 => Codes::B1(Vec::new()),
            Storage::Bf16 => bail!("flat has no storage {storage}"),
        })
    }

    /// Room for vectors, to be read into.
    pub(super) fn zeros(storage: Storage, vectors: usize, dim: usize) -> Result<Codes> {
        let mut codes = Codes::new(storage)?;
        let elements = vectors * codes.row(dim);
        match &mut codes {
            Codes::F32(codes) => codes.resize(elements, 0.0),
            Codes::F16(codes) => codes.resize(elements, 0),
            Codes::I8(codes) => codes.resize(elements, 0),
            Codes::B1(codes) => codes.resize(elements, 0),
        }
        Ok(codes)
    }

    /// All of it as it lies in memory.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Codes::F32(codes) => bytemuck::cast_slice_mut(codes),
            Codes::F16(codes) => bytemuck::cast_slice_mut(codes),
            Codes::I8(codes) => bytemuck::cast_slice_mut(codes),
            Codes::B1(codes) => codes,
        }
    }

    /// How many elements a vector takes.
    fn row(&self, dim: usize) -> usize {
        if matches!(self, Codes::B1(_)) { Storage::B1.bytes(dim) } else { dim }
    }

    pub(super) fn reserve_exact(&mut self, vectors: usize, dim: usize) {
        let elements = vectors * self.row(dim);
        match self {
            Codes::F32(codes) => codes.reserve_exact(elements),
            Codes::F16(codes) => codes.reserve_exact(elements),
            Codes::I8(codes) => codes.reserve_exact(elements),
            Codes::B1(codes) => codes.reserve_exact(elements),
        }
    }

    /// Adds a block of vectors.
    pub(super) fn extend(&mut self, vectors: &[f32], dim: usize) -> Result<()> {
        match self {
            Codes::F32(codes) => codes.extend_from_slice(vectors),
            Codes::F16(codes) => {
                if let Some(at) = vectors.iter().position(|x| !f16::from_f32(*x).is_finite()) {
                    bail!("{} is more than f16 can hold: keep these vectors as f32", vectors[at]);
                }
                codes.extend(vectors.iter().map(|x| f16::from_f32(*x).to_bits()));
            }
            Codes::I8(codes) => vectors.chunks_exact(dim).for_each(|vector| codes.extend(scaled(vector))),
            Codes::B1(codes) => vectors.chunks_exact(dim).for_each(|vector| codes.extend(signs(vector))),
        }
        Ok(())
    }

    /// The vectors to look at.
    pub(super) fn view(&self) -> CodesView<'_> {
        match self {
            Codes::F32(codes) => CodesView::F32(codes),
            Codes::F16(codes) => CodesView::F16(codes),
            Codes::I8(codes) => CodesView::I8(codes),
            Codes::B1(codes) => CodesView::B1(codes),
        }
    }

    /// Moves the last of `rows` vectors to the place of another, which goes.
    pub(super) fn swap_remove(&mut self, place: usize, rows: usize, dim: usize) {
        let row = self.row(dim);
        let (place, last) = (place * row, (rows - 1) * row);
        fn remove<T: Copy>(codes: &mut Vec<T>, place: usize, last: usize) {
            codes.copy_within(last.., place);
            codes.truncate(last);
        }
        match self {
            Codes::F32(codes) => remove(codes, place, last),
            Codes::F16(codes) => remove(codes, place, last),
            Codes::I8(codes) => remove(codes, place, last),
            Codes::B1(codes) => remove(codes, place, last),
        }
    }
}

impl<'a> CodesView<'a> {
    /// The vectors that lie in bytes as [`CodesView::bytes`] gives them; nothing if the bytes are not
    /// aligned, or no whole number of elements.
    pub(super) fn of_bytes(storage: Storage, bytes: &'a [u8]) -> Option<CodesView<'a>> {
        Some(match storage {
            Storage::F32 => CodesView::F32(bytemuck::try_cast_slice(bytes).ok()?),
            Storage::F16 => CodesView::F16(bytemuck::try_cast_slice(bytes).ok()?),
            Storage::I8 => CodesView::I8(bytemuck::cast_slice(bytes)),
            Storage::B1 => CodesView::B1(bytes),
            Storage::Bf16 => return None,
        })
    }

    /// All of it as it lies in memory.
    pub(super) fn bytes(&self) -> &'a [u8] {
        match self {
            CodesView::F32(codes) => bytemuck::cast_slice(codes),
            CodesView::F16(codes) => bytemuck::cast_slice(codes),
            CodesView::I8(codes) => bytemuck::cast_slice(codes),
            CodesView::B1(codes) => codes,
        }
    }

    pub(super) fn storage(&self) -> Storage {
        match self {
            CodesView::F32(_) => Storage::F32,
            CodesView::F16(_) => Storage::F16,
            CodesView::I8(_) => Storage::I8,
            CodesView::B1(_) => Storage::B1,
        }
    }

    /// A query in the form that [`CodesView::rank`] takes.
    pub(super) fn query<'q>(&self, query: &'q [f32]) -> Query<'q> {
        match self {
            CodesView::F32(_) => Query::F32(query),
            // Room for the vector that it is compared with, behind it.
            CodesView::F16(_) => Query::F16(query.iter().chain(query).copied().collect()),
            CodesView::I8(_) => Query::I8(scaled(query).collect()),
            CodesView::B1(_) => Query::B1(signs(query).collect()),
        }
    }

    /// The rank of the vector in a row: less is nearer.
    pub(super) fn rank(&self, query: &mut Query<'_>, row: usize, dim: usize, distance: Distance) -> f32 {
        match (self, query) {
            (CodesView::F32(codes), Query::F32(query)) => distance.rank(query, &codes[row * dim..][..dim]),
            (CodesView::F16(codes), Query::F16(query)) => {
                let (query, vector) = query.split_at_mut(dim);
                let halves: &[f16] = codes[row * dim..][..dim].reinterpret_cast();
                halves.convert_to_f32_slice(vector);
                distance.rank(query, vector)
            }
            (CodesView::I8(codes), Query::I8(query)) => rank_of_scaled(query, &codes[row * dim..][..dim]),
            (CodesView::B1(codes), Query::B1(query)) => {
                let bytes = query.len();
                rank_of_signs(query, &codes[row * bytes..][..bytes], dim)
            }
            _ => unreachable!("a query is made by the codes that it is compared with"),
        }
    }
}

/// A vector scaled so that its longest component is [`MOST`].
fn scaled(vector: &[f32]) -> impl Iterator<Item = i8> {
    let most = vector.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let scale = if most > 0.0 { MOST / most } else { 0.0 };
    // A length near zero has a scale that is no number; f32 to i8 saturates.
    vector
        .iter()
        .map(move |x| if scale.is_finite() { (x * scale).round() as i8 } else { (x / most * MOST) as i8 })
}

/// Minus the cosine.
fn rank_of_scaled(a: &[i8], b: &[i8]) -> f32 {
    let product = |a: &[i8], b: &[i8]| -> i64 {
        // 2^17 products of at most 2^14 fit into i32.
        let of_block = |(a, b): (&[i8], &[i8])| -> i64 {
            a.iter().zip(b).map(|(&x, &y)| i32::from(x) * i32::from(y)).sum::<i32>().into()
        };
        a.chunks(1 << 16).zip(b.chunks(1 << 16)).map(of_block).sum()
    };
    let lengths = (product(a, a) as f64).sqrt() * (product(b, b) as f64).sqrt();
    if lengths > 0.0 { -(product(a, b) as f64 / lengths) as f32 } else { 0.0 }
}

/// Minus the cosine of the vectors of 1 and -1 that have these signs: 1 - 2 h / d of `h` differing bits.
fn rank_of_signs(a: &[u8], b: &[u8], dim: usize) -> f32 {
    let differing: u32 = a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum();
    2.0 * differing as f32 / dim as f32 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(storage: Storage, vectors: &[f32], dim: usize) -> Codes {
        let mut codes = Codes::new(storage).unwrap();
        codes.extend(vectors, dim).unwrap();
        codes
    }

    fn distance(codes: &Codes, query: &[f32], row: usize, distance: Distance) -> f32 {
        let codes = codes.view();
        distance.of_rank(codes.rank(&mut codes.query(query), row, query.len(), distance))
    }

    #[test]
    fn each_storage_takes_the_bytes_that_it_says() {
        let vectors = vec![0.5; 3 * 9];
        for storage in [Storage::F32, Storage::F16, Storage::I8, Storage::B1] {
            assert_eq!(codes(storage, &vectors, 9).view().bytes().len(), 3 * storage.bytes(9), "{storage}");
        }
        assert!(Codes::new(Storage::Bf16).is_err());
    }

    #[test]
    fn f16_rounds_each_component_by_itself_and_refuses_what_is_beyond_it() {
        let codes = codes(Storage::F16, &[1.0, 2049.0], 2);
        assert_eq!(distance(&codes, &[0.0, 2048.0], 0, Distance::L2), 1.0, "2049 is 2048 in 11 bits");
        let error = Codes::new(Storage::F16).unwrap().extend(&[1.0, 70_000.0], 2).unwrap_err();
        assert!(error.to_string().contains("70000 is more than f16 can hold"), "{error}");
    }

    #[test]
    fn i8_keeps_the_direction_whatever_the_length() {
        for length in [1e-40, 1e-6, 1.0, 1e30] {
            let codes = codes(Storage::I8, &[3.0 * length, -4.0 * length], 2);
            let found = distance(&codes, &[3.0, -4.0], 0, Distance::Cosine);
            assert!(found.abs() < 1e-4, "{length}: {found}");
        }
        let zero = codes(Storage::I8, &[0.0, 0.0], 2);
        assert_eq!(distance(&zero, &[1.0, 0.0], 0, Distance::Cosine), 1.0);
    }

    #[test]
    fn b1_counts_the_signs_that_differ() {
        let dim = 10;
        let mut vector = vec![1.0; dim];
        let codes = codes(Storage::B1, &vector, dim);
        for (flipped, far) in [(0, 0.0), (1, 0.2), (9, 1.8), (10, 2.0)] {
            vector.iter_mut().enumerate().for_each(|(at, x)| *x = if at < flipped { -1.0 } else { 1.0 });
            assert!((distance(&codes, &vector, 0, Distance::Cosine) - far).abs() < 1e-6, "{flipped}");
        }
    }

    #[test]
    fn the_last_vector_takes_the_place_of_one_that_goes() {
        for storage in [Storage::F32, Storage::F16, Storage::I8, Storage::B1] {
            let mut three = codes(storage, &[1.0, 1.0, 1.0, -1.0, -1.0, -1.0], 2);
            three.swap_remove(0, 3, 2);
            assert_eq!(
                three.view().bytes(),
                codes(storage, &[-1.0, -1.0, 1.0, -1.0], 2).view().bytes(),
                "{storage}"
            );
        }
    }
}
