//! The exact neighbours of a data set's queries, from a file: a row per query, the nearest first.
//!
//! `.ivecs` of TEXMEX; `.ibin` and `.bin` of big-ann-benchmarks, whose distances may follow the ids;
//! `neighbors` in the HDF5 of ann-benchmarks; `neighbors_id` in the Parquet of VectorDBBench, whose ids are
//! those of the column `id` beside the vectors.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::contents::{K, QUERIES};
use super::format::{FileFormat, ending, hdf5, parquet, shaped, vecs};
use super::mistaken;
use super::table::{VectorTable, file_name};

const ID_BYTES: usize = 4;

/// What the files of neighbours end in.
const ENDINGS: &str = ".ivecs, .ibin, .bin, .hdf5, .h5, .parquet";

/// The neighbours of the first queries, as rows of the vectors.
#[derive(Clone, Debug)]
pub(super) struct Neighbours {
    pub(super) path: PathBuf,
    /// For each of the first [`QUERIES`] queries its first [`K`].
    pub(super) ids: Vec<Vec<u64>>,
}

impl Neighbours {
    /// Opens a file, reads what is needed of it, and sees that each id is a row of `base`.
    ///
    /// # Errors
    /// When the file is broken, is of another format, holds fewer, or names a vector that `base` does not
    /// have.
    pub(super) fn open(path: &Path, base: &VectorTable, queries: &VectorTable) -> Result<Neighbours> {
        let ids = mistaken::checked(path, || read(path, base, queries));
        let ids = ids.with_context(|| format!("read the neighbours {}", path.display()))?;
        Ok(Neighbours { path: path.into(), ids })
    }

    /// The name of their file, without the folders.
    pub(super) fn file_name(&self) -> String {
        file_name(&self.path)
    }
}

fn read(path: &Path, base: &VectorTable, queries: &VectorTable) -> Result<Vec<Vec<u64>>> {
    let ending = ending(path);
    let shape = match ending.as_str() {
        "ivecs" => vecs::shape(path, ID_BYTES),
        "ibin" | "bin" => shaped::shape(path, ID_BYTES, 2),
        "hdf5" | "h5" => hdf5::neighbours_shape(path),
        "parquet" => parquet::neighbours_shape(path),
        _ => bail!("unknown kind of neighbours; the name must end in one of {ENDINGS}"),
    }?;
    let (n, k) = (queries.shape.len.min(QUERIES), base.shape.len.min(K));
    ensure!(
        shape.len >= n && shape.dim >= k,
        "it holds {} neighbours of {} queries, needed are {k} of {n}: without the file they are computed",
        shape.dim,
        shape.len
    );
    let mut rows = Vec::with_capacity(n);
    let id = |&bytes: &[u8; ID_BYTES]| i64::from(u32::from_le_bytes(bytes));
    let mut take = |bytes: &[u8]| rows.push(bytes.as_chunks().0.iter().take(k).map(id).collect());
    match ending.as_str() {
        "ivecs" => vecs::read(path, shape, ID_BYTES, n, &mut take)?,
        "ibin" | "bin" => shaped::read(path, shape, ID_BYTES, n, &mut take)?,
        "hdf5" | "h5" => rows = hdf5::read_neighbours(path, n)?,
        _ => rows = parquet::read_neighbours(path, n)?,
    }
    rows.iter_mut().for_each(|ids: &mut Vec<i64>| ids.truncate(k));
    let by_id = match base.format {
        FileFormat::Parquet if ending == "parquet" => {
            let wanted: BTreeSet<i64> = rows.iter().flatten().copied().collect();
            parquet::rows_of(&base.path, &wanted)?
        }
        _ => None,
    };
    as_rows_of(base, &rows, by_id.as_ref())
}

/// The ids as numbers of rows: by the ids that stand beside the vectors, if there are any.
fn as_rows_of(
    base: &VectorTable,
    ids: &[Vec<i64>],
    by_id: Option<&BTreeMap<i64, u64>>,
) -> Result<Vec<Vec<u64>>> {
    let row = |id: i64| match by_id {
        Some(rows) => rows.get(&id).copied(),
        None => u64::try_from(id).ok().filter(|&row| row < base.shape.len as u64),
    };
    let named = |(query, ids): (usize, &Vec<i64>)| {
        let found = ids.iter().enumerate().map(|(rank, &id)| {
            row(id).with_context(|| {
                format!(
                    "row {query}, column {rank} names vector {id}, which the {} vectors of {} do not have: give the \
                     neighbours that belong to them",
                    base.shape.len,
                    base.path.display()
                )
            })
        });
        found.collect()
    };
    ids.iter().enumerate().map(named).collect()
}
