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
mod safetensors;
pub(super) mod shaped;
pub(super) mod vecs;

use std::path::Path;

use anyhow::{Context, Result};

use super::contents::{Companions, TableRole, TableShape, destination};
use component::Component;

/// A format, as the ending names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileFormat {
    /// Each row behind its dim.
    Vecs(Component),
    /// All rows behind their number and dim.
    Shaped(Component),
    Npy,
    Hdf5,
    Parquet,
    Safetensors,
}

impl FileFormat {
    const ALL: [(&str, FileFormat); 10] = [
        ("fvecs", FileFormat::Vecs(Component::F32)),
        ("bvecs", FileFormat::Vecs(Component::U8)),
        ("fbin", FileFormat::Shaped(Component::F32)),
        ("u8bin", FileFormat::Shaped(Component::U8)),
        ("i8bin", FileFormat::Shaped(Component::I8)),
        ("npy", FileFormat::Npy),
        ("hdf5", FileFormat::Hdf5),
        ("h5", FileFormat::Hdf5),
        ("parquet", FileFormat::Parquet),
        ("safetensors", FileFormat::Safetensors),
    ];

    pub(super) fn of(path: &Path) -> Result<FileFormat> {
        let ending = ending(path);
        let found = FileFormat::ALL.iter().find(|(name, _)| *name == ending);
        let known = FileFormat::ALL.map(|(name, _)| format!(".{name}")).join(", ");
        let found = found
            .with_context(|| format!("unknown kind of data set; the name must end in one of {known}"))?;
        Ok(found.1)
    }

    /// Where the table of vectors lies in the file, if there can be several, and its shape: from the header.
    /// `column` is the column of a Parquet file, or the tensor, that the user named.
    pub(super) fn open(
        self,
        path: &Path,
        role: TableRole,
        column: Option<&str>,
    ) -> Result<(Option<String>, TableShape)> {
        let shape = match self {
            FileFormat::Vecs(component) => vecs::shape(path, component.bytes()),
            FileFormat::Shaped(component) => shaped::shape(path, component.bytes(), 1),
            FileFormat::Npy => npy::shape(path),
            FileFormat::Hdf5 => return hdf5::open(path, role).map(|(part, shape)| (Some(part), shape)),
            FileFormat::Parquet => {
                return parquet::open(path, role, column).map(|(part, shape)| (Some(part), shape));
            }
            FileFormat::Safetensors => {
                return safetensors::open(path, column).map(|(part, shape)| (Some(part), shape));
            }
        }?;
        Ok((None, shape))
    }

    /// What lies beside the vectors, from the header.
    pub(super) fn companions(self, path: &Path) -> Result<Companions> {
        match self {
            FileFormat::Hdf5 => hdf5::companions(path),
            _ => Ok(Companions::default()),
        }
    }

    /// The components of the first `n` vectors, row-major.
    pub(super) fn read(
        self,
        path: &Path,
        part: Option<&str>,
        shape: TableShape,
        n: usize,
    ) -> Result<Vec<f32>> {
        let part = || part.context("the file has several tables, and none is named");
        match self {
            FileFormat::Vecs(component) => {
                let mut data = destination(n, shape.dim)?;
                vecs::read(path, shape, component.bytes(), n, |row| component.append(row, &mut data))?;
                Ok(data)
            }
            FileFormat::Shaped(component) => {
                let mut data = destination(n, shape.dim)?;
                shaped::read(path, shape, component.bytes(), n, |row| component.append(row, &mut data))?;
                Ok(data)
            }
            FileFormat::Npy => npy::read(path, shape, n),
            FileFormat::Hdf5 => hdf5::read(path, part()?, n),
            FileFormat::Parquet => parquet::read(path, part()?, n),
            FileFormat::Safetensors => safetensors::read(path, part()?, n),
        }
    }
}

/// What stands behind the last dot of a file's name, in lower case.
pub(super) fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}
