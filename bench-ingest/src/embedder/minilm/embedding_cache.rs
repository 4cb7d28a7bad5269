//! The cache of embeddings: one file for each content of model and texts.
//!
//! A file: its key, then the components of all vectors (f32), little-endian; at the end the XXH3-128 of everything
//! before. What does not fit is computed again, never trusted.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

const HASH_BYTES: usize = 16;

/// What decides about the vectors.
pub(super) struct Key {
    hash: [u8; HASH_BYTES],
    /// How many components the file holds.
    components: usize,
}

impl Key {
    /// `model` names everything beside the texts that decides about a vector of `dim` components.
    pub(super) fn new(model: &str, dim: usize, texts: &[&str]) -> Key {
        let mut hash = Xxh3::new();
        for text in [model].iter().chain(texts) {
            // Lengths too: "ab", "c" are not "a", "bc".
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        Key { hash: hash.digest128().to_le_bytes(), components: texts.len() * dim }
    }

    fn file_name(&self) -> String {
        format!("{:032x}.embeddings", u128::from_le_bytes(self.hash))
    }
}

/// The vectors kept under `key`; if there are none, or they are damaged, computes and keeps them.
///
/// # Errors
/// When the vectors cannot be computed, or the folder or the file cannot be written.
pub(super) fn load_or(
    folder: &Path,
    key: &Key,
    compute: impl FnOnce() -> Result<Vec<f32>>,
) -> Result<Vec<f32>> {
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
    write().with_context(|| format!("keep the embeddings in {}", path.display()))?;
    Ok(computed)
}

fn written(vectors: &[f32], key: &Key) -> Vec<u8> {
    let mut bytes = key.hash.to_vec();
    bytes.extend(vectors.iter().flat_map(|x| x.to_le_bytes()));
    bytes.extend(xxh3_128(&bytes).to_le_bytes());
    bytes
}

fn parse(bytes: &[u8], key: &Key) -> Option<Vec<f32>> {
    let (content, hash) = bytes.split_last_chunk::<HASH_BYTES>()?;
    let components = content.strip_prefix(&key.hash)?;
    if xxh3_128(content).to_le_bytes() != *hash || components.len() != key.components * size_of::<f32>() {
        return None;
    }
    Some(components.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(texts: &[&str]) -> Key {
        Key::new("a model", 2, texts)
    }

    #[test]
    fn what_was_computed_once_is_not_computed_again() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("made/on/demand");
        let key = key(&["a", "b"]);
        let vectors = vec![0.5, -1.0, 0.0, f32::MIN];
        assert_eq!(load_or(&folder, &key, || Ok(vectors.clone())).unwrap(), vectors);
        assert_eq!(load_or(&folder, &key, || panic!("it was kept")).unwrap(), vectors);
        let files: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
        assert_eq!(files.len(), 1, "nothing half-written is left: {files:?}");
    }

    #[test]
    fn a_damaged_file_or_one_of_another_key_is_computed_again() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = key(&["a"]);
        load_or(folder.path(), &wanted, || Ok(vec![1.0, 2.0])).unwrap();
        let path = folder.path().join(wanted.file_name());
        let whole = std::fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[HASH_BYTES + 1] ^= 1;
        let other = written(&[5.0, 6.0], &key(&["b"]));
        let another_dim = written(&[5.0], &wanted);
        let cut = whole[..whole.len() - 1].to_vec();
        let tail = [&whole[..], &[0]].concat();
        for bytes in [Vec::new(), cut, tail, flipped, other, another_dim] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(load_or(folder.path(), &wanted, || Ok(vec![3.0, 4.0])).unwrap(), [3.0, 4.0]);
            assert_eq!(load_or(folder.path(), &wanted, || panic!("repaired")).unwrap(), [3.0, 4.0]);
        }
    }

    #[test]
    fn what_cannot_be_computed_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        load_or(folder.path(), &key(&["a"]), || anyhow::bail!("no model")).unwrap_err();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_key_depends_on_the_model_and_on_each_text() {
        let keys = [
            key(&["ab", "c"]),
            key(&["a", "bc"]),
            key(&["c", "ab"]),
            key(&["ab", "c", ""]),
            Key::new("another model", 2, &["ab", "c"]),
        ];
        let names: std::collections::BTreeSet<String> = keys.iter().map(Key::file_name).collect();
        assert_eq!(names.len(), keys.len());
    }
}
