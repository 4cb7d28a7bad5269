//! The cache of computed ground truth: one file for each content of base, queries, k and distance.
//!
//! A file: its key, then for each query its number of neighbours (u32), then each id (u64) and distance (f32), all
//! little-endian; at the end the XXH3-128 of everything before. What does not fit is computed again, never trusted.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use xxhash_rust::xxh3::xxh3_128;

use super::Vectors;
use crate::engine::{Distance, Neighbour};

const HASH_BYTES: usize = 16;
/// Changes with the layout of the file and with the way neighbours are computed.
const VERSION: u32 = 1;

/// What decides about the neighbours.
pub(super) struct Key([u8; HASH_BYTES]);

impl Key {
    pub(super) fn new(base: &Vectors, queries: &Vectors, k: usize, distance: Distance) -> Key {
        let words = format!("{VERSION} {} {} {k} {distance}", base.hash(), queries.hash());
        Key(xxh3_128(words.as_bytes()).to_le_bytes())
    }

    fn file_name(&self) -> String {
        format!("{:032x}.neighbours", u128::from_le_bytes(self.0))
    }
}

/// The neighbours kept under `key`; if there are none, or they are damaged, computes and keeps them.
///
/// # Errors
/// When the folder or the file cannot be written.
pub(super) fn load_or(
    folder: &Path,
    key: &Key,
    compute: impl FnOnce() -> Vec<Vec<Neighbour>>,
) -> Result<Vec<Vec<Neighbour>>> {
    let path = folder.join(key.file_name());
    if let Some(kept) = std::fs::read(&path).ok().and_then(|bytes| parse(&bytes, key)) {
        return Ok(kept);
    }
    let computed = compute();
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        // Renamed when whole: two processes may write the same key at once, and either may be killed.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&written(&computed, key))?;
        file.persist(&path)?;
        Ok(())
    };
    write().with_context(|| format!("keep the computed neighbours in {}", path.display()))?;
    Ok(computed)
}

fn written(neighbours: &[Vec<Neighbour>], key: &Key) -> Vec<u8> {
    let mut bytes = key.0.to_vec();
    for row in neighbours {
        bytes.extend((row.len() as u32).to_le_bytes());
        for neighbour in row {
            bytes.extend(neighbour.id.to_le_bytes());
            bytes.extend(neighbour.distance.to_le_bytes());
        }
    }
    bytes.extend(xxh3_128(&bytes).to_le_bytes());
    bytes
}

fn parse(bytes: &[u8], key: &Key) -> Option<Vec<Vec<Neighbour>>> {
    let (content, hash) = bytes.split_last_chunk::<HASH_BYTES>()?;
    let mut rest = content.strip_prefix(&key.0)?;
    if xxh3_128(content).to_le_bytes() != *hash {
        return None;
    }
    let mut rows = Vec::new();
    while !rest.is_empty() {
        let (count, behind) = rest.split_first_chunk()?;
        let (row, behind) = behind.split_at_checked(u32::from_le_bytes(*count) as usize * 12)?;
        let neighbour = |bytes: &[u8; 12]| -> Option<Neighbour> {
            let (id, distance) = bytes.split_first_chunk()?;
            let distance = f32::from_le_bytes(distance.try_into().ok()?);
            Some(Neighbour { id: u64::from_le_bytes(*id), distance })
        };
        rows.push(row.as_chunks().0.iter().map(neighbour).collect::<Option<_>>()?);
        rest = behind;
    }
    Some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(k: usize, distance: Distance, last: f32) -> Key {
        let base = Vectors::new(1, vec![0.0, last]).unwrap();
        Key::new(&base, &base, k, distance)
    }

    fn neighbours(id: u64) -> Vec<Vec<Neighbour>> {
        vec![vec![Neighbour { id, distance: 0.5 }, Neighbour { id: 3, distance: 1.5 }], Vec::new()]
    }

    #[test]
    fn what_was_computed_once_is_not_computed_again() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("made/on/demand");
        let key = key(2, Distance::L2, 1.0);
        assert_eq!(load_or(&folder, &key, || neighbours(7)).unwrap(), neighbours(7));
        assert_eq!(load_or(&folder, &key, || panic!("it was kept")).unwrap(), neighbours(7));
        let files: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
        assert_eq!(files.len(), 1, "nothing half-written is left: {files:?}");
    }

    #[test]
    fn a_damaged_file_or_one_of_another_key_is_computed_again() {
        let folder = tempfile::tempdir().unwrap();
        let key_a = key(2, Distance::L2, 1.0);
        load_or(folder.path(), &key_a, || neighbours(7)).unwrap();
        let path = folder.path().join(key_a.file_name());
        let whole = std::fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[HASH_BYTES + 4] ^= 1;
        let other = written(&neighbours(9), &key(3, Distance::L2, 1.0));
        let cut = whole[..whole.len() - 1].to_vec();
        let tail = [&whole[..], &[0]].concat();
        for bytes in [Vec::new(), cut, tail, flipped, other] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(load_or(folder.path(), &key_a, || neighbours(8)).unwrap(), neighbours(8));
            assert_eq!(load_or(folder.path(), &key_a, || panic!("repaired")).unwrap(), neighbours(8));
        }
    }

    #[test]
    fn the_key_depends_on_everything_that_decides() {
        let keys = [
            key(2, Distance::L2, 1.0),
            key(3, Distance::L2, 1.0),
            key(2, Distance::Cosine, 1.0),
            key(2, Distance::L2, 2.0),
        ];
        let names: std::collections::BTreeSet<String> = keys.iter().map(Key::file_name).collect();
        assert_eq!(names.len(), keys.len());
    }
}
