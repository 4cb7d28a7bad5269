//! Files of exact neighbours beside a data set: `.ivecs`, `.ibin`. A row per query, a column per rank, i32.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::{shaped, vecs};

const ID_BYTES: usize = 4;

/// The first `k` neighbours of the first `n` queries.
///
/// # Errors
/// When the file is broken, is of another format, or holds fewer.
pub(super) fn read(path: &Path, n: usize, k: usize) -> Result<Vec<Vec<u64>>> {
    read_rows(path, n, k).with_context(|| format!("read the neighbours {}", path.display()))
}

fn read_rows(path: &Path, n: usize, k: usize) -> Result<Vec<Vec<u64>>> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    super::ensure_is_file(path)?;
    let shape = match ending.as_str() {
        "ivecs" => vecs::shape(path, ID_BYTES),
        "ibin" => shaped::shape(path, ID_BYTES, 2),
        _ => bail!("unknown kind of neighbours; the name must end in one of .ivecs, .ibin"),
    }?;
    ensure!(
        shape.len >= n && shape.dim >= k,
        "it holds {} neighbours of {} queries, needed are {k} of {n}: without the file they are computed",
        shape.dim,
        shape.len
    );
    let mut rows = Vec::with_capacity(n);
    let id = |&bytes: &[u8; ID_BYTES]| u64::from(u32::from_le_bytes(bytes));
    let take = |bytes: &[u8]| rows.push(bytes.as_chunks().0.iter().take(k).map(id).collect());
    match ending.as_str() {
        "ivecs" => vecs::read(path, shape, ID_BYTES, n, take),
        _ => shaped::read(path, shape, ID_BYTES, n, take),
    }?;
    Ok(rows)
}
