//! Every case runs once in the real binary and checks its answer.

use std::path::Path;
use std::process::{Command, Output};

use bench_core::case::{CaseId, CaseSpec, Mode};
use bench_core::evidence::{Evidence, HeapRecord};
use bench_core::leak::{Diagnosis, judge};
use bench_core::program::{ALLOCATOR_VARIABLE, MODE_VARIABLE};
use bench_engines::HeapVisibility;

/// The suite's program, ready to measure in `mode`.
fn program(mode: Mode) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ingest"));
    program.env(MODE_VARIABLE, mode.name());
    program
}

fn list(flags: &[&str]) -> Vec<CaseSpec> {
    let output = program(Mode::Heap).arg("list").args(flags).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn run(mode: Mode, case: &str, flags: &[&str], folder: &Path) -> Output {
    let mut command = program(mode);
    let id: CaseId = case.parse().unwrap();
    command.env(ALLOCATOR_VARIABLE, id.param("allocator").unwrap_or("system"));
    command.current_dir(folder).args(["run", case, "--evidence", "evidence.json"]).args(flags);
    command.output().unwrap()
}

fn evidence(mode: Mode, case: &str, flags: &[&str]) -> Evidence {
    let folder = tempfile::tempdir().unwrap();
    let output = run(mode, case, flags, folder.path());
    assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(folder.path().join("evidence.json")).unwrap()).unwrap()
}

fn phases(evidence: &Evidence) -> Vec<&str> {
    evidence.phases.iter().map(|phase| phase.name.as_str()).collect()
}

/// A crate of 2.5 MB, as the caller of the suites would name it in an index.
fn corpus(folder: &Path) -> String {
    let text: String =
        (0..50_000u64).map(|i| format!("Line {i} has a word, {}.\n\n", i * i % 7919)).collect();
    let source = folder.join("crate");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("README.md"), text.repeat(2)).unwrap();
    let index = folder.join("corpus.tsv");
    std::fs::write(&index, format!("crate\t1.0.0\t{}\n", source.display())).unwrap();
    index.to_str().unwrap().to_string()
}

#[test]
fn every_case_on_texts_gives_a_right_answer_in_its_phases() {
    let folder = tempfile::tempdir().unwrap();
    let index = corpus(folder.path());
    for case in list(&["--crate-list", &index]) {
        // Chunking a megabyte takes long in a build for tests; the case runs in every bench.
        let is_large = case.id.param("size") == Some("1MB") || case.id.workload == "bounded";
        if case.id.param("engine").is_some() || case.has_tag("slow") || is_large {
            continue;
        }
        let evidence = evidence(Mode::Heap, &case.id.to_string(), &["--crate-list", &index]);
        let expected = match case.id.workload.as_str() {
            "embedding" => &["embed"][..],
            _ => &["read", "chunk", "embed", "index"],
        };
        assert_eq!(phases(&evidence), expected, "{}", case.id);
        assert!(evidence.inputs["corpus"].starts_with("xxh3:"), "{}", case.id);
    }
}

#[test]
fn a_child_without_an_index_finds_the_corpus_by_itself() {
    let case = "ingest/single_document{embedder=hashing,size=1KB}";
    let evidence = evidence(Mode::Heap, case, &[]);
    assert_eq!(evidence.items, Some(1));
    assert!(evidence.payload_bytes.is_some_and(|bytes| (997..=1000).contains(&bytes)));
}

#[test]
fn the_other_modes_run_a_case_too() {
    let folder = tempfile::tempdir().unwrap();
    let index = corpus(folder.path());
    let case = "ingest/batch{embedder=hashing,documents=10}";
    let flags = ["--crate-list", &index, "--scale", "5"];
    let sites = evidence(Mode::Sites, case, &flags);
    assert!(sites.sites.is_some());
    assert_eq!(sites.items, Some(2));
    let flags = ["--crate-list", &index, "--quick"];
    let time = evidence(Mode::Time, "ingest/single_document{embedder=hashing,size=1KB}", &flags);
    assert!(time.time.is_some());
}

/// Scaled down: a build for tests is slow, and what is checked is the same.
#[test]
fn every_engine_builds_and_updates_the_same_index_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let index = corpus(folder.path());
    let flags = ["--crate-list", &index, "--scale", "4"];
    let cases = list(&["--crate-list", &index]);
    let slow_builder = "ingest/build{engine=instant-distance,dataset=corpus,n=1000}";
    let is_one = |case: &&CaseSpec| {
        case.has_tag("quick") && case.id.param("engine").is_some() || case.id.to_string() == slow_builder
    };
    for case in cases.iter().filter(is_one) {
        let id = case.id.to_string();
        let engine = case.id.param("engine").unwrap();
        if let Some(reason) = case.absent_modes.get(&Mode::Heap) {
            if case.tags.iter().any(|tag| tag.starts_with("requires_")) {
                assert!(reason.contains("start one with"), "{id}: {reason}");
                continue;
            }
            assert_eq!(reason, "the engine cannot delete", "{id}");
            assert!(["hnsw_rs", "instant-distance"].contains(&engine), "{id}");
            continue;
        }
        let (first, second) = (evidence(Mode::Heap, &id, &flags), evidence(Mode::Heap, &id, &flags));
        assert!(first.recall.is_some_and(|recall| recall > 0.8), "{id}: recall {:?}", first.recall);
        assert!(first.recall == second.recall || first.varies.is_some(), "{id}");
        assert!(first.inputs["engine"].starts_with(engine), "{id}");
        let varies = first.varies.is_some();
        for (first, second) in first.phases.iter().zip(&second.phases) {
            let id = format!("{id} {}", first.name);
            assert_eq!(first.engine_bytes, second.engine_bytes, "{id}");
            let repeats = first.heap.map(totals) == second.heap.map(totals);
            assert!(repeats || varies, "{id}: {:?} {:?}", first.heap, second.heap);
            let is_foreign = matches!(bench_engines::find(engine).unwrap().heap, HeapVisibility::Foreign(_));
            assert_eq!(first.heap.is_none(), is_foreign, "{id}");
            assert!(
                first.heap.is_none_or(|heap| heap.allocating_threads.unwrap() <= 2),
                "{id}: {:?}",
                first.heap
            );
        }
        assert_eq!(first.foreign_heap.is_some(), first.phases[0].heap.is_none(), "{id}");
    }
}

/// Every engine on the heap that it lives on.
#[test]
fn nothing_stays_from_a_loop_of_documents() {
    let folder = tempfile::tempdir().unwrap();
    let index = corpus(folder.path());
    let flags = ["--crate-list", index.as_str()];
    let loops: Vec<CaseSpec> = list(&flags).into_iter().filter(|case| case.has_tag("loop")).collect();
    assert_eq!(loops.len(), bench_engines::names(|adapter| adapter.server().is_none()).len());
    for case in loops {
        let is_foreign = case.has_tag("foreign_heap");
        let mode = if is_foreign { Mode::Native } else { Mode::Heap };
        let evidence = evidence(mode, &case.id.to_string(), &flags);
        let readings = &evidence.phases[0].iteration_live_bytes;
        assert_eq!((readings.len(), evidence.recall), (50, Some(1.0)), "{}", case.id);
        assert_eq!(judge(readings, 0.0), Some(Diagnosis::Clean), "{}: {readings:?}", case.id);
    }
}

/// What must repeat: bytes and blocks asked for, the peak, and what stays.
fn totals(heap: HeapRecord) -> [u64; 6] {
    let over_base = |live: u64| live.wrapping_sub(heap.base_live_bytes);
    let blocks = [heap.allocated_blocks, heap.freed_blocks, heap.reallocated_blocks];
    let [allocated, freed, reallocated] = blocks;
    [
        heap.allocated_bytes + heap.reallocated_bytes,
        allocated,
        freed,
        reallocated,
        over_base(heap.peak_live_bytes),
        over_base(heap.end_live_bytes),
    ]
}

/// Threads and a batch are the case's, another dim is the vectors'.
#[cfg(all(feature = "engines", feature = "jemalloc"))]
#[test]
fn parameters_reach_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let index = corpus(folder.path());
    let run = |engine: &str, parameter: &str| {
        let case = format!("ingest/build{{engine={engine},dataset=corpus,n=1000{parameter}}}");
        evidence(Mode::Heap, &case, &["--crate-list", &index, "--scale", "4"])
    };
    let grown = |evidence: &Evidence| {
        let heap = evidence.phases[0].heap.unwrap();
        heap.end_live_bytes - heap.start_live_bytes
    };
    let small = run("flat", ",dim=128");
    assert_eq!(small.payload_bytes, Some(250 * 128 * 4));
    assert_eq!(run("flat", ",reserve=yes").phases[0].heap.unwrap().reallocated_blocks, 0);
    assert!(run("flat", ",batch=1").phases[0].heap.unwrap().reallocated_blocks > 8);
    assert!(grown(&run("hnsw_rs", ",m=32")) > grown(&run("hnsw_rs", ",m=8")));
    let threads = run("hnsw_rs", ",threads=2");
    assert!(threads.phases[0].heap.unwrap().allocating_threads >= Some(2), "{:?}", threads.phases[0]);
    assert!(threads.recall.is_some_and(|recall| recall > 0.8), "{:?}", threads.recall);
    let jemalloc = "ingest/build{engine=flat,dataset=corpus,n=1000,allocator=jemalloc}";
    let flags = ["--crate-list", &index, "--scale", "4"];
    let jemalloc = evidence(Mode::Heap, jemalloc, &flags);
    assert_eq!(grown(&jemalloc), grown(&run("flat", "")));
    assert!(jemalloc.phases[0].allocator.is_some_and(|books| books.in_use_bytes > Some(0)));
}

#[test]
fn the_users_data_set_becomes_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("points.fvecs");
    let bytes: Vec<u8> = (0..50u32)
        .flat_map(|i| [2u32.to_le_bytes(), (i as f32).to_le_bytes(), ((i * i) as f32).to_le_bytes()])
        .flatten()
        .collect();
    std::fs::write(&file, bytes).unwrap();
    let flags = ["--dataset", file.to_str().unwrap()];
    let case = "ingest/build{engine=flat,dataset=points,n=50}";
    assert!(list(&flags).iter().any(|spec| spec.id.to_string() == case && spec.has_tag("dataset")));
    let evidence = evidence(Mode::Heap, case, &flags);
    assert_eq!((evidence.items, evidence.payload_bytes), (Some(49), Some(49 * 2 * 4)), "one is the query");
    assert_eq!((phases(&evidence), evidence.recall), (vec!["build", "search"], Some(1.0)));
}

/// The hashing embedder keeps a vector per text and a copy of one text in lower case.
#[test]
fn the_peak_of_an_embedding_grows_with_the_batch_by_its_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let index = corpus(folder.path());
    let peak = |texts: u64, length: &str| {
        let case = format!("ingest/embedding{{embedder=hashing,texts={texts},length={length}}}");
        let evidence = evidence(Mode::Heap, &case, &["--crate-list", &index]);
        assert_eq!(evidence.items, Some(texts));
        let heap = evidence.phases[0].heap.unwrap();
        heap.peak_live_bytes - heap.start_live_bytes
    };
    let references = size_of::<&str>() as u64;
    assert_eq!(peak(64, "1KB") - peak(1, "1KB"), 63 * (384 * 4 + references));
    assert!(peak(1, "10KB") - peak(1, "100B") > 9000);
}

/// A folder of the user: two documents, one of which has several chunks, and a picture.
fn documents(folder: &Path) -> String {
    let documents = folder.join("notes");
    std::fs::create_dir(&documents).unwrap();
    std::fs::write(documents.join("long.md"), "A sentence of the user. ".repeat(300)).unwrap();
    std::fs::write(documents.join("short.rst"), "Über uns\n========\n").unwrap();
    std::fs::write(documents.join("logo.png"), [0x89, b'P', b'N', b'G', 0]).unwrap();
    documents.to_str().unwrap().to_string()
}

#[test]
fn the_users_documents_are_read_chunked_embedded_and_indexed() {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--corpus", &documents(folder.path())];
    let case = "ingest/documents{embedder=hashing,folder=notes}";
    let spec = list(&flags).into_iter().find(|spec| spec.id.to_string() == case).unwrap();
    assert!(spec.has_tag("documents") && spec.has_tag("quick"), "{:?}", spec.tags);
    assert!(
        spec.about.ends_with("files: 2, bytes: 7219, left out: 1 with other endings (logo.png)"),
        "{}",
        spec.about
    );
    assert!(!list(&[]).iter().any(|spec| spec.id.workload == "documents"));
    let evidence = evidence(Mode::Heap, case, &flags);
    assert_eq!(phases(&evidence), ["read", "chunk", "embed", "index"]);
    assert_eq!((evidence.items, evidence.payload_bytes), (Some(2), Some(7219)));
    let items: Vec<Option<u64>> = evidence.phases.iter().map(|phase| phase.items).collect();
    assert_eq!(items, [Some(2), Some(9), Some(9), Some(9)], "chunks behind the reading");
}

/// One document among files that are none; the largest is a byte above what fits into the memory limit.
#[test]
fn bad_files_are_left_out_and_named_and_the_rest_is_ingested() {
    const MEMORY_LIMIT: usize = 8 << 20;
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    std::fs::create_dir(&notes).unwrap();
    let write = |name: &str, content: &[u8]| std::fs::write(notes.join(name), content).unwrap();
    write("good.md", b"One good sentence.");
    write("empty.txt", b"");
    write("latin.txt", b"caf\xe9");
    write("binary.txt", b"\x7fELF\0");
    write("large.txt", &b"A line of real text.\n".repeat(1 << 20)[..MEMORY_LIMIT / 8 + 1]);
    write("secret.txt", b"Nobody may read this.");
    let unreadable = forbid(&notes.join("secret.txt"));
    let limit = MEMORY_LIMIT.to_string();
    let flags = ["--corpus", notes.to_str().unwrap(), "--memory-limit", &limit];
    let case = "ingest/documents{embedder=hashing,folder=notes}";
    let spec = list(&flags).into_iter().find(|spec| spec.id.to_string() == case).unwrap();
    let mut parts = vec![
        "1 larger than 1.00 MiB, 1/8 of --memory-limit: raise it to take them in (large.txt)",
        "1 binary (binary.txt)",
        "1 not UTF-8 (latin.txt)",
        "1 empty (empty.txt)",
    ];
    parts.extend(unreadable.then_some("1 unreadable (secret.txt)"));
    for part in parts {
        assert!(spec.about.contains(part), "{part}: {}", spec.about);
    }
    let documents = if unreadable { 1 } else { 2 };
    assert_eq!(evidence(Mode::Heap, case, &flags).items, Some(documents));
}

/// Takes all rights from a file. False for root, who may read it all the same.
fn forbid(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o0)).unwrap();
    std::fs::File::open(path).is_err()
}

#[test]
fn documents_that_do_not_fit_into_memory_together_fail_before_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    std::fs::create_dir(&notes).unwrap();
    for name in ["a.txt", "b.txt"] {
        std::fs::write(notes.join(name), "A line.\n".repeat(80_000)).unwrap();
    }
    let limit = (8usize << 20).to_string();
    let flags = ["--corpus", notes.to_str().unwrap(), "--memory-limit", &limit];
    let case = "ingest/documents{embedder=hashing,folder=notes}";
    let output = run(Mode::Heap, case, &flags, folder.path());
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("the 2 documents of notes have 1.22 MiB in all"), "{stderr}");
    assert!(
        stderr.contains("more than --memory-limit 8.00 MiB: name a smaller folder, or raise"),
        "{stderr}"
    );
}

#[test]
fn a_folder_of_empty_documents_fails_with_their_names() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "").unwrap();
    std::fs::write(folder.path().join("b.md"), " \n").unwrap();
    let output = program(Mode::Heap).args(["list", "--corpus"]).arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("has no text: 2 empty (a.txt, b.md); name a folder with files"), "{stderr}");
}

#[test]
fn set_up_alone_leaves_what_it_computed_for_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let index = corpus(folder.path());
    let cache = folder.path().join("cache");
    let case = "ingest/build{engine=flat,dataset=corpus,n=1000}";
    let mut command = program(Mode::Heap);
    command.current_dir(folder.path()).args(["prepare", case, "--crate-list", &index, "--cache"]).arg(&cache);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let kept: Vec<_> = std::fs::read_dir(&cache).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(kept.len(), 1, "the neighbours: {kept:?}");
}

#[test]
fn a_folder_without_text_fails_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let output = program(Mode::Heap).args(["list", "--corpus"]).arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains(folder.path().to_str().unwrap()) && stderr.contains("no file at all"),
        "{stderr}"
    );
}

#[test]
fn a_corpus_that_is_not_there_fails_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(
        Mode::Heap,
        "ingest/single_document{embedder=hashing,size=1KB}",
        &["--crate-list", "missing.tsv"],
        folder.path(),
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("missing.tsv"));
}

#[cfg(not(feature = "minilm"))]
#[test]
fn a_model_is_refused_by_a_build_that_has_none() {
    let output = program(Mode::Heap).args(["list", "--model", "."]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("add --features minilm"));
}
