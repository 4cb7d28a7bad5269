//! An exact index on disk: what it holds takes no heap, so that ingestion can be bounded however much is
//! indexed.
//!
//! Two files: the vectors one behind the other, and the chunks' texts, each behind its length. A search reads
//! the vectors block by block, and the engine `flat` searches each block. A batch is in the index wholly or
//! not at all.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use bench_engines::{Distance, Engine, Flat, Neighbour};

/// Rows that a search holds at once.
const BLOCK: usize = 128;

/// Vectors and texts; a chunk's id is its row.
pub(crate) struct DiskIndex {
    dim: usize,
    rows: u64,
    vectors: File,
    texts: File,
    /// The length of `texts` up to the last whole batch.
    text_bytes: u64,
}

impl DiskIndex {
    /// An empty index in a folder.
    pub fn create(folder: &Path, dim: usize) -> Result<DiskIndex> {
        let create = |name: &str| {
            let path = folder.join(name);
            let file = File::options().read(true).write(true).create_new(true).open(&path);
            file.with_context(|| format!("create the index's file {}", path.display()))
        };
        let (vectors, texts) = (create("vectors.f32")?, create("texts")?);
        Ok(DiskIndex { dim, rows: 0, vectors, texts, text_bytes: 0 })
    }

    /// How many chunks it holds.
    pub fn len(&self) -> u64 {
        self.rows
    }

    /// Adds a batch of chunks with their vectors.
    ///
    /// # Errors
    /// When the files cannot be written; the index is then as it was before.
    pub fn append(&mut self, texts: &[String], vectors: &[f32]) -> Result<()> {
        let (n, components) = (texts.len(), vectors.len());
        ensure!(components == n * self.dim, "{components} components are no {n} vectors of dim {}", self.dim);
        // Behind the last whole batch: what a failed one left there is written over.
        self.vectors.seek(SeekFrom::Start(self.rows * self.row_bytes()))?;
        self.texts.seek(SeekFrom::Start(self.text_bytes))?;
        let mut writer = BufWriter::new(&self.vectors);
        vectors.iter().try_for_each(|x| writer.write_all(&x.to_le_bytes())).context("write vectors")?;
        writer.flush().context("write vectors")?;
        let mut writer = BufWriter::new(&self.texts);
        for text in texts {
            writer.write_all(&(text.len() as u64).to_le_bytes()).context("write the texts of chunks")?;
            writer.write_all(text.as_bytes()).context("write the texts of chunks")?;
        }
        writer.flush().context("write the texts of chunks")?;
        self.text_bytes += texts.iter().map(|text| 8 + text.len() as u64).sum::<u64>();
        self.rows += n as u64;
        Ok(())
    }

    /// The `k` nearest chunks by cosine distance, the nearest first.
    pub fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        let mut nearest = Vec::new();
        self.each_block(|first, block| {
            let mut flat = Flat::new(self.dim, Distance::Cosine);
            let ids: Vec<u64> = (first..first + (block.len() / self.dim) as u64).collect();
            flat.insert(&ids, block)?;
            nearest.extend(flat.search(query, k)?);
            nearest.sort_by(Neighbour::nearer_first);
            nearest.truncate(k);
            Ok(())
        })?;
        Ok(nearest)
    }

    /// Calls `look` with block after block of vectors and the id of each block's first one.
    pub fn each_block(&self, mut look: impl FnMut(u64, &[f32]) -> Result<()>) -> Result<()> {
        let mut file = &self.vectors;
        file.seek(SeekFrom::Start(0))?;
        let mut first = 0;
        while first < self.rows {
            let rows = (self.rows - first).min(BLOCK as u64);
            let mut bytes = vec![0; (rows * self.row_bytes()) as usize];
            file.read_exact(&mut bytes)
                .with_context(|| format!("read {rows} vectors from row {first} on"))?;
            let numbers = bytes.chunks_exact(size_of::<f32>());
            let block: Vec<f32> = numbers.map(|x| f32::from_le_bytes([x[0], x[1], x[2], x[3]])).collect();
            look(first, &block)?;
            first += rows;
        }
        Ok(())
    }

    /// The texts of all chunks in the order of their ids.
    pub fn texts(&self) -> Result<Vec<String>> {
        let mut file = &self.texts;
        file.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::new(file);
        let mut next = || -> Result<String> {
            let mut length = [0; 8];
            reader.read_exact(&mut length)?;
            let mut text = vec![0; usize::try_from(u64::from_le_bytes(length))?];
            reader.read_exact(&mut text)?;
            Ok(String::from_utf8(text)?)
        };
        (0..self.rows).map(|row| next().with_context(|| format!("read the text of chunk {row}"))).collect()
    }

    fn row_bytes(&self) -> u64 {
        (self.dim * size_of::<f32>()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(row: usize) -> String {
        format!("chunk {row}: {}", "ä".repeat(row % 50))
    }

    /// Rows of different directions: an angle each.
    fn vector(row: usize) -> [f32; 2] {
        let angle = row as f32 / 1000.0;
        [angle.cos(), angle.sin()]
    }

    #[test]
    fn batches_over_several_blocks_are_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = DiskIndex::create(folder.path(), 2).unwrap();
        assert_eq!(index.search(&[1.0, 0.0], 3).unwrap(), []);
        let mut rows = 0..300;
        for batch in [1, 199, 100] {
            let rows: Vec<usize> = rows.by_ref().take(batch).collect();
            let texts: Vec<String> = rows.iter().copied().map(text).collect();
            let vectors: Vec<f32> = rows.iter().copied().flat_map(vector).collect();
            index.append(&texts, &vectors).unwrap();
        }
        assert_eq!(index.len(), 300);
        assert_eq!(index.texts().unwrap(), (0..300).map(text).collect::<Vec<_>>());
        for row in [0, 127, 128, 150, 299] {
            let found = index.search(&vector(row), 2).unwrap();
            assert_eq!((found[0].id, found.len()), (row as u64, 2));
        }
    }

    #[test]
    fn a_refused_batch_leaves_the_index_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = DiskIndex::create(folder.path(), 2).unwrap();
        index.append(&[text(0)], &vector(0)).unwrap();
        assert!(index.append(&[text(1), text(2)], &vector(1)).is_err());
        assert_eq!((index.len(), index.texts().unwrap()), (1, vec![text(0)]));
        index.append(&[text(3)], &vector(3)).unwrap();
        assert_eq!(index.texts().unwrap(), [text(0), text(3)]);
        assert_eq!(index.search(&vector(3), 1).unwrap()[0].id, 1);
    }
}
