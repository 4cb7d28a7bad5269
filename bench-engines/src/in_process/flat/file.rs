//! A saved index of `flat`: one file, which is read into memory or mapped.
//!
//! Little-endian: eight bytes that name the format, then u64 each the format's version, the storage, the
//! distance, the dim and the number of vectors; then the ids as u64, then the codes. Every part begins at a
//! multiple of eight, so that it can be used where it is mapped.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::codes::{Codes, CodesView};
use super::{FlatRows, nearest};
use crate::adapter::IndexSpec;
use crate::distance::Distance;
use crate::engine::{Engine, Neighbour};
use crate::foreign_storage::MappedFile;
use crate::id_set::IdSet;
use crate::storage::Storage;

const NAME: [u8; 8] = *b"flatidx\0";
const VERSION: u64 = 1;
/// The name and five numbers.
const HEAD: usize = 48;

/// Writes an index.
pub(super) fn write(path: &Path, rows: &FlatRows<'_>) -> Result<()> {
    let write = || {
        let mut file = BufWriter::new(File::create_new(path)?);
        let numbers = [
            VERSION,
            position(&Storage::ALL, rows.codes.storage()),
            position(&Distance::ALL, rows.distance),
            rows.dim as u64,
            rows.ids.len() as u64,
        ];
        file.write_all(&NAME)?;
        numbers.iter().try_for_each(|number| file.write_all(&number.to_le_bytes()))?;
        file.write_all(bytemuck::cast_slice(rows.ids))?;
        file.write_all(rows.codes.bytes())?;
        file.flush()
    };
    write().with_context(|| format!("write the index {}", path.display()))
}

/// The ids and the codes of a saved index, read into memory: the file is never there twice.
pub(super) fn read(path: &Path, spec: &IndexSpec) -> Result<(Vec<u64>, Codes)> {
    let read = || {
        let mut file = File::open(path)?;
        let len = file.metadata()?.len();
        let mut head = [0; HEAD];
        file.read_exact(&mut head[..HEAD.min(len as usize)])?;
        let vectors = vectors(&head, len, spec)?;
        let mut ids = vec![0u64; vectors];
        file.read_exact(bytemuck::cast_slice_mut(&mut ids))?;
        let mut codes = Codes::zeros(spec.storage, vectors, spec.dim)?;
        file.read_exact(codes.bytes_mut())?;
        anyhow::Ok((ids, codes))
    };
    read().with_context(|| format!("read the index {}", path.display()))
}

/// How many vectors the file holds, if it is an index of this kind and as long as its head says.
fn vectors(head: &[u8; HEAD], len: u64, spec: &IndexSpec) -> Result<usize> {
    ensure!(
        len >= HEAD as u64,
        "{len} bytes are too few for an index of flat: it is cut off, or of another engine"
    );
    ensure!(head.starts_with(&NAME), "it is no index of flat: it is damaged, or of another engine");
    let (numbers, _) = head[NAME.len()..].as_chunks();
    let numbers: Vec<u64> = numbers.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
    let [version, storage, distance, dim, vectors] = numbers[..] else { bail!("its head has five numbers") };
    ensure!(
        version == VERSION,
        "it is of version {version}, this build reads version {VERSION}: save it again"
    );
    let found = usize::try_from(storage).ok().and_then(|at| Storage::ALL.get(at));
    ensure!(found == Some(&spec.storage), "it keeps {}, not {}", or_number(found, storage), spec.storage);
    let found = usize::try_from(distance).ok().and_then(|at| Distance::ALL.get(at));
    ensure!(
        found == Some(&spec.distance),
        "its distance is {}, not {}",
        or_number(found, distance),
        spec.distance
    );
    ensure!(dim == spec.dim as u64, "its vectors have dim {dim}, not {}", spec.dim);
    let row = (size_of::<u64>() + spec.storage.bytes(spec.dim)) as u64;
    let whole = vectors.checked_mul(row).and_then(|bytes| bytes.checked_add(HEAD as u64));
    ensure!(
        whole == Some(len),
        "its head promises {vectors} vectors of {row} bytes behind {HEAD}, but it has {len} bytes: it is cut off or damaged"
    );
    Ok(usize::try_from(vectors)?)
}

fn position<T: PartialEq>(all: &[T], one: T) -> u64 {
    all.iter().position(|other| *other == one).map_or(u64::MAX, |at| at as u64)
}

fn or_number<T: ToString>(found: Option<&T>, number: u64) -> String {
    found.map_or_else(|| format!("number {number}"), T::to_string)
}

/// A saved index that is searched where its file is mapped; it does not change.
pub(super) struct MappedFlat {
    file: MappedFile,
    vectors: usize,
    spec: IndexSpec,
}

impl MappedFlat {
    /// Maps the file and reads its head.
    pub(super) fn open(path: &Path, spec: &IndexSpec) -> Result<MappedFlat> {
        let open = || {
            let file = MappedFile::open(path)?;
            let bytes = file.bytes();
            let mut head = [0; HEAD];
            let there = bytes.len().min(HEAD);
            head[..there].copy_from_slice(&bytes[..there]);
            let vectors = vectors(&head, bytes.len() as u64, spec)?;
            let mapped = MappedFlat { file, vectors, spec: spec.clone() };
            mapped.rows()?;
            anyhow::Ok(mapped)
        };
        open().with_context(|| format!("map the index {}", path.display()))
    }

    fn rows(&self) -> Result<FlatRows<'_>> {
        let (ids, codes) = self.file.bytes()[HEAD..].split_at(self.vectors * size_of::<u64>());
        let ids = bytemuck::try_cast_slice(ids).ok().context("its ids are not aligned")?;
        let codes = CodesView::of_bytes(self.spec.storage, codes).context("its codes are not aligned")?;
        Ok(FlatRows { dim: self.spec.dim, distance: self.spec.distance, ids, codes })
    }
}

impl Engine for MappedFlat {
    fn len(&self) -> usize {
        self.vectors
    }

    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        nearest(&self.rows()?, query, k.min(self.vectors), |_| true)
    }

    fn exhaustive(&self, query: &[f32], k: usize) -> Result<Option<Vec<Neighbour>>> {
        self.search(query, k).map(Some)
    }

    fn search_filtered(&self, query: &[f32], k: usize, allowed: &IdSet) -> Result<Vec<Neighbour>> {
        nearest(&self.rows()?, query, k.min(allowed.len()), |id| allowed.contains(id))
    }

    fn disk_bytes(&self) -> Option<u64> {
        Some(self.file.bytes().len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_process::flat::FILE;
    use crate::storage::Placement;
    use crate::vectors::Vectors;
    use crate::{build, open};

    const PLACEMENTS: [Placement; 2] = [Placement::Memory, Placement::Mapped];

    fn spec(storage: Storage) -> IndexSpec {
        IndexSpec { storage, ..IndexSpec::new(2, Distance::Cosine) }
    }

    fn saved(storage: Storage) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let base = Vectors::new(2, vec![1.0, 0.1, 0.5, 0.5, -1.0, 0.2]).unwrap();
        build("flat", &spec(storage), &base).unwrap().save(folder.path()).unwrap();
        folder
    }

    #[test]
    fn a_file_is_its_head_its_ids_and_the_codes_and_nothing_more() {
        for storage in [Storage::F32, Storage::F16, Storage::I8, Storage::B1] {
            let folder = saved(storage);
            let len = folder.path().join(FILE).metadata().unwrap().len();
            assert_eq!(len as usize, HEAD + 3 * (8 + storage.bytes(2)), "{storage}");
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error_that_names_the_file() {
        let folder = saved(Storage::I8);
        let path = folder.path().join(FILE);
        let whole = std::fs::read(&path).unwrap();
        let changed = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] = 9;
            bytes
        };
        for (bytes, reason) in [
            (Vec::new(), "0 bytes are too few"),
            (whole[..40].to_vec(), "40 bytes are too few"),
            (whole[..whole.len() - 1].to_vec(), "cut off or damaged"),
            ([&whole[..], &[0]].concat(), "cut off or damaged"),
            (changed(0), "of another engine"),
            (changed(8), "of version 9, this build reads version 1"),
            (changed(16), "it keeps number 9, not i8"),
            (changed(24), "its distance is number 9, not cosine"),
            (changed(32), "dim 9, not 2"),
            (changed(46), "cut off or damaged"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            for placement in PLACEMENTS {
                let error = open("flat", &spec(Storage::I8), folder.path(), placement).err().unwrap();
                let error = format!("{error:#}");
                assert!(
                    error.contains(reason) && error.contains(path.to_str().unwrap()),
                    "{reason}: {error}"
                );
            }
        }
        std::fs::remove_file(&path).unwrap();
        for placement in PLACEMENTS {
            let error = open("flat", &spec(Storage::I8), folder.path(), placement).err().unwrap();
            assert!(format!("{error:#}").contains(path.to_str().unwrap()), "{error:#}");
        }
    }
}
