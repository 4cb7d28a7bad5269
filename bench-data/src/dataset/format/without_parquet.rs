//! Parquet in a build without the cargo feature `parquet`: refused with the way out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, bail};

use crate::dataset::contents::{TableRole, TableShape};

const MISSING: &str = "this build reads no Parquet: run with `--features parquet`";

pub(crate) fn open(_: &Path, _: TableRole, _: Option<&str>) -> Result<(String, TableShape)> {
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

pub(crate) fn rows_of(_: &Path, _: &BTreeSet<i64>) -> Result<Option<BTreeMap<i64, u64>>> {
    bail!(MISSING)
}
