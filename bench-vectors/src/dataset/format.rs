//! The formats of data sets: which ending names which, and who reads it.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::component::Component;
use super::{Contents, Shape, destination, npy, shaped, vecs};

/// A format, as the ending names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Each row behind its dim.
    Vecs(Component),
    /// All rows behind their number and dim.
    Shaped(Component),
    Npy,
    Hdf5,
    Parquet,
}

impl Format {
    const ALL: [(&str, Format); 9] = [
        ("fvecs", Format::Vecs(Component::F32)),
        ("bvecs", Format::Vecs(Component::U8)),
        ("fbin", Format::Shaped(Component::F32)),
        ("u8bin", Format::Shaped(Component::U8)),
        ("i8bin", Format::Shaped(Component::I8)),
        ("npy", Format::Npy),
        ("hdf5", Format::Hdf5),
        ("h5", Format::Hdf5),
        ("parquet", Format::Parquet),
    ];

    pub(super) fn of(path: &Path) -> Result<Format> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let found = Format::ALL.iter().find(|(name, _)| ending.eq_ignore_ascii_case(name));
        let known = Format::ALL.map(|(name, _)| format!(".{name}")).join(", ");
        let found = found.with_context(|| {
            format!("{}: unknown kind of data set; the name must end in one of {known}", path.display())
        })?;
        Ok(found.1)
    }

    /// What the file holds, from its header.
    pub(super) fn contents(self, path: &Path) -> Result<Contents> {
        let shape = match self {
            Format::Vecs(component) => vecs::shape(path, component.bytes()),
            Format::Shaped(component) => shaped::shape(path, component.bytes(), 1),
            Format::Npy => npy::shape(path),
            Format::Hdf5 => return hdf5_contents(path),
            Format::Parquet => return parquet_contents(path),
        }?;
        Ok(Contents { shape, distance: None, queries: None, neighbours: None })
    }

    /// The components of the first `n` vectors, row-major.
    pub(super) fn read(self, path: &Path, shape: Shape, n: usize) -> Result<Vec<f32>> {
        match self {
            Format::Vecs(component) => {
                let mut data = destination(n, shape.dim)?;
                vecs::read(path, shape, component.bytes(), n, |row| component.append(row, &mut data))?;
                Ok(data)
            }
            Format::Shaped(component) => {
                let mut data = destination(n, shape.dim)?;
                shaped::read(path, shape, component.bytes(), n, |row| component.append(row, &mut data))?;
                Ok(data)
            }
            Format::Npy => npy::read(path, shape, n),
            Format::Hdf5 => hdf5_base(path, n),
            Format::Parquet => parquet_base(path, n),
        }
    }

    /// The components of the first `n` queries in the same file.
    pub(super) fn read_queries(self, path: &Path, n: usize) -> Result<Vec<f32>> {
        match self {
            Format::Hdf5 => hdf5_queries(path, n),
            _ => bail!("the format has no queries"),
        }
    }

    /// The ids of the neighbours of the first `n` queries in the same file.
    pub(super) fn read_neighbours(self, path: &Path, n: usize) -> Result<Vec<Vec<u64>>> {
        match self {
            Format::Hdf5 => hdf5_neighbours(path, n),
            _ => bail!("the format has no neighbours"),
        }
    }
}

#[cfg(feature = "hdf5")]
use with_hdf5::{hdf5_base, hdf5_contents, hdf5_neighbours, hdf5_queries};
#[cfg(not(feature = "hdf5"))]
use without_hdf5::{hdf5_base, hdf5_contents, hdf5_neighbours, hdf5_queries};

#[cfg(feature = "hdf5")]
mod with_hdf5 {
    use super::super::hdf5;
    use super::{Path, Result};

    pub(super) use hdf5::{contents as hdf5_contents, read_neighbours as hdf5_neighbours};

    pub(super) fn hdf5_base(path: &Path, n: usize) -> Result<Vec<f32>> {
        hdf5::read(path, hdf5::BASE, n)
    }

    pub(super) fn hdf5_queries(path: &Path, n: usize) -> Result<Vec<f32>> {
        hdf5::read(path, hdf5::QUERIES, n)
    }
}

#[cfg(not(feature = "hdf5"))]
mod without_hdf5 {
    use super::{Contents, Path, Result, bail};

    const MISSING: &str = "this build reads no HDF5: build it with the cargo feature `hdf5`";

    pub(super) fn hdf5_contents(_: &Path) -> Result<Contents> {
        bail!(MISSING)
    }

    pub(super) fn hdf5_base(_: &Path, _: usize) -> Result<Vec<f32>> {
        bail!(MISSING)
    }

    pub(super) fn hdf5_queries(_: &Path, _: usize) -> Result<Vec<f32>> {
        bail!(MISSING)
    }

    pub(super) fn hdf5_neighbours(_: &Path, _: usize) -> Result<Vec<Vec<u64>>> {
        bail!(MISSING)
    }
}

#[cfg(feature = "parquet")]
use super::parquet::{contents as parquet_contents, read as parquet_base};
#[cfg(not(feature = "parquet"))]
use without_parquet::{parquet_base, parquet_contents};

#[cfg(not(feature = "parquet"))]
mod without_parquet {
    use super::{Contents, Path, Result, bail};

    const MISSING: &str = "this build reads no Parquet: run with `--features parquet`";

    pub(super) fn parquet_contents(_: &Path) -> Result<Contents> {
        bail!(MISSING)
    }

    pub(super) fn parquet_base(_: &Path, _: usize) -> Result<Vec<f32>> {
        bail!(MISSING)
    }
}
