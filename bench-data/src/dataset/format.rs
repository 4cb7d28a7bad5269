//! The formats of data sets: which ending names which, and who reads it.

mod component;
#[cfg(feature = "hdf5")]
pub(super) mod hdf5;
#[cfg(not(feature = "hdf5"))]
#[path = "format/without_hdf5.rs"]
pub(super) mod hdf5;
#[cfg(feature = "hdf5")]
mod hdf5_storage;
mod npy;
mod npy_header;
#[cfg(feature = "parquet")]
pub(super) mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "format/without_parquet.rs"]
pub(super) mod parquet;
#[cfg(feature = "parquet")]
mod parquet_columns;
pub(super) mod shaped;
pub(super) mod vecs;

use std::path::Path;

use anyhow::{Context, Result};

use super::contents::{Companions, Shape, TableRole, destination};
use component::Component;

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
        let ending = ending(path);
        let found = Format::ALL.iter().find(|(name, _)| *name == ending);
        let known = Format::ALL.map(|(name, _)| format!(".{name}")).join(", ");
        let found = found
            .with_context(|| format!("unknown kind of data set; the name must end in one of {known}"))?;
        Ok(found.1)
    }

    /// Where the table of vectors lies in the file, if there can be several, and its shape: from the header.
    /// `column` is the column of a Parquet file that the user named.
    pub(super) fn open(
        self,
        path: &Path,
        role: TableRole,
        column: Option<&str>,
    ) -> Result<(Option<String>, Shape)> {
        let shape = match self {
            Format::Vecs(component) => vecs::shape(path, component.bytes()),
            Format::Shaped(component) => shaped::shape(path, component.bytes(), 1),
            Format::Npy => npy::shape(path),
            Format::Hdf5 => return hdf5::open(path, role).map(|(part, shape)| (Some(part), shape)),
            Format::Parquet => {
                return parquet::open(path, role, column).map(|(part, shape)| (Some(part), shape));
            }
        }?;
        Ok((None, shape))
    }

    /// What lies beside the vectors, from the header.
    pub(super) fn companions(self, path: &Path) -> Result<Companions> {
        match self {
            Format::Hdf5 => hdf5::companions(path),
            _ => Ok(Companions::default()),
        }
    }

    /// The components of the first `n` vectors, row-major.
    pub(super) fn read(self, path: &Path, part: Option<&str>, shape: Shape, n: usize) -> Result<Vec<f32>> {
        let part = || part.context("the file has several tables, and none is named");
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
            Format::Hdf5 => hdf5::read(path, part()?, n),
            Format::Parquet => parquet::read(path, part()?, n),
        }
    }
}

/// What stands behind the last dot of a file's name, in lower case.
pub(super) fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}
