//! What is computed once and kept for the next process: a file for each content of what decides about it.
//!
//! A file: its key, then what is kept, at the end the XXH3-128 of everything before; little-endian. What does
//! not fit is computed again, never trusted.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

const HASH_BYTES: usize = 16;

/// What decides about something kept.
pub struct KeptKey {
    kind: &'static str,
    hash: [u8; HASH_BYTES],
}

impl KeptKey {
    /// `kind` says what is kept and is the file's ending; `parts` are all that decides about it.
    pub fn new<'a>(kind: &'static str, parts: impl IntoIterator<Item = &'a str>) -> KeptKey {
        let mut hash = Xxh3::new();
        for part in parts {
            // Lengths too: "ab", "c" are not "a", "bc".
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        KeptKey { kind, hash: hash.digest128().to_le_bytes() }
    }

    fn file_name(&self) -> String {
        format!("{:032x}.{}", u128::from_le_bytes(self.hash), self.kind)
    }
}

/// A value that can lie in a file.
pub trait Keep: Sized {
    /// The value as bytes.
    fn to_bytes(&self) -> Vec<u8>;

    /// The value of these bytes; nothing if they are of none.
    fn of_bytes(bytes: &[u8]) -> Option<Self>;
}

impl Keep for Vec<f32> {
    fn to_bytes(&self) -> Vec<u8> {
        self.iter().flat_map(|x| x.to_le_bytes()).collect()
    }

    fn of_bytes(bytes: &[u8]) -> Option<Vec<f32>> {
        let (components, rest) = bytes.as_chunks();
        rest.is_empty().then(|| components.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }
}

/// The value kept in `folder` under `key`; if there is none, or it is damaged, computes and keeps it. Without
/// a folder it is computed.
///
/// # Errors
/// When the value cannot be computed, or the folder or the file cannot be written.
pub fn load_or<T: Keep>(
    folder: Option<&Path>,
    key: &KeptKey,
    compute: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let Some(folder) = folder else { return compute() };
    let path = folder.join(key.file_name());
    if let Some(kept) = std::fs::read(&path).ok().and_then(|bytes| parse(&bytes, key)) {
        return Ok(kept);
    }
    let computed = compute()?;
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        // Renamed when whole: two processes may write the same key at once, and either may be killed.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&written(&computed, key))?;
        file.persist(&path)?;
        Ok(())
    };
    write().with_context(|| format!("keep the computed {} in {}", key.kind, path.display()))?;
    Ok(computed)
}

fn written(value: &impl Keep, key: &KeptKey) -> Vec<u8> {
    let mut bytes = key.hash.to_vec();
    bytes.extend(value.to_bytes());
    bytes.extend(xxh3_128(&bytes).to_le_bytes());
    bytes
}

fn parse<T: Keep>(bytes: &[u8], key: &KeptKey) -> Option<T> {
    let (content, hash) = bytes.split_last_chunk::<HASH_BYTES>()?;
    let value = content.strip_prefix(&key.hash)?;
    if xxh3_128(content).to_le_bytes() != *hash {
        return None;
    }
    T::of_bytes(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(parts: &[&'static str]) -> KeptKey {
        KeptKey::new("vectors", parts.iter().copied())
    }

    #[test]
    fn what_was_computed_once_is_not_computed_again() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("made/on/demand");
        let (key, value) = (key(&["a"]), vec![0.5, -1.0, 0.0, f32::MIN]);
        assert_eq!(load_or(Some(&folder), &key, || Ok(value.clone())).unwrap(), value);
        assert_eq!(load_or::<Vec<f32>>(Some(&folder), &key, || panic!("it was kept")).unwrap(), value);
        let files: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
        assert_eq!(files.len(), 1, "nothing half-written is left: {files:?}");
        assert_eq!(load_or(None, &key, || Ok(vec![1.0])).unwrap(), [1.0], "without a folder nothing is kept");
    }

    #[test]
    fn a_damaged_file_or_one_of_another_key_is_computed_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let folder = Some(path);
        let wanted = key(&["a"]);
        load_or(folder, &wanted, || Ok(vec![1.0, 2.0])).unwrap();
        let path = path.join(wanted.file_name());
        let whole = std::fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[HASH_BYTES + 1] ^= 1;
        let other = written(&vec![5.0, 6.0], &key(&["b"]));
        let cut = whole[..whole.len() - 1].to_vec();
        let tail = [&whole[..], &[0]].concat();
        for bytes in [Vec::new(), cut, tail, flipped, other] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(load_or(folder, &wanted, || Ok(vec![3.0, 4.0])).unwrap(), [3.0, 4.0]);
            assert_eq!(load_or::<Vec<f32>>(folder, &wanted, || panic!("repaired")).unwrap(), [3.0, 4.0]);
        }
    }

    #[test]
    fn what_cannot_be_computed_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        load_or::<Vec<f32>>(Some(folder.path()), &key(&["a"]), || anyhow::bail!("no model")).unwrap_err();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_key_depends_on_the_kind_and_on_each_part() {
        let keys = [
            key(&["ab", "c"]),
            key(&["a", "bc"]),
            key(&["c", "ab"]),
            key(&["ab", "c", ""]),
            KeptKey::new("neighbours", ["ab", "c"]),
        ];
        let names: std::collections::BTreeSet<String> = keys.iter().map(KeptKey::file_name).collect();
        assert_eq!(names.len(), keys.len());
    }
}
