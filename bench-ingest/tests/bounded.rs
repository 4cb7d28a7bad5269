//! `ingest/bounded` in the real binary: the limit holds to the byte, and what does not fit ends with an
//! error.

use std::path::Path;
use std::process::{Command, Output};

use bench_core::case::Mode;
use bench_core::evidence::{BudgetRecord, Evidence};
use bench_core::program::MODE_VARIABLE;

/// A crate of this text, as the caller of the suites would name it in an index.
fn corpus(folder: &Path, text: &str) -> String {
    let source = folder.join("crate");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("README.md"), text).unwrap();
    let index = folder.join("corpus.tsv");
    std::fs::write(&index, format!("crate\t1.0.0\t{}\n", source.display())).unwrap();
    index.to_str().unwrap().to_string()
}

/// 1.5 MB, which fill their chunks.
fn lines() -> String {
    (0..30_000u64)
        .map(|i| format!("Line {i} has a word, {}, and says nothing else.\n\n", i * i % 7919))
        .collect()
}

/// 1.5 MB in paragraphs of which two do not fit into a chunk: twice as many chunks.
fn paragraphs() -> String {
    let word = |i: u64| format!("{} ", 1000 + i * i % 7919);
    (0..2_900u64).map(|i| (0..105).map(|j| word(105 * i + j)).collect::<String>() + "\n\n").collect()
}

fn run(text: &str, limit: &str, scale: &str) -> (Output, Option<Evidence>) {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path(), text);
    let mut command = Command::new(env!("CARGO_BIN_EXE_ingest"));
    command.env(MODE_VARIABLE, Mode::Heap.name());
    let case = format!("ingest/bounded{{documents=200,limit={limit}}}");
    command.current_dir(folder.path()).args(["run", &case, "--evidence", "evidence.json"]);
    let output = command.args(["--crate-list", &corpus, "--scale", scale]).output().unwrap();
    let evidence = std::fs::read(folder.path().join("evidence.json")).ok();
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !["crate", "corpus.tsv", "evidence.json"].contains(&name.as_str()))
        .collect();
    assert_eq!(left, [""; 0], "the folders of documents and index are gone");
    (output, evidence.map(|json| serde_json::from_slice(&json).unwrap()))
}

fn measure(text: &str, limit: &str, scale: &str) -> (BudgetRecord, u64) {
    let (output, evidence) = run(text, limit, scale);
    assert!(output.status.success(), "{limit}: {}", String::from_utf8_lossy(&output.stderr));
    let evidence = evidence.unwrap();
    let phase = &evidence.phases[0];
    let (heap, budget) = (phase.heap.unwrap(), phase.budget.unwrap());
    assert_eq!((phase.name.as_str(), phase.items, evidence.phases.len()), ("ingest", evidence.items, 1));
    let peak = heap.peak_live_bytes - heap.base_live_bytes;
    assert!(peak <= budget.heap_limit_bytes, "{limit}: a peak of {peak} bytes");
    (budget, peak)
}

/// 100 documents of 1.45 MB together: all at once they would take more than 4 MB.
#[test]
fn the_limit_holds_and_equal_runs_make_equal_batches() {
    let text = lines();
    let (low, peak) = measure(&text, "512KiB", "2");
    assert_eq!(low.heap_limit_bytes, 512 << 10);
    assert!(peak > 7 * (512 << 10) / 10, "a peak of {peak} bytes makes little use of the limit");
    assert!(low.warnings > 0, "no pressure shrank a batch: {low:?}");
    assert!(
        low.smallest_batch < Some(low.largest_batch)
            && low.smallest_batch.is_some()
            && low.largest_batch < 50,
        "{low:?}"
    );
    assert_eq!(measure(&text, "512KiB", "2"), (low, peak));
    let (high, _) = measure(&text, "2MiB", "2");
    assert_eq!(high.heap_limit_bytes, 2 << 20);
    assert!(high.batches < low.batches && high.largest_batch > low.largest_batch, "{low:?} {high:?}");
}

/// The guess of what a document needs is a third too low for these.
#[test]
fn texts_of_short_chunks_keep_the_limit_too() {
    let (budget, _) = measure(&paragraphs(), "512KiB", "4");
    assert!(budget.largest_batch < measure(&lines(), "512KiB", "4").0.largest_batch, "{budget:?}");
}

/// The 20th document is a long one: it does not fit into the limit even by itself.
#[test]
fn what_does_not_fit_ends_with_an_error_and_a_consistent_index() {
    let (output, evidence) = run(&lines(), "256KiB", "8");
    assert_eq!((output.status.code(), evidence), (Some(1), None));
    let stderr = String::from_utf8_lossy(&output.stderr);
    for part in [
        "19.txt of 97.7 KiB needs about 293 KiB, more than the memory budget has left: heap",
        "/256 KiB",
        "stopped after 19 of 25 documents, whose",
        "chunks are in the index",
    ] {
        assert!(stderr.contains(part), "{part:?} is not in {stderr}");
    }
    // Each of those chunks was looked for before this was said: see `verify` in bench-ingest/src/bounded.rs.
    assert!(!stderr.contains("not consistent"), "{stderr}");
}
