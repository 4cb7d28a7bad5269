//! I8: can far more text be ingested than the limit of the heap allows at once?
//!
//! Documents are read, chunked, embedded and indexed in batches, under a memory budget. It is the budget that
//! a service would use, so the workload asks it as a service does. What is bounded is the whole heap of the
//! ingestion: the index lies on disk ([`DiskIndex`]), because an index that grows in the heap reaches any
//! limit by enough text.
//!
//! Three rules keep the limit, all on live bytes read at each check, so that equal runs make equal batches:
//!
//! - A batch takes the next documents up to its size as long as the heap would stay below Critical with them;
//!   a batch of one document must stay below Emergency. What a document will need is guessed by its length
//!   ([`NEED_PER_BYTE`]).
//! - When a batch is chunked, what its vectors need is known. If that would be an Emergency, its chunks are
//!   dropped and half of its documents are tried; one document that does not fit ends the ingestion with an
//!   error.
//! - The worst pressure that a batch met sets the next one's size: twice as many documents after Normal, half
//!   after Warning, one after Critical. Emergency ends the ingestion with an error.
//!
//! However it ends, the batches before are in the index, each wholly.
//!
//! KB is 1000 bytes. A document has 10 KB, every 20th 100 KB, as real ones differ in length.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bench_core::budget::{
    Bytes, Limits, MemoryBudget, Operation, OperationMonitor, OperationReport, Pressure,
};
use bench_core::case::{Kind, Mode};
use bench_core::evidence::BudgetRecord;
use bench_core::harness::{Axis, Case, Phases, Prepared, Suite, Workload};
use tempfile::TempDir;

use crate::disk_index::DiskIndex;
use crate::documents::{DocumentFiles, read, verify_text};
use bench_data::chunk;
use bench_data::corpus::{Corpus, Documents};
use bench_data::embedder::{Embedder, Hashing};

/// Bytes of a short document, and how many of them make a long one.
const SHORT: usize = 10_000;
const LONG: usize = 10;
/// Every so many documents one is long.
const LONG_EVERY: usize = 20;

/// The heap that a byte of text takes at the most on its way through a batch, measured 2.7 to 3.1 on the
/// corpus: the chunk and its vector. Texts of short chunks take more; a wrong guess costs a second try.
const NEED_PER_BYTE: u64 = 3;

/// The most documents of a batch.
const MOST_DOCUMENTS: usize = 1024;

pub(crate) fn add(suite: &mut Suite) {
    let about = "documents of 10 KB, every 20th of 100 KB: read, chunked, embedded and indexed on disk in batches, under a \
                 limit of the heap";
    let blind = "the batches follow the heap, which only the counting allocator of mode heap shows";
    let bounded = |about: &str| {
        let workload = Workload::new("bounded", about).size_axis("documents");
        workload.absent_in(Mode::Sites, blind).absent_in(Mode::Time, blind)
    };
    let workload = bounded(about)
        .axis(Axis::new("documents", [200, 2000]).quick([200]))
        .axis(Axis::new("limit", ["512KiB", "2MiB", "8MiB"]).quick(["2MiB"]));
    suite.add(workload, prepare);
    let too_low = bounded(
        "the limit is too low for a long document: ends with an error, the index keeps what came before",
    )
    .axis(Axis::new("documents", [200]))
    .axis(Axis::new("limit", ["256KiB"]))
    .kind(Kind::Fault);
    suite.add(too_low, prepare);
}

fn limit(text: &str) -> Result<Bytes> {
    Ok(match text {
        "256KiB" => Bytes::kib(256),
        "512KiB" => Bytes::kib(512),
        "2MiB" => Bytes::mib(2),
        "8MiB" => Bytes::mib(8),
        _ => bail!("limit {text:?} is none of 256KiB, 512KiB, 2MiB, 8MiB"),
    })
}

fn prepare(case: &Case) -> Result<Prepared> {
    let limit = limit(case.text("limit")?)?;
    let documents = documents(&Corpus::open(case.inputs())?, case.count("documents")?)?;
    let (count, hash) = (documents.texts.len(), documents.hash.clone());
    let payload = documents.texts.iter().map(String::len).sum();
    let files = Rc::new(DocumentFiles::write(&documents)?);
    // The splitter's tables are loaded at first use: before the phases.
    chunk::chunks("Warm up.");
    let run = {
        let files = Rc::clone(&files);
        move |phases: &mut Phases| run(phases, &files.paths, limit)
    };
    let check = move |ingested: Result<BoundedIngest>| verify(&ingested?, &files.paths);
    Ok(Prepared::new(run, check).items_of("document", count).payload_bytes(payload).input("corpus", hash))
}

/// The first documents of the corpus: short ones, and a long one at every 20th place.
fn documents(corpus: &Corpus, count: usize) -> Result<Documents> {
    let pieces_of = |number: usize| if number % LONG_EVERY == LONG_EVERY - 1 { LONG } else { 1 };
    let pieces = corpus.documents((0..count).map(pieces_of).sum(), SHORT)?.texts;
    let mut pieces = pieces.into_iter();
    Ok(Documents::of((0..count).map(|number| pieces.by_ref().take(pieces_of(number)).collect()).collect()))
}

/// What came of an ingestion, to its end or not.
struct BoundedIngest {
    index: DiskIndex,
    /// How many documents are in the index.
    documents: usize,
    /// Why it ended before the last document.
    stopped: Option<anyhow::Error>,
    report: OperationReport,
    limit: Bytes,
    /// Where the index lies; gone when this is dropped.
    _folder: TempDir,
}

fn run(phases: &mut Phases, paths: &[PathBuf], limit: Bytes) -> Result<BoundedIngest> {
    let folder = tempfile::tempdir_in(".").context("make a folder for the index")?;
    let mut index = DiskIndex::create(folder.path(), Hashing::default().dim())?;
    // Every check reads: pressure follows from the bytes that are live, not from the time.
    let budget = MemoryBudget::new(Limits::default().heap(limit))?.max_age(Duration::ZERO);
    let monitor = OperationMonitor::new(budget.heap_from_here());
    let mut batches = Batches::default();
    let (stopped, report) = phases.measure("ingest", || {
        let mut operation = monitor.start("ingest");
        let stopped = ingest(&mut operation, monitor.budget(), paths, &mut index, &mut batches).err();
        (stopped, operation.end())
    });
    phases.items_of("document", batches.documents);
    phases.budget(batches.record(limit, &report));
    Ok(BoundedIngest { index, documents: batches.documents, stopped, report, limit, _folder: folder })
}

fn ingest(
    operation: &mut Operation<'_>,
    budget: &MemoryBudget,
    paths: &[PathBuf],
    index: &mut DiskIndex,
    batches: &mut Batches,
) -> Result<()> {
    while batches.documents < paths.len() {
        let waiting = &paths[batches.documents..];
        let batch = &waiting[..admitted(budget, waiting, batches.size)?];
        match ingest_batch(operation, budget, batch, index)? {
            Some(worst) => batches.done(batch.len(), worst, batch.len() == waiting.len()),
            None if batch.len() > 1 => batches.size = batch.len() / 2,
            None => {
                let (name, status) = (batch[0].display(), budget.status());
                bail!("the vectors of the document {name} are more than the memory budget has left: {status}")
            }
        }
    }
    Ok(())
}

/// How many of the waiting documents the next batch takes.
fn admitted(budget: &MemoryBudget, waiting: &[PathBuf], most: usize) -> Result<usize> {
    let mut need = 0;
    for (taken, path) in waiting.iter().take(most).enumerate() {
        let length =
            path.metadata().with_context(|| format!("look at the document {}", path.display()))?.len();
        need += length * NEED_PER_BYTE;
        let with_it = budget.check_for(Bytes::new(need))?;
        if taken > 0 && with_it >= Pressure::Critical {
            return Ok(taken);
        }
        let (name, need) = (path.display(), Bytes::new(need));
        ensure!(
            with_it < Pressure::Emergency,
            "the document {name} of {} needs about {need}, more than the memory budget has left: {}",
            Bytes::new(length),
            budget.status()
        );
    }
    Ok(most.min(waiting.len()))
}

/// Takes a batch through all steps and returns the worst pressure it met; nothing if its vectors would not
/// fit, and then nothing of it is in the index.
fn ingest_batch(
    operation: &mut Operation<'_>,
    budget: &MemoryBudget,
    paths: &[PathBuf],
    index: &mut DiskIndex,
) -> Result<Option<Pressure>> {
    let mut worst = Pressure::Normal;
    let mut check = |operation: &mut Operation<'_>| -> Result<()> {
        let pressure = operation.check()?;
        ensure!(pressure < Pressure::Emergency, "a batch went over the memory budget: {}", budget.status());
        worst = worst.max(pressure);
        Ok(())
    };
    let texts = read(paths)?;
    let bytes: usize = texts.iter().map(String::len).sum();
    check(operation)?;
    let chunks: Vec<String> = texts.iter().flat_map(|text| chunk::chunks(text)).collect();
    check(operation)?;
    drop(texts);
    let embedder = Hashing::default();
    let vector_bytes = chunks.len() * (embedder.dim() * size_of::<f32>() + size_of::<&str>());
    if budget.check_for(Bytes::new(vector_bytes as u64))? == Pressure::Emergency {
        return Ok(None);
    }
    let references: Vec<&str> = chunks.iter().map(String::as_str).collect();
    let vectors = embedder.embed(&references)?;
    check(operation)?;
    index.append(&chunks, &vectors)?;
    operation.add(paths.len() as u64, bytes as u64);
    Ok(Some(worst))
}

/// How many documents the next batch may have, and how the batches so far were.
struct Batches {
    /// The most documents of the next batch.
    size: usize,
    /// Documents that are in the index.
    documents: usize,
    count: u64,
    largest: usize,
    /// Whether one met pressure: before, they only grow.
    pressed: bool,
    /// Since then, the last one left out.
    smallest: Option<usize>,
}

impl Default for Batches {
    /// Begins with one document: how much a batch takes is not known yet.
    fn default() -> Batches {
        Batches { size: 1, documents: 0, count: 0, largest: 0, pressed: false, smallest: None }
    }
}

impl Batches {
    fn done(&mut self, documents: usize, worst: Pressure, is_last: bool) {
        self.documents += documents;
        self.count += 1;
        self.largest = self.largest.max(documents);
        if self.pressed && !is_last {
            self.smallest = Some(self.smallest.map_or(documents, |smallest| smallest.min(documents)));
        }
        self.pressed |= worst > Pressure::Normal;
        self.size = match worst {
            Pressure::Normal => (self.size * 2).min(MOST_DOCUMENTS),
            Pressure::Warning => (self.size / 2).max(1),
            Pressure::Critical | Pressure::Emergency => 1,
        };
    }

    fn record(&self, limit: Bytes, report: &OperationReport) -> BudgetRecord {
        BudgetRecord {
            heap_limit_bytes: limit.get(),
            batches: self.count,
            smallest_batch: self.smallest.map(|documents| documents as u64),
            largest_batch: self.largest as u64,
            warnings: report.levels.of(Pressure::Warning),
            criticals: report.levels.of(Pressure::Critical),
        }
    }
}

/// How many chunks are searched for at the most.
const SEARCHED: u64 = 20;

/// Everything that is said to be in the index must be, whether the ingestion came to its end or not; one that
/// did not is no right answer.
fn verify(ingested: &BoundedIngest, paths: &[PathBuf]) -> Result<()> {
    let BoundedIngest { index, documents, stopped, report, limit, .. } = ingested;
    verify_index(index, &read(&paths[..*documents])?).context("the index is not consistent")?;
    if let Some(reason) = stopped {
        let (chunks, all) = (index.len(), paths.len());
        bail!(
            "{reason:#}; stopped after {documents} of {all} documents, whose {chunks} chunks are in the index"
        );
    }
    ensure!(*documents == paths.len(), "{documents} of {} documents are in the index", paths.len());
    ensure!(
        report.peak_heap.is_some_and(|peak| peak <= *limit),
        "the limit of {limit} did not hold: {report}"
    );
    Ok(())
}

/// Each chunk of the documents must be there with its vector, in order, and be found.
fn verify_index(index: &DiskIndex, documents: &[String]) -> Result<()> {
    let chunks = index.texts()?;
    verify_text(&chunks, documents)?;
    let embedder = Hashing::default();
    index.each_block(|first, block| {
        for (id, stored) in (first as usize..).zip(block.chunks_exact(embedder.dim())) {
            ensure!(embedder.embed(&[&chunks[id]])? == stored, "the vector of chunk {id} is another text's");
        }
        Ok(())
    })?;
    let step = index.len().div_ceil(SEARCHED).max(1) as usize;
    for (id, chunk) in chunks.iter().enumerate().step_by(step) {
        let found = index.search(&embedder.embed(&[chunk])?, 1)?;
        // Another chunk of the same text is as good.
        let is_found = found.first().is_some_and(|nearest| nearest.distance.abs() < 1e-5);
        ensure!(is_found, "chunk {id} is not found: {found:?}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_shrink_under_pressure_and_grow_back() {
        let mut batches = Batches::default();
        let sizes: Vec<usize> = [
            Pressure::Normal,
            Pressure::Normal,
            Pressure::Normal,
            Pressure::Warning,
            Pressure::Normal,
            Pressure::Critical,
            Pressure::Warning,
            Pressure::Normal,
        ]
        .into_iter()
        .map(|worst| {
            batches.done(batches.size, worst, false);
            batches.size
        })
        .collect();
        assert_eq!(sizes, [2, 4, 8, 4, 8, 1, 1, 2]);
        assert_eq!((batches.smallest, batches.largest, batches.count), (Some(1), 8, 8));
        (0..2000).for_each(|_| batches.done(1, Pressure::Normal, false));
        assert_eq!(batches.size, MOST_DOCUMENTS);
    }

    #[test]
    fn a_changed_text_or_vector_is_found() {
        let documents = ["one text".to_string(), "another text".to_string()];
        let vectors = |texts: &[&str]| Hashing::default().embed(texts).unwrap();
        let judge = |vectors: &[f32], texts: [&str; 2]| {
            let folder = tempfile::tempdir().unwrap();
            let mut index = DiskIndex::create(folder.path(), Hashing::default().dim()).unwrap();
            index.append(&texts.map(String::from), vectors).unwrap();
            verify_index(&index, &documents)
        };
        let texts = ["one text", "another text"];
        judge(&vectors(&texts), texts).unwrap();
        let error = judge(&vectors(&["one text", "one text"]), texts).unwrap_err().to_string();
        assert!(error.contains("the vector of chunk 1 is another text's"), "{error}");
        let error = judge(&vectors(&texts), ["one text", "another"]).unwrap_err().to_string();
        assert!(error.contains("chunk 1") || error.contains("document 1"), "{error}");
    }
}
