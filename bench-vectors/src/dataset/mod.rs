//! Vectors that the user brings in a file.
//!
//! A format is one file here and one line in the list of formats. Opening reads no more than a header, so that cases can be
//! listed; reading is set-up and stays outside every phase.

mod fvecs;
mod npy;
mod vectors;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use bench_core::case::is_word;

pub use vectors::Vectors;

/// A file of vectors, opened: its shape is known, its vectors are not yet read.
#[derive(Clone, Debug)]
pub struct Dataset {
    path: PathBuf,
    format: Format,
    shape: Shape,
}

/// How many vectors of how many components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    len: usize,
    dim: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Fvecs,
    Npy,
}

impl Format {
    const ALL: [(&str, Format); 2] = [("fvecs", Format::Fvecs), ("npy", Format::Npy)];

    fn of(path: &Path) -> Result<Format> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let found = Format::ALL.iter().find(|(name, _)| ending.eq_ignore_ascii_case(name));
        let known = Format::ALL.map(|(name, _)| format!(".{name}")).join(", ");
        let found = found.with_context(|| {
            format!("{}: unknown kind of data set; the name must end in one of {known}", path.display())
        })?;
        Ok(found.1)
    }
}

/// Opens a data set; the file's ending names its format.
///
/// # Errors
/// When the file cannot be read, is of no known format, has a broken header, or holds no vectors.
pub fn open(path: &Path) -> Result<Dataset> {
    let format = Format::of(path)?;
    let shape = match format {
        Format::Fvecs => fvecs::shape(path),
        Format::Npy => npy::shape(path),
    };
    let shape = shape.with_context(|| format!("open the data set {}", path.display()))?;
    ensure!(shape.len > 0 && shape.dim > 0, "the data set {} holds no vectors", path.display());
    Ok(Dataset { path: path.into(), format, shape })
}

impl Dataset {
    /// The file's name without its ending, as it stands in case ids: other characters become `_`.
    pub fn name(&self) -> String {
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        stem.chars().map(|c| if is_word(c.encode_utf8(&mut [0; 4])) { c } else { '_' }).collect()
    }

    /// How many vectors the file holds.
    #[expect(clippy::len_without_is_empty, reason = "an empty file cannot be opened")]
    pub fn len(&self) -> usize {
        self.shape.len
    }

    /// The number of components of each vector.
    pub fn dim(&self) -> usize {
        self.shape.dim
    }

    /// Reads the first `n` vectors (all, if there are fewer).
    ///
    /// # Errors
    /// When the file cannot be read, ends early, or holds a component that is not a finite number.
    pub fn read(&self, n: usize) -> Result<Vectors> {
        let n = n.min(self.shape.len);
        let data = match self.format {
            Format::Fvecs => fvecs::read(&self.path, self.shape, n),
            Format::Npy => npy::read(&self.path, self.shape, n),
        };
        data.and_then(|data| Vectors::new(self.shape.dim, data))
            .with_context(|| format!("read the data set {}", self.path.display()))
    }
}
