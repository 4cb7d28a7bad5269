//! A data set that the user named, opened with what comes with it, and read when it is needed.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use bench_core::case::as_word;
use bench_core::inputs::{Inputs, MINILM_TOKENS};
use bench_engines::{Distance, Vectors};

use super::contents::{Companions, K, QUERIES, TableRole};
use super::format::{FileFormat, hdf5};
use super::neighbours::Neighbours;
use super::table::VectorTable;
use super::token_table;

/// A file of vectors, opened: its shape is known, its vectors are not yet read.
#[derive(Clone, Debug)]
pub struct Dataset {
    base: VectorTable,
    /// Whether it is the token table of the embedding model, whose rows come scattered.
    is_token_table: bool,
    pub(super) distance: Distance,
    /// What the file says of its distance, if the user says otherwise.
    contradicted: Option<String>,
    queries: Option<VectorTable>,
    pub(super) truth: TruthSource,
    pub(super) cache: Option<PathBuf>,
}

/// Where the exact neighbours of the queries come from.
#[derive(Clone, Debug)]
pub(super) enum TruthSource {
    /// From a file, where all vectors are searched; computed where fewer are.
    Named(Neighbours),
    /// Computed, although there are some, for this reason.
    ComputedBecause(&'static str),
    Computed,
}

/// Opens a data set; the file's ending names its format. Its distance is what the file says, otherwise
/// [`Distance::L2`].
///
/// # Errors
/// When the file cannot be read, is of no known format, has a broken header, or holds no vectors.
pub fn open(path: &Path) -> Result<Dataset> {
    opened(path, &Inputs::default())
}

/// Opens the data set that the user named, with the distance, the queries and the neighbours beside it.
///
/// # Errors
/// As [`open`], for each file; when no distance has the name; when the queries have another dim than the
/// vectors; when there are neighbours, but no queries that they belong to, or they cannot be those of the
/// queries among the vectors.
pub fn of_inputs(inputs: &Inputs) -> Result<Option<Dataset>> {
    let Some(path) = &inputs.user.dataset else { return Ok(None) };
    if token_table::is_named(path) {
        return token_table_of(inputs).map(Some);
    }
    opened(path, inputs).map(Some)
}

fn token_table_of(inputs: &Inputs) -> Result<Dataset> {
    let mut named = inputs.clone();
    named.user.column = Some(token_table::TENSOR.into());
    named.user.distance.get_or_insert(Distance::Cosine.to_string());
    Ok(Dataset { is_token_table: true, ..opened(&token_table::find(inputs)?, &named)? })
}

fn opened(path: &Path, inputs: &Inputs) -> Result<Dataset> {
    let named = inputs.user.distance.as_deref().map(str::parse).transpose().context("--distance")?;
    let column = inputs.user.column.as_deref();
    let base = VectorTable::open(path, TableRole::Base, column)?;
    let companions = base.companions()?;
    let (distance, contradicted) = distance(path, named, companions.distance.as_deref())?;
    let queries = match &inputs.user.queries {
        Some(path) => Some(VectorTable::open(path, TableRole::Queries, column).context("--queries")?),
        None if companions.queries => Some(VectorTable::open(path, TableRole::Queries, column)?),
        None => None,
    };
    let formats = || [Some(&base), queries.as_ref()].into_iter().flatten().map(|table| table.format);
    ensure!(
        column.is_none()
            || formats().any(|format| matches!(format, FileFormat::Parquet | FileFormat::Safetensors)),
        "--column names a column of a .parquet file or a tensor of a .safetensors file, and {} is none: leave it out",
        path.display()
    );
    if let Some(queries) = &queries {
        ensure!(
            queries.shape.dim == base.shape.dim,
            "the queries {} have dim {}, the data set {} has {}: give queries that belong to it",
            queries.path.display(),
            queries.shape.dim,
            path.display(),
            base.shape.dim
        );
    }
    let truth = truth(inputs, &base, &companions, queries.as_ref(), contradicted.is_some())?;
    Ok(Dataset {
        base,
        is_token_table: false,
        distance,
        contradicted,
        queries,
        truth,
        cache: inputs.cache.clone(),
    })
}

/// The distance, and what the file says of it, if the user says otherwise.
fn distance(path: &Path, named: Option<Distance>, said: Option<&str>) -> Result<(Distance, Option<String>)> {
    match (named, said) {
        (None, None) => Ok((Distance::L2, None)),
        (None, Some(said)) => {
            let distance = said.parse().with_context(|| format!("the attribute \"distance\" is {said:?}"));
            let distance = distance.context("name one with --distance");
            Ok((distance.with_context(|| format!("open the data set {}", path.display()))?, None))
        }
        (Some(named), said) => {
            let contradicted = said.filter(|said| said.parse::<Distance>().ok() != Some(named));
            Ok((named, contradicted.map(str::to_string)))
        }
    }
}

fn truth(
    inputs: &Inputs,
    base: &VectorTable,
    companions: &Companions,
    queries: Option<&VectorTable>,
    is_contradicted: bool,
) -> Result<TruthSource> {
    if let Some(path) = &inputs.user.neighbours {
        let queries = queries.with_context(|| {
            format!("the neighbours {} belong to queries: name their file with --queries", path.display())
        })?;
        return Neighbours::open(path, base, queries).map(TruthSource::Named).context("--neighbours");
    }
    let Some(queries) = queries.filter(|_| companions.neighbours) else { return Ok(TruthSource::Computed) };
    if !companions.queries || queries.path != base.path {
        return Ok(TruthSource::ComputedBecause("the file's belong to its own queries"));
    }
    if is_contradicted {
        return Ok(TruthSource::ComputedBecause("the file's belong to the distance that it names"));
    }
    if hdf5::neighbours_shape(&base.path).is_ok_and(|shape| shape.dim < K.min(base.shape.len)) {
        return Ok(TruthSource::ComputedBecause("the file's are too few for each query"));
    }
    Neighbours::open(&base.path, base, queries).map(TruthSource::Named)
}

impl Dataset {
    /// The file's name without its ending, as it stands in case ids: other characters become `_`. The names
    /// of the suites' own data sets get an addition, so that no two cases have one id.
    pub fn name(&self) -> String {
        const TAKEN: [&str; 2] = ["corpus", "snippets"];

        if self.is_token_table {
            return MINILM_TOKENS.into();
        }
        let name = as_word(&self.base.path.file_stem().unwrap_or_default().to_string_lossy());
        if TAKEN.contains(&name.as_str()) { format!("{name}_file") } else { name }
    }

    /// How many vectors the file holds.
    #[expect(clippy::len_without_is_empty, reason = "an empty file cannot be opened")]
    pub fn len(&self) -> usize {
        self.base.shape.len
    }

    /// The number of components of each vector.
    pub fn dim(&self) -> usize {
        self.base.shape.dim
    }

    /// The distance that its vectors are compared by.
    pub fn distance(&self) -> Distance {
        self.distance
    }

    /// How it is searched, for a reader: the queries, the distance and what the file says, if that is
    /// another, and where the exact neighbours come from.
    pub fn about(&self) -> String {
        let distance = match &self.contradicted {
            None => self.distance.to_string(),
            Some(said) => format!("{} as named (the file says {said})", self.distance),
        };
        let queries = match &self.queries {
            None => "its last vectors as queries".into(),
            Some(queries) => {
                let (len, used) = (queries.shape.len, queries.shape.len.min(QUERIES));
                let of = match len {
                    1 => "1 query".into(),
                    _ if used < len => format!("the first {used} of {len} queries"),
                    _ => format!("{len} queries"),
                };
                let own = queries.path == self.base.path;
                if own { format!("{of} of its own") } else { format!("{of} in {}", queries.file_name()) }
            }
        };
        let truth = match &self.truth {
            TruthSource::Named(neighbours) => format!(
                "judged by the neighbours in {} where n is all {} vectors, by computed ones where it is less",
                neighbours.file_name(),
                self.len()
            ),
            TruthSource::ComputedBecause(reason) => format!("judged by computed neighbours ({reason})"),
            TruthSource::Computed => "judged by computed neighbours".into(),
        };
        format!("{queries} for the {K} nearest, distance {distance}, {truth}")
    }

    /// What was understood of the files that the user named, in one line.
    pub fn note(&self) -> String {
        format!(
            "data set {}: {} vectors of dim {}; {}",
            if self.is_token_table { MINILM_TOKENS.into() } else { self.base.file_name() },
            self.len(),
            self.dim(),
            self.about()
        )
    }

    /// Reads the first `n` vectors (all, if there are fewer).
    ///
    /// # Errors
    /// When the file cannot be read, ends early, or holds a component that is not a finite number.
    pub fn read(&self, n: usize) -> Result<Vectors> {
        if self.is_token_table {
            return token_table::scattered(&self.base.read(self.len())?, n);
        }
        self.base.read(n)
    }

    /// Reads the first `n` queries (all, if there are fewer) that came with the data set; none, if none came.
    ///
    /// # Errors
    /// As [`Dataset::read`].
    pub fn queries(&self, n: usize) -> Result<Option<Vectors>> {
        self.queries.as_ref().map(|queries| queries.read(n)).transpose()
    }
}
