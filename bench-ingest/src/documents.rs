//! I1 and I2: what does it cost to read documents, chunk them, embed the chunks, and index them? Those of the
//! corpus, and those that the user brought.
//!
//! KB is 1000 bytes. Each phase takes over what the one before produced and frees it once it is used: what
//! stays at the end is the chunks' text and the index. The items are documents, in the phases behind `read`
//! chunks.

use std::fs;
use std::path::PathBuf;
use std::rc::Rc;

use anyhow::{Context, Result, bail, ensure};
use bench_core::case::Mode;
use bench_core::harness::{Axis, Case, Phases, Prepared, Suite, Workload};
use bench_engines::{Distance, Engine, Flat};
use tempfile::TempDir;

use bench_data::chunk;
use bench_data::corpus::{Corpus, Documents};
use bench_data::embedder::{self, Embedder};
use bench_data::user_documents::UserDocuments;

const KB: usize = 1000;

/// The most bytes that are chunked again and again, as criterion does: more would take minutes.
const TIMED: u64 = 1_000_000;

/// The most bytes of the user's documents that a model embeds unless it is asked to: more take minutes.
const EMBEDDED: u64 = 100_000;

/// Why a large case has no criterion time.
const UNTIMED: &str = "so much text takes too long for criterion's repetitions";

pub(crate) fn add(suite: &mut Suite) -> Result<()> {
    for embedder in embedder::names() {
        corpus(suite, embedder);
        users(suite, embedder)?;
    }
    Ok(())
}

/// Documents of the corpus. A model takes a tenth of a second for a chunk of 1000 characters.
fn corpus(suite: &mut Suite, embedder: &'static str) {
    let is_model = embedder::models().contains(&embedder);
    let about = "one document: read, chunk, embed, index";
    let single = Workload::new("single_document", about).axis(Axis::new("embedder", [embedder]));
    let single = if is_model {
        let unprofiled = "dhat would take too long, and one document cannot be scaled down: see ingest/batch";
        let large = ["100KB", "1MB"];
        let single = single.axis(Axis::new("size", ["1KB", "100KB"]).quick(["1KB"]).slow(["1MB"]));
        let single = without(single, "size", &large, Mode::Time, UNTIMED);
        without(single, "size", &large, Mode::Sites, unprofiled)
    } else {
        single.axis(Axis::new("size", ["1KB", "100KB", "1MB"]).quick(["1KB", "100KB"]))
    };
    suite.add(single, |case| match case.text("size")? {
        "1KB" => prepare(case, 1, KB),
        "100KB" => prepare(case, 1, 100 * KB),
        "1MB" => prepare(case, 1, 1000 * KB),
        size => bail!("size {size:?} is none of 1KB, 100KB, 1MB"),
    });
    let about = "many documents of 10 KB (1000: of 5 KB): read, chunk, embed, index";
    let batch = Workload::new("batch", about).axis(Axis::new("embedder", [embedder])).size_axis("documents");
    let batch = if is_model {
        let batch = batch.axis(Axis::new("documents", [10]).quick::<usize>([]).slow([100, 1000]));
        batch.absent_in(Mode::Time, UNTIMED)
    } else {
        batch.axis(Axis::new("documents", [10, 100]).quick([10]).slow([1000]))
    };
    suite.add(batch, |case| match case.count("documents")? {
        documents @ 1000.. => prepare(case, documents, 5 * KB),
        documents => prepare(case, documents, 10 * KB),
    });
}

fn without(workload: Workload, axis: &'static str, values: &[&str], mode: Mode, reason: &str) -> Workload {
    values.iter().fold(workload, |workload, value| workload.absent_for(axis, value, &[mode], reason))
}

/// The documents that the user named, if he did.
fn users(suite: &mut Suite, embedder: &'static str) -> Result<()> {
    let Some(folder) = &suite.inputs().user.corpus else { return Ok(()) };
    let documents = UserDocuments::open(folder, suite.inputs().memory_limit)?;
    suite.note(documents.note());
    let about = format!("the user's documents: read, chunk, embed, index; {}", documents.about());
    let is_model = embedder::models().contains(&embedder);
    let (default, slow) = match documents.bytes() {
        EMBEDDED.. if is_model => (None, Some(embedder)),
        _ => (Some(embedder), None),
    };
    let users = Workload::new("documents", about)
        .axis(Axis::new("embedder", default).slow(slow))
        .axis(Axis::new("folder", [documents.name()]))
        .tag("documents");
    let users = match documents.bytes() {
        0..=TIMED if !is_model => users,
        _ => users.absent_in(Mode::Time, UNTIMED),
    };
    suite.add(users, move |case| {
        documents.ensure_they_fit()?;
        let paths = documents.paths().to_vec();
        let texts = Documents::of(read(&paths)?);
        prepared(case, texts, DocumentFiles { paths, _folder: None })
    });
    Ok(())
}

fn prepare(case: &Case, count: usize, bytes: usize) -> Result<Prepared> {
    let documents = Corpus::open(case.inputs())?.documents(count, bytes)?;
    let files = DocumentFiles::write(&documents)?;
    prepared(case, documents, files)
}

fn prepared(case: &Case, documents: Documents, files: DocumentFiles) -> Result<Prepared> {
    let embedder: Rc<dyn Embedder> = embedder::open(case.text("embedder")?, case.inputs())?.into();
    // The splitter's tables are loaded at first use: before the phases.
    chunk::chunks("Warm up.");
    let run = {
        let embedder = Rc::clone(&embedder);
        move |phases: &mut Phases| ingest(phases, &files, embedder.as_ref())
    };
    let (count, hash) = (documents.texts.len(), documents.hash);
    let payload = documents.texts.iter().map(String::len).sum();
    let texts = Rc::new(documents.texts);
    let check = move |ingested: Result<IngestedDocuments>| verify(&ingested?, &texts, embedder.as_ref());
    Ok(Prepared::new(run, check).items_of("document", count).payload_bytes(payload).input("corpus", hash))
}

/// The documents as files.
pub(crate) struct DocumentFiles {
    pub(crate) paths: Vec<PathBuf>,
    /// Where they lie, if they were written for this case: gone when this is dropped. It is in the current
    /// folder, which whoever starts the case removes, so that a kill leaves nothing behind.
    _folder: Option<TempDir>,
}

impl DocumentFiles {
    pub(crate) fn write(documents: &Documents) -> Result<DocumentFiles> {
        let folder = tempfile::tempdir_in(".").context("make a folder for the documents")?;
        let paths: Vec<PathBuf> =
            (0..documents.texts.len()).map(|i| folder.path().join(format!("{i}.txt"))).collect();
        for (path, text) in paths.iter().zip(&documents.texts) {
            fs::write(path, text).with_context(|| format!("write the document {}", path.display()))?;
        }
        Ok(DocumentFiles { paths, _folder: Some(folder) })
    }
}

/// What stays: the chunks of all documents in order, and their index; a chunk's id is its position.
struct IngestedDocuments {
    chunks: Vec<String>,
    index: Flat,
}

fn ingest(phases: &mut Phases, files: &DocumentFiles, embedder: &dyn Embedder) -> Result<IngestedDocuments> {
    let texts = phases.measure("read", || read(&files.paths))?;
    let chunks = phases.measure("chunk", || {
        let chunks: Vec<String> = texts.iter().flat_map(|text| chunk::chunks(text)).collect();
        drop(texts);
        chunks
    });
    phases.items_of("chunk", chunks.len());
    let vectors = phases.measure("embed", || {
        let texts: Vec<&str> = chunks.iter().map(String::as_str).collect();
        embedder.embed(&texts)
    })?;
    phases.items_of("chunk", chunks.len());
    let index = phases.measure("index", || {
        let mut index = Flat::new(embedder.dim(), Distance::Cosine);
        let ids: Vec<u64> = (0..chunks.len() as u64).collect();
        index.insert(&ids, &vectors)?;
        drop(vectors);
        anyhow::Ok(index)
    })?;
    phases.items_of("chunk", chunks.len());
    Ok(IngestedDocuments { chunks, index })
}

pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<String>> {
    let read = |path: &PathBuf| {
        fs::read_to_string(path).with_context(|| format!("read the document {}", path.display()))
    };
    paths.iter().map(read).collect()
}

/// How many chunks are searched for at the most.
const SEARCHED: usize = 100;
/// The same where a model embeds them once more.
const SEARCHED_BY_MODEL: usize = 8;

fn verify(ingested: &IngestedDocuments, documents: &[String], embedder: &dyn Embedder) -> Result<()> {
    let IngestedDocuments { chunks, index } = ingested;
    verify_text(chunks, documents)?;
    ensure!(index.len() == chunks.len(), "{} vectors for {} chunks", index.len(), chunks.len());
    let is_model = embedder::models().contains(&embedder.name());
    let searched = if is_model { SEARCHED_BY_MODEL } else { SEARCHED };
    for id in (0..chunks.len()).step_by(chunks.len().div_ceil(searched)) {
        let vector = embedder.embed(&[&chunks[id]])?;
        let nearest = index.search(&vector, 1)?;
        let nearest = nearest.first().context("the index found nothing")?;
        // Another chunk of the same text is as good.
        ensure!(
            nearest.distance.abs() < 1e-5,
            "chunk {id} is not in the index: the nearest, {}, is {} away",
            nearest.id,
            nearest.distance
        );
    }
    Ok(())
}

/// Chunk after chunk must stand in the documents, with nothing but white space between.
pub(crate) fn verify_text(chunks: &[String], documents: &[String]) -> Result<()> {
    let mut chunks = chunks.iter().enumerate();
    for (number, document) in documents.iter().enumerate() {
        let mut rest = document.trim_start();
        while !rest.is_empty() {
            let (id, chunk) = chunks.next().with_context(|| format!("document {number} has lost its end"))?;
            let behind = rest.strip_prefix(chunk.as_str()).filter(|_| !chunk.is_empty());
            rest = behind.with_context(|| format!("chunk {id} is not what follows in document {number}"))?;
            rest = rest.trim_start();
        }
    }
    ensure!(chunks.next().is_none(), "there are more chunks than text");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bench_data::embedder::Hashing;

    #[test]
    fn lost_changed_and_surplus_text_is_found() {
        let documents = ["one two\n\nthree".to_string(), " four ".to_string()];
        let judge = |chunks: &[&str]| {
            let chunks: Vec<String> = chunks.iter().map(|chunk| chunk.to_string()).collect();
            verify_text(&chunks, &documents)
        };
        judge(&["one", "two", "three", "four"]).unwrap();
        judge(&["one two\n\nthree", "four"]).unwrap();
        for (chunks, reason) in [
            (&["one two"][..], "document 0 has lost its end"),
            (&["one two", "thre", "four"], "chunk 2 is not what follows in document 0"),
            (&["one", "three", "four"], "chunk 1 is not what follows"),
            (&["one two", "three", "four", "four"], "more chunks than text"),
            (&["", "one two", "three", "four"], "chunk 0 is not what follows"),
        ] {
            let error = judge(chunks).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_chunk_that_was_not_indexed_is_found() {
        let chunks = vec!["alpha beta gamma".to_string(), "entirely different words".to_string()];
        let indexed = |texts: [&str; 2]| {
            let mut index = Flat::new(Hashing::default().dim(), Distance::Cosine);
            index.insert(&[0, 1], &Hashing::default().embed(&texts).unwrap()).unwrap();
            IngestedDocuments { chunks: chunks.clone(), index }
        };
        let verify = |ingested: &IngestedDocuments| super::verify(ingested, &chunks, &Hashing::default());
        verify(&indexed([&chunks[0], &chunks[1]])).unwrap();
        let error = verify(&indexed([&chunks[0], "something else"])).unwrap_err().to_string();
        assert!(error.contains("chunk 1 is not in the index"), "{error}");
    }
}
