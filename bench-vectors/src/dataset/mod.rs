//! Vectors that the user brings in a file, and what comes with them: queries, their exact neighbours, the distance.
//!
//! A format is one file here and one line in the list of formats. Opening reads no more than headers, so that cases can be
//! listed; reading is set-up and stays outside every phase. A reader holds its destination and a block, never the file.

mod component;
mod format;
mod ground_truth;
#[cfg(feature = "hdf5")]
mod hdf5;
mod neighbours;
mod npy;
#[cfg(feature = "parquet")]
mod parquet;
mod shaped;
mod truth_cache;
mod vecs;
mod vectors;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use bench_core::case::as_word;
use bench_core::harness::Inputs;

pub use ground_truth::computed as computed_ground_truth;
pub use vectors::Vectors;

use crate::engine::Distance;
use format::Format;

/// A file of vectors, opened: its shape is known, its vectors are not yet read.
#[derive(Clone, Debug)]
pub struct Dataset {
    path: PathBuf,
    format: Format,
    contents: Contents,
    distance: Distance,
    /// What the file says of its distance, if the user says otherwise.
    contradicted: Option<String>,
    queries: Option<Box<Dataset>>,
    neighbours: Option<PathBuf>,
    cache: Option<PathBuf>,
}

/// How many vectors of how many components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    len: usize,
    dim: usize,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Contents {
    shape: Shape,
    /// The distance's name as the file has it.
    distance: Option<String>,
    queries: Option<Shape>,
    neighbours: Option<Shape>,
}

/// Opens a data set; the file's ending names its format. Its distance is what the file says, otherwise [`Distance::L2`].
///
/// # Errors
/// When the file cannot be read, is of no known format, has a broken header, or holds no vectors.
pub fn open(path: &Path) -> Result<Dataset> {
    open_with(path, None)
}

/// Opens the data set that the user named, with the distance, the queries and the neighbours beside it.
///
/// # Errors
/// As [`open`], for each file; when no distance has the name; when the queries have another dim than the vectors; when
/// there are neighbours, but no queries that they belong to.
pub fn of_inputs(inputs: &Inputs) -> Result<Option<Dataset>> {
    let Some(path) = &inputs.dataset else { return Ok(None) };
    let named = inputs.distance.as_deref().map(str::parse).transpose().context("--distance")?;
    let mut dataset = open_with(path, named)?;
    if let Some(path) = &inputs.queries {
        let queries = open(path).context("--queries")?;
        ensure!(
            queries.dim() == dataset.dim(),
            "the queries {} have dim {}, the data set {} has {}: give queries that belong to it",
            path.display(),
            queries.dim(),
            dataset.path.display(),
            dataset.dim()
        );
        dataset.queries = Some(Box::new(queries));
    }
    if let Some(path) = &inputs.neighbours {
        ensure!(
            dataset.has_queries(),
            "the neighbours {} belong to queries: name their file with --queries",
            path.display()
        );
    }
    dataset.neighbours.clone_from(&inputs.neighbours);
    dataset.cache.clone_from(&inputs.cache);
    Ok(Some(dataset))
}

fn open_with(path: &Path, named: Option<Distance>) -> Result<Dataset> {
    let format = Format::of(path)?;
    let within = || format!("open the data set {}", path.display());
    ensure_is_file(path).with_context(within)?;
    let contents = format.contents(path).with_context(within)?;
    let Shape { len, dim } = contents.shape;
    ensure!(len > 0 && dim > 0, "the data set {} holds no vectors", path.display());
    if let Some(Shape { dim: other, .. }) = contents.queries
        && other != dim
    {
        bail!("the data set {} has vectors of dim {dim}, but queries of dim {other}", path.display());
    }
    let said = contents.distance.as_deref();
    let (distance, contradicted) = match (named, said) {
        (None, None) => (Distance::L2, None),
        (None, Some(said)) => {
            let distance = said.parse().with_context(|| format!("the attribute \"distance\" is {said:?}"));
            (distance.context("name one with --distance").with_context(within)?, None)
        }
        (Some(named), said) => {
            let contradicted = said.filter(|said| said.parse::<Distance>().ok() != Some(named));
            (named, contradicted.map(str::to_string))
        }
    };
    let path = path.into();
    let (queries, neighbours, cache) = (None, None, None);
    Ok(Dataset { path, format, contents, distance, contradicted, queries, neighbours, cache })
}

impl Dataset {
    /// The file's name without its ending, as it stands in case ids: other characters become `_`.
    pub fn name(&self) -> String {
        as_word(&self.path.file_stem().unwrap_or_default().to_string_lossy())
    }

    /// How many vectors the file holds.
    #[expect(clippy::len_without_is_empty, reason = "an empty file cannot be opened")]
    pub fn len(&self) -> usize {
        self.contents.shape.len
    }

    /// The number of components of each vector.
    pub fn dim(&self) -> usize {
        self.contents.shape.dim
    }

    /// The distance that its vectors are compared by.
    pub fn distance(&self) -> Distance {
        self.distance
    }

    /// The distance's name; with what the file says, if that is another.
    pub fn distance_in_words(&self) -> String {
        match &self.contradicted {
            None => self.distance.to_string(),
            Some(said) => format!("{} as named (the file says {said})", self.distance),
        }
    }

    /// Whether queries came with it, in the file or beside it.
    pub fn has_queries(&self) -> bool {
        self.queries.is_some() || self.contents.queries.is_some()
    }

    /// Reads the first `n` vectors (all, if there are fewer).
    ///
    /// # Errors
    /// When the file cannot be read, ends early, or holds a component that is not a finite number.
    pub fn read(&self, n: usize) -> Result<Vectors> {
        let n = n.min(self.len());
        let data = self.format.read(&self.path, self.contents.shape, n);
        data.and_then(|data| Vectors::new(self.dim(), data))
            .with_context(|| format!("read the data set {}", self.path.display()))
    }

    /// Reads the first `n` queries (all, if there are fewer) that came with the data set; none, if none came.
    ///
    /// # Errors
    /// As [`Dataset::read`].
    pub fn queries(&self, n: usize) -> Result<Option<Vectors>> {
        if let Some(beside) = &self.queries {
            return beside.read(n).map(Some);
        }
        let Some(shape) = self.contents.queries else { return Ok(None) };
        let data = self.format.read_queries(&self.path, n.min(shape.len));
        data.and_then(|data| Vectors::new(shape.dim, data))
            .with_context(|| format!("read the queries of the data set {}", self.path.display()))
            .map(Some)
    }
}

/// A pipe may have nobody who writes, and opening it would wait; a device may have no end.
fn ensure_is_file(path: &Path) -> Result<()> {
    ensure!(path.metadata()?.is_file(), "it is no file, but a folder, a pipe or a device");
    Ok(())
}

/// An empty block for `n` vectors that will not grow.
fn destination(n: usize, dim: usize) -> Result<Vec<f32>> {
    let mut data = Vec::new();
    let components = n.checked_mul(dim).with_context(|| format!("{n} x {dim} components are too many"))?;
    data.try_reserve_exact(components).with_context(|| format!("no memory for {n} x {dim} components"))?;
    Ok(data)
}
