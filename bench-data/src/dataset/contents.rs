//! What files of vectors hold, as far as their headers say, and how much of it a case uses.

use anyhow::{Context, Result};

/// How many neighbours a query asks for.
pub const K: usize = 10;

/// The most queries of a case: the first ones.
pub const QUERIES: usize = 100;

/// What the vectors of a file are for: a file may hold a table for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TableRole {
    /// The vectors to search.
    Base,
    /// The vectors to search for.
    Queries,
}

/// How many vectors of how many components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TableShape {
    pub(super) len: usize,
    pub(super) dim: usize,
}

/// What a file holds beside its vectors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Companions {
    /// The distance's name as the file has it.
    pub(super) distance: Option<String>,
    pub(super) queries: bool,
    pub(super) neighbours: bool,
}

/// An empty block for `n` vectors that will not grow.
pub(super) fn destination(n: usize, dim: usize) -> Result<Vec<f32>> {
    let mut data = Vec::new();
    let components = n.checked_mul(dim).with_context(|| format!("{n} x {dim} components are too many"))?;
    data.try_reserve_exact(components).with_context(|| format!("no memory for {n} x {dim} components"))?;
    Ok(data)
}
