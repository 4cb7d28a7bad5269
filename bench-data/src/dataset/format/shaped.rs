//! `.fbin`, `.u8bin`, `.i8bin` and `.ibin` of big-ann-benchmarks (<https://big-ann-benchmarks.com/>): the
//! number of rows and of columns as little-endian u32, then the rows (f32, u8, i8, i32), little-endian.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::dataset::contents::TableShape;

const HEAD: usize = 8;

/// What the header says, when the file is as long as that. Ground truth may have as many f32 behind its ids,
/// the distances; `tables` is how many tables may follow the header.
pub(crate) fn shape(path: &Path, value_bytes: usize, tables: u64) -> Result<TableShape> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut head = [0; HEAD];
    file.read_exact(&mut head)
        .with_context(|| format!("{bytes} bytes are too few for a header of {HEAD}"))?;
    let [rows, columns] =
        [0, 4].map(|at| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
    ensure!(rows > 0, "the header at byte 0 promises no rows");
    ensure!(columns > 0, "the header at byte 4 promises vectors of dim 0; a dim is at least 1");
    let there = bytes - HEAD as u64;
    let table =
        u64::from(rows).checked_mul(u64::from(columns)).and_then(|n| n.checked_mul(value_bytes as u64));
    ensure!(
        table.is_some_and(|table| (1..=tables).any(|tables| table.checked_mul(tables) == Some(there))),
        "the header promises {rows} x {columns} values of {value_bytes} bytes, but {there} bytes follow it at byte \
         {HEAD}: the file is cut off, or it is of another format than its ending says"
    );
    Ok(TableShape { len: rows as usize, dim: columns as usize })
}

/// Hands the bytes of the first `n` rows to `take`, one row after the other.
pub(crate) fn read(
    path: &Path,
    shape: TableShape,
    value_bytes: usize,
    n: usize,
    mut take: impl FnMut(&[u8]),
) -> Result<()> {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path)?);
    reader.seek(SeekFrom::Start(HEAD as u64))?;
    let mut row_bytes = vec![0; shape.dim * value_bytes];
    for row in 0..n {
        let at = HEAD + row * row_bytes.len();
        reader.read_exact(&mut row_bytes).with_context(|| format!("vector {row} at byte {at}"))?;
        take(&row_bytes);
    }
    Ok(())
}
