//! What engines are filled with, asked for, and judged by: vectors of the text corpus, or of the data set
//! that the user brought.

use std::sync::Arc;

use crate::dataset::{Dataset, QUERIES, computed_ground_truth};
use anyhow::{Result, ensure};
use bench_core::case::Kind;
use bench_core::harness::{Axis, Case, Inputs, Prepared, Workload};
use bench_engines::{Distance, Neighbour, Oracle, Vectors};

use crate::corpus::Corpus;
use crate::embedder::{self, Embedder, Hashing};

pub use crate::dataset::K;

/// Vectors to search, queries that are not among them, and the right answers.
pub struct Material {
    /// The vectors to search.
    pub base: Arc<Vectors>,
    /// The vectors to search for.
    pub queries: Arc<Vectors>,
    /// How near two vectors are.
    pub distance: Distance,
    /// The [`K`] exact neighbours of each query.
    exact: Vec<Vec<Neighbour>>,
    /// What was read, each with its content hash.
    read: Vec<(&'static str, String)>,
}

/// Texts of the corpus, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Texts {
    /// The data set's name in case ids.
    pub name: &'static str,
    /// The size of each text.
    pub bytes: usize,
}

/// Texts as long as a retrieval service's chunks.
pub const CORPUS: Texts = Texts { name: "corpus", bytes: 1000 };
/// Short texts, of which the corpus has a million.
pub const SNIPPETS: Texts = Texts { name: "snippets", bytes: 100 };

/// The components of the corpus' vectors where a case does not say.
pub const DIM: usize = 384;

/// The texts that a material was embedded from, for searches by words.
pub struct MaterialTexts {
    /// The texts to search; a text's id is its position.
    pub base: Vec<String>,
    /// The texts to search for.
    pub queries: Vec<String>,
}

/// The embeddings of `n` consecutive texts; the 100 texts behind them are the queries. Cosine distance.
///
/// # Errors
/// When the corpus cannot be read, or is too small.
pub fn of_texts(texts: Texts, inputs: &Inputs, n: usize, dim: usize) -> Result<Material> {
    Ok(embedded(texts, inputs, n, EmbeddedBy::Hashing(dim), texts.bytes)?.0)
}

/// As [`of_texts`], as the case has it: `n`, and if it names them, `dim` or the model that is its `embedder`.
/// A model's vectors are kept for the next process.
///
/// # Errors
/// As [`of_texts`], and when the model is needed and cannot be opened.
pub fn of_case(texts: Texts, case: &Case) -> Result<Material> {
    Ok(with_words(texts, case, texts.bytes)?.0)
}

/// As [`of_case`], with the texts themselves. A query is the first `query_bytes` bytes of its text.
///
/// # Errors
/// As [`of_case`].
pub fn with_words(texts: Texts, case: &Case, query_bytes: usize) -> Result<(Material, MaterialTexts)> {
    let by = match case.text("embedder") {
        Ok(name) => EmbeddedBy::Model(name),
        Err(_) => EmbeddedBy::Hashing(case.optional_count("dim")?.unwrap_or(DIM)),
    };
    embedded(texts, case.inputs(), case.count("n")?, by, query_bytes)
}

/// The same cases with the vectors of each model of this build: recall on real embeddings is another than on
/// hashed ones. The set-up may take minutes once, so a process of its own does it before any is measured.
pub fn by_models(workload: Workload) -> Workload {
    workload.axis(Axis::new("embedder", embedder::models())).kind(Kind::EmbedsFirst)
}

/// What embeds the texts.
#[derive(Clone, Copy)]
enum EmbeddedBy<'a> {
    /// Feature hashing into so many components.
    Hashing(usize),
    /// The model of this name.
    Model(&'a str),
}

impl EmbeddedBy<'_> {
    fn embed(self, inputs: &Inputs, texts: &[&str]) -> Result<Vectors> {
        match self {
            EmbeddedBy::Hashing(dim) => Vectors::new(dim, Hashing::new(dim).embed(texts)?),
            EmbeddedBy::Model(name) => {
                let vectors = embedder::embed_once(name, inputs, texts)?;
                Vectors::new(vectors.len() / texts.len(), vectors)
            }
        }
    }
}

fn embedded(
    texts: Texts,
    inputs: &Inputs,
    n: usize,
    by: EmbeddedBy<'_>,
    query_bytes: usize,
) -> Result<(Material, MaterialTexts)> {
    let mut documents = Corpus::open(inputs)?.documents(n + QUERIES, texts.bytes)?;
    for query in &mut documents.texts[n..] {
        query.truncate(query.floor_char_boundary(query_bytes));
    }
    let all: Vec<&str> = documents.texts.iter().map(String::as_str).collect();
    let (base, queries) = (by.embed(inputs, &all[..n])?, by.embed(inputs, &all[n..])?);
    let distance = Distance::Cosine;
    let exact = computed_ground_truth(&base, &queries, K, distance, inputs.cache.as_deref())?;
    let mut read = vec![("corpus", documents.hash)];
    if let EmbeddedBy::Model(name) = by {
        read.push(("embedder", name.into()));
    }
    let queries_in_words = documents.texts.split_off(n);
    let words = MaterialTexts { base: documents.texts, queries: queries_in_words };
    Ok((Material { base: Arc::new(base), queries: Arc::new(queries), distance, exact, read }, words))
}

/// The first `n` vectors of the user's file, and the first 100 of its queries. If it has none, the last one
/// per cent of the vectors (at least 1, at most 100) are held out as queries.
///
/// # Errors
/// When a file cannot be read, holds a single vector and no query, or has neighbours that are not its own.
pub fn of_dataset(dataset: &Dataset, n: usize) -> Result<Material> {
    let own_queries = dataset.queries(QUERIES)?;
    let vectors = dataset.read(n)?;
    let has_own = own_queries.is_some();
    let hash = vectors.hash();
    let (base, queries) = match own_queries {
        Some(queries) => (vectors, queries),
        None => hold_out(vectors)?,
    };
    let exact = dataset.ground_truth(&base, &queries, has_own)?;
    let read = vec![("dataset", hash), ("queries", queries.hash())];
    let distance = dataset.distance();
    Ok(Material { base: Arc::new(base), queries: Arc::new(queries), distance, exact, read })
}

fn hold_out(vectors: Vectors) -> Result<(Vectors, Vectors)> {
    ensure!(vectors.len() >= 2, "a search needs at least two vectors: one to search, one to search for");
    let held_out = (vectors.len() / 100).clamp(1, QUERIES);
    let first_query = vectors.len() - held_out;
    Ok(vectors.split_at(first_query))
}

/// The sizes of a data set's cases: 1000, 10 000 and so on, and all `len` of it.
pub fn sizes(len: usize) -> Vec<usize> {
    let powers = std::iter::successors(Some(1000), |n: &usize| n.checked_mul(10));
    powers.take_while(|n| *n < len).chain([len]).collect()
}

/// The axis of these sizes. More than 10 000 are `slow`, unless all of it is hardly more.
pub fn size_axis(len: usize) -> Axis {
    let (default, slow): (Vec<usize>, Vec<usize>) =
        sizes(len).into_iter().partition(|n| *n <= 10_000 || len <= 30_000);
    let smallest = default.first().copied();
    Axis::new("n", default).quick(smallest).slow(slow)
}

impl Material {
    /// The judge of answers to its queries.
    pub fn oracle(&self) -> Oracle {
        let (base, queries) = (Arc::clone(&self.base), Arc::clone(&self.queries));
        Oracle::new(base, queries, self.exact.clone(), K, self.distance)
    }

    /// Bytes of the vectors to search, without any structure.
    pub fn payload_bytes(&self) -> usize {
        size_of_val(self.base.data())
    }

    /// Records what was read.
    pub fn record(&self, prepared: Prepared) -> Prepared {
        self.read.iter().fold(prepared, |prepared, (name, hash)| prepared.input(name, hash))
    }
}

#[cfg(test)]
mod tests {
    use crate::dataset;

    use super::*;

    #[test]
    fn queries_of_the_corpus_are_texts_behind_the_base() {
        let of_corpus = |n| of_texts(CORPUS, &Inputs::default(), n, DIM).unwrap();
        let (small, large) = (of_corpus(50), of_corpus(60));
        assert_eq!((small.base.len(), small.queries.len(), small.base.dim()), (50, 100, 384));
        assert_eq!(large.base.row(59), small.queries.row(9));
        assert_ne!(large.read, small.read);
        assert_eq!(of_texts(SNIPPETS, &Inputs::default(), 5, 128).unwrap().base.dim(), 128);
    }

    #[test]
    fn the_words_are_those_of_the_vectors() {
        let (material, words) =
            embedded(CORPUS, &Inputs::default(), 20, EmbeddedBy::Hashing(DIM), 100).unwrap();
        assert_eq!((words.base.len(), words.queries.len()), (20, 100));
        assert!(words.queries.iter().all(|query| (97..=100).contains(&query.len())));
        let embed = |text: &str| Hashing::new(DIM).embed(&[text]).unwrap();
        assert_eq!(material.base.row(19), embed(&words.base[19]));
        assert_eq!(material.queries.row(0), embed(&words.queries[0]));
        let whole = of_texts(CORPUS, &Inputs::default(), 20, DIM).unwrap();
        assert_eq!(whole.base, material.base);
        assert_ne!(whole.queries, material.queries);
    }

    #[test]
    fn a_data_set_is_measured_by_powers_of_ten_and_as_a_whole() {
        for (len, expected) in [
            (50, vec![50]),
            (1000, vec![1000]),
            (10_001, vec![1000, 10_000, 10_001]),
            (1_000_000, vec![1000, 10_000, 100_000, 1_000_000]),
        ] {
            assert_eq!(sizes(len), expected);
        }
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
        let error = of_dataset(&dataset::open(file.path()).unwrap(), 1).err().unwrap();
        assert!(error.to_string().contains("at least two vectors"));
    }
}
