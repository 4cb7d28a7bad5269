//! HDF5 in a build without the cargo feature `hdf5`: refused with the way out.

use std::path::Path;

use anyhow::{Result, bail};

use crate::dataset::contents::{Companions, TableRole, TableShape};

const MISSING: &str = "this build reads no HDF5: build it with the cargo feature `hdf5`";

pub(crate) fn open(_: &Path, _: TableRole) -> Result<(String, TableShape)> {
    bail!(MISSING)
}

pub(crate) fn companions(_: &Path) -> Result<Companions> {
    bail!(MISSING)
}

pub(crate) fn read(_: &Path, _: &str, _: usize) -> Result<Vec<f32>> {
    bail!(MISSING)
}

pub(crate) fn neighbours_shape(_: &Path) -> Result<TableShape> {
    bail!(MISSING)
}

pub(crate) fn read_neighbours(_: &Path, _: usize) -> Result<Vec<Vec<i64>>> {
    bail!(MISSING)
}
