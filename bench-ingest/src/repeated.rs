//! I5: does anything stay of each document that is ingested and taken out again?

use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use bench_core::case::{Kind, Mode};
use bench_core::harness::{Axis, Case, Findings, Phases, Prepared, Suite};
use bench_engines::{Adapter, Distance, Engine, Holder, IndexSpec, Vectors};

use bench_data::chunk;
use bench_data::corpus::Corpus;
use bench_data::embedder::{Embedder, Hashing};
use bench_data::indexing;
use bench_data::material::CORPUS;

/// Iterations of the loop, and the documents that take turns.
const ITERATIONS: usize = 50;
const DOCUMENTS: usize = 5;
const BYTES: usize = 10_000;

pub(crate) fn add(suite: &mut Suite) {
    let about = format!(
        "a loop of {ITERATIONS} iterations, each of which chunks, embeds and indexes a document of 10 KB, searches for \
         it, and takes it out again: out of the index that stays, or with the whole index where the engine cannot \
         delete; does anything stay?"
    );
    let workload = indexing::workload("loop", &about, |adapter| adapter.server().is_none())
        .axis(Axis::new("dataset", [CORPUS.name]).quick::<&str>([]))
        .kind(Kind::Loop);
    let workload = indexing::not_on_programs(workload, indexing::LOOPS)
        .version(2)
        .absent_in(Mode::Time, "a loop is watched for leaks; ingest/single_document is timed");
    suite.add(workload, prepare);
}

fn prepare(case: &Case) -> Result<Prepared> {
    let adapter = bench_engines::find(case.text("engine")?)?;
    let documents = Corpus::open(case.inputs())?.documents(1 + DOCUMENTS, BYTES)?;
    let hash = documents.hash;
    let documents = Rc::new(documents.texts);
    let pool = indexing::pool(1)?;
    let run = move |phases: &mut Phases| {
        let (kept, coming) = documents.split_first().context("there are documents")?;
        let most = coming.iter().map(|text| chunk::chunks(text).len()).max().unwrap_or(0);
        let mut index = pool.install(|| Index::of(adapter, &Document::embedded(kept)?, most))?;
        let mut found = 0;
        phases.iterate("ingest", ITERATIONS, |iteration| {
            let document = Document::embedded(&coming[iteration % DOCUMENTS])?;
            found += usize::from(pool.install(|| index.take_in_and_out(&document))?);
            Ok(())
        })?;
        phases.items_of("iteration", ITERATIONS);
        anyhow::Ok(found)
    };
    let check = |found: usize| {
        ensure!(found == ITERATIONS, "{found} of {ITERATIONS} documents were found once they were indexed");
        Ok(Findings { recall: Some(found as f64 / ITERATIONS as f64), ..Findings::default() })
    };
    let prepared = Prepared::fallible(run, check)
        .items_of("iteration", ITERATIONS)
        .payload_bytes(BYTES)
        .input("corpus", hash);
    Ok(indexing::with_engine(prepared, adapter, &Holder::default()))
}

/// A document as an index takes it: the vectors of its chunks.
struct Document(Vectors);

impl Document {
    fn embedded(text: &str) -> Result<Document> {
        let chunks = chunk::chunks(text);
        let texts: Vec<&str> = chunks.iter().map(String::as_str).collect();
        let embedder = Hashing::default();
        Ok(Document(Vectors::new(embedder.dim(), embedder.embed(&texts)?)?))
    }
}

/// Where documents go in and out: an index that holds another one, or, where the engine cannot delete, a new
/// one for each.
struct Index {
    adapter: &'static Adapter,
    spec: IndexSpec,
    staying: Option<Box<dyn Engine>>,
    /// The first id that the document which stays does not use.
    first_id: u64,
}

impl Index {
    /// An index that holds a document, and has room for another one of as many chunks as `most`: not every
    /// engine can grow.
    fn of(adapter: &'static Adapter, kept: &Document, most: usize) -> Result<Index> {
        let mut spec = IndexSpec::new(kept.0.dim(), Distance::Cosine);
        let stays = adapter.capabilities.delete && adapter.capabilities.update;
        if stays {
            spec.reserve = kept.0.len() + most;
        }
        let staying = if stays { Some(bench_engines::build(adapter.name, &spec, &kept.0)?) } else { None };
        Ok(Index { adapter, spec, staying, first_id: kept.0.len() as u64 })
    }

    /// Whether the document was found once it was in.
    fn take_in_and_out(&mut self, Document(vectors): &Document) -> Result<bool> {
        let Some(index) = &mut self.staying else {
            return is_found(bench_engines::build(self.adapter.name, &self.spec, vectors)?.as_ref(), vectors);
        };
        let ids: Vec<u64> = (self.first_id..).take(vectors.len()).collect();
        index.insert(&ids, vectors.data())?;
        let is_found = is_found(index.as_ref(), vectors)?;
        index.delete(&ids)?;
        Ok(is_found && index.len() as u64 == self.first_id)
    }
}

/// Whether the nearest to a document's first chunk is that chunk, or one with the same text.
fn is_found(index: &dyn Engine, document: &Vectors) -> Result<bool> {
    let nearest = index.search(document.row(0), 1)?;
    Ok(nearest.first().is_some_and(|nearest| nearest.distance.abs() < 1e-5))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A document of so many chunks.
    fn document(seed: u32, chunks: u32) -> Document {
        let component = |i: u32| ((i * 2_654_435 + seed * 97) % 1009) as f32 - 500.0;
        Document(Vectors::new(8, (0..8 * chunks).map(component).collect()).unwrap())
    }

    #[test]
    fn a_document_is_found_while_it_is_in_and_gone_afterwards() {
        for adapter in bench_engines::all().filter(|adapter| adapter.server().is_none()) {
            let mut index = Index::of(adapter, &document(1, 10), 12).unwrap();
            for seed in 2..7 {
                let taken = index.take_in_and_out(&document(seed, 7 + seed % 6));
                assert!(taken.unwrap(), "{}", adapter.name);
            }
            let Some(staying) = &index.staying else { continue };
            assert_eq!(staying.len(), 10, "{}", adapter.name);
            assert!(!is_found(staying.as_ref(), &document(4, 10).0).unwrap(), "{}", adapter.name);
        }
    }
}
