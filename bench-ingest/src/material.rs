//! What engines are filled with, and asked for: vectors of the text corpus, or of the data set that the user brought.

use crate::corpus::Corpus;
use crate::embedder::{Embedder, Hashing};
use anyhow::{Result, ensure};
use bench_core::harness::Inputs;
use bench_vectors::dataset::{Dataset, Vectors};

/// Vectors to search, and queries that are not among them.
#[derive(Debug)]
pub struct Material {
    /// The vectors to search.
    pub base: Vectors,
    /// The vectors to search for.
    pub queries: Vectors,
    /// Hash of what was read.
    pub hash: String,
}

/// The most queries of a case.
const QUERIES: usize = 100;
/// The bytes of text behind one vector of the corpus.
const TEXT_BYTES: usize = 1000;

/// The embeddings of `n` consecutive texts of 1000 bytes; the 100 texts behind them are the queries.
///
/// # Errors
/// When the corpus cannot be read, or is too small.
pub fn of_corpus(inputs: &Inputs, n: usize) -> Result<Material> {
    let documents = Corpus::open(inputs)?.documents(n + QUERIES, TEXT_BYTES)?;
    let texts: Vec<&str> = documents.texts.iter().map(String::as_str).collect();
    let vectors = Vectors::new(Hashing.dim(), Hashing.embed(&texts)?)?;
    let (base, queries) = vectors.split_at(n);
    Ok(Material { base, queries, hash: documents.hash })
}

/// The first `n` vectors of the user's file; the last one per cent of them (at least 1, at most 100) are held out as
/// queries.
///
/// # Errors
/// When the file cannot be read, or holds a single vector.
pub fn of_dataset(dataset: &Dataset, n: usize) -> Result<Material> {
    let vectors = dataset.read(n)?;
    ensure!(vectors.len() >= 2, "a search needs at least two vectors: one to search, one to search for");
    let hash = vectors.hash();
    let held_out = (vectors.len() / 100).clamp(1, QUERIES);
    let first_query = vectors.len() - held_out;
    let (base, queries) = vectors.split_at(first_query);
    Ok(Material { base, queries, hash })
}

#[cfg(test)]
mod tests {
    use bench_vectors::dataset;

    use super::*;

    #[test]
    fn queries_of_the_corpus_are_texts_behind_the_base() {
        let small = of_corpus(&Inputs::default(), 50).unwrap();
        assert_eq!((small.base.len(), small.queries.len(), small.base.dim()), (50, 100, 384));
        let large = of_corpus(&Inputs::default(), 60).unwrap();
        assert_eq!(large.base.row(59), small.queries.row(9));
        assert_ne!(large.hash, small.hash);
    }

    #[test]
    fn the_end_of_a_data_set_is_held_out() {
        let folder = tempfile::tempdir().unwrap();
        for (n, used, base, queries) in
            [(2, 2, 1, 1), (99, 99, 98, 1), (700, 300, 297, 3), (20_000, 20_000, 19_900, 100)]
        {
            let path = folder.path().join("line.fvecs");
            let bytes: Vec<u8> =
                (0..n).flat_map(|i| [1u32.to_le_bytes(), (i as f32).to_le_bytes()]).flatten().collect();
            std::fs::write(&path, bytes).unwrap();
            let material = of_dataset(&dataset::open(&path).unwrap(), used).unwrap();
            assert_eq!((material.base.len(), material.queries.len()), (base, queries), "{n} vectors");
            assert_eq!(material.queries.row(0), [base as f32]);
        }
    }

    #[test]
    fn one_vector_cannot_be_searched() {
        let mut file = tempfile::Builder::new().suffix(".fvecs").tempfile().unwrap();
        std::io::Write::write_all(&mut file, &[1, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        let error = of_dataset(&dataset::open(file.path()).unwrap(), 1).unwrap_err();
        assert!(error.to_string().contains("at least two vectors"));
    }
}
