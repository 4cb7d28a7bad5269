//! What tantivy takes to create an index: the scenarios of tantivy#1533, a peak for each phase.

mod documents;

use std::process::ExitCode;

use membench::{Axis, Case, Context, Inputs, Kind, Phases, Prepared, Result, Suite, Workload, ensure};
use tantivy::collector::Count;
use tantivy::indexer::NoMergePolicy;
use tantivy::query::AllQuery;
use tantivy::{Index, IndexWriter, TantivyDocument};
use tempfile::TempDir;

use documents::Documents;

/// The least that tantivy takes for a thread that indexes, in bytes.
const ARENA_BYTES: usize = 15_000_000;
/// Documents that an iteration of the loop indexes.
const PER_ITERATION: usize = 100;
const THREADS: &str = "tantivy indexes, merges and frees on threads of its own";

fn main() -> ExitCode {
    membench::run(&[suite])
}

fn suite(inputs: &Inputs) -> Result<Suite> {
    let mut suite = Suite::new("tantivy", inputs);
    let create =
        Workload::new("create", "an index on disk: add documents, commit each segment, merge all into one")
            .axis(Axis::new("fields", documents::FIELDS).quick(["text", "all"]))
            .axis(Axis::new("docs", [1000, 10_000]).quick([1000]).slow([50_000]))
            .axis(Axis::new("segments", [1, 8]))
            .size_axis("docs");
    suite.add(create, prepare_create);
    let again =
        Workload::new("create_again", "a new index in memory, filled, searched and dropped, again and again");
    suite.add(again.kind(Kind::Loop), prepare_again);
    Ok(suite)
}

fn prepare_create(case: &Case) -> Result<Prepared> {
    let (docs, segments) = (case.count("docs")?, case.count("segments")?);
    let documents = Documents::new(case.text("fields")?, docs)?;
    let payload = documents.payload_bytes();
    let run = move |phases: &mut Phases| {
        let folder = TempDir::new_in(".").context("a folder for the index")?;
        let index = Index::create_in_dir(&folder, documents.schema())?;
        let mut writer = phases.measure("open", || writer(&index))?;
        let each = docs / segments;
        let last = (segments - 1) * each;
        if segments > 1 {
            phases.measure("add_segments", || -> Result<()> {
                for segment in 0..segments - 1 {
                    documents.add(&writer, segment * each..(segment + 1) * each)?;
                    writer.commit()?;
                }
                Ok(())
            })?;
        }
        phases.measure("add", || documents.add(&writer, last..docs))?;
        phases.measure("commit", || writer.commit())?;
        let ids = index.searchable_segment_ids()?;
        let before = ids.len();
        if before > 1 {
            phases.measure("merge", || writer.merge(&ids).wait())?;
        }
        phases.measure("close", || writer.wait_merging_threads())?;
        Ok((folder, index, before))
    };
    let check = move |(_folder, index, before): (TempDir, Index, usize)| {
        ensure!(before == segments, "{before} segments before the merge instead of {segments}");
        let after = index.searchable_segment_ids()?.len();
        ensure!(after == 1, "{after} segments after the merge");
        ensure_documents(&index, docs)
    };
    Ok(Prepared::fallible(run, check).items_of("document", docs).payload_bytes(payload).varies(Some(THREADS)))
}

fn prepare_again(_: &Case) -> Result<Prepared> {
    let documents = Documents::new("all", PER_ITERATION)?;
    let run = move |phases: &mut Phases| {
        phases.iterate("create_again", 40, |_| {
            let index = Index::create_in_ram(documents.schema());
            let mut writer = writer(&index)?;
            documents.add(&writer, 0..PER_ITERATION)?;
            writer.commit()?;
            writer.wait_merging_threads()?;
            ensure_documents(&index, PER_ITERATION)
        })
    };
    Ok(Prepared::fallible(run, |()| Ok(())).items_of("document", 40 * PER_ITERATION).varies(Some(THREADS)))
}

/// A writer with one thread, which merges only when it is told to.
fn writer(index: &Index) -> Result<IndexWriter> {
    let writer: IndexWriter<TantivyDocument> = index.writer_with_num_threads(1, ARENA_BYTES)?;
    writer.set_merge_policy(Box::new(NoMergePolicy));
    Ok(writer)
}

fn ensure_documents(index: &Index, expected: usize) -> Result<()> {
    let found = index.reader()?.searcher().search(&AllQuery, &Count)?;
    ensure!(found == expected, "{found} documents can be found instead of {expected}");
    Ok(())
}
