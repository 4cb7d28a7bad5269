//! Every case runs once in the real binary and checks its answer against the oracle.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use bench_core::case::{CaseSpec, Mode};
use bench_core::evidence::Evidence;
use bench_core::harness::Inputs;
use bench_core::leak::{Diagnosis, judge, trend};
use bench_core::program::MODE_VARIABLE;
use bench_data::corpus::Corpus;

/// The suite's program, ready to measure in `mode`. Without CARGO criterion does not ask it for a folder.
fn program(mode: Mode) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_search"));
    program.env(MODE_VARIABLE, mode.name()).env_remove("CARGO");
    program
}

/// The list of this workspace's crates, made once: without it every process would ask cargo.
fn crate_list() -> &'static Path {
    static LIST: OnceLock<PathBuf> = OnceLock::new();
    LIST.get_or_init(|| {
        let list = Corpus::open(&Inputs::default()).unwrap().crate_list();
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("crates_of_search.tsv");
        // Renamed when whole: another test may be reading it.
        let file = tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        std::fs::write(&file, list).unwrap();
        file.persist(&path).unwrap();
        path
    })
}

/// The cases that need no server.
fn list(flags: &[&str]) -> Vec<CaseSpec> {
    let output = program(Mode::Heap).arg("list").args(flags).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let cases: Vec<CaseSpec> = serde_json::from_slice(&output.stdout).unwrap();
    cases.into_iter().filter(|case| !case.tags.iter().any(|tag| tag.starts_with("requires_"))).collect()
}

fn evidence(mode: Mode, case: &str, flags: &[&str]) -> Evidence {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(mode);
    command.current_dir(folder.path()).args(["run", case, "--evidence", "evidence.json", "--crate-list"]);
    let output = command.arg(crate_list()).args(flags).output().unwrap();
    assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(folder.path().join("evidence.json")).unwrap()).unwrap()
}

/// Scaled down: a build for tests is slow, and what is checked is the same.
#[test]
fn every_search_finds_the_neighbours() {
    let is_filtered =
        |case: &CaseSpec| case.id.workload == "filtered" && case.id.param("percent") == Some("10");
    let cases = list(&[]).into_iter().filter(|case| !case.has_tag("slow"));
    for case in cases.filter(|case| case.has_tag("quick") || is_filtered(case)) {
        let engine = case.id.param("engine").unwrap();
        if case.absent_modes.contains_key(&Mode::Heap) {
            assert_eq!(engine, "instant-distance", "{}", case.id);
            continue;
        }
        let evidence = evidence(Mode::Heap, &case.id.to_string(), &["--scale", "5"]);
        let phases: Vec<&str> = evidence.phases.iter().map(|phase| phase.name.as_str()).collect();
        let is_hybrid = case.id.workload == "hybrid";
        let expected = if is_hybrid { &["dense", "sparse", "fuse"][..] } else { &["search"] };
        assert_eq!((evidence.items, phases.as_slice()), (Some(100), expected), "{}", case.id);
        assert!(evidence.inputs["corpus"].starts_with("xxh3:"), "{}", case.id);
        assert_recall(&evidence);
        assert_eq!(evidence.foreign_heap.is_some(), evidence.phases[0].heap.is_none(), "{}", case.id);
        assert_eq!(evidence.foreign_heap.is_some(), case.has_tag("foreign_heap"), "{}", case.id);
        let Some(heap) = evidence.phases[0].heap else { continue };
        let threads: u64 = case.id.param("threads").unwrap_or("1").parse().unwrap();
        assert!(heap.allocating_threads.unwrap() <= threads + 1, "{}: {heap:?}", case.id);
    }
}

fn assert_recall(evidence: &Evidence) {
    let is_exact = ["flat", "sqlite-vec"].contains(&evidence.case.param("engine").unwrap());
    let least = if is_exact { 1.0 } else { 0.6 };
    let recall = evidence.recall;
    assert!(recall.is_some_and(|recall| recall >= least), "{}: {recall:?}", evidence.case);
}

#[test]
fn each_half_of_a_hybrid_search_has_its_own_peak_and_repeats() {
    let case = "search/hybrid{engine=flat,dataset=corpus,n=1000}";
    let run = || evidence(Mode::Heap, case, &["--scale", "2"]);
    let (first, second) = (run(), run());
    assert_eq!(first.recall, Some(1.0));
    assert!(first.inputs["sparse"].starts_with("bm25 2."), "{:?}", first.inputs);
    let mut peaks = Vec::new();
    for (first, second) in first.phases.iter().zip(&second.phases) {
        let (heap, again) = (first.heap.unwrap(), second.heap.unwrap());
        let peak = heap.peak_live_bytes - heap.start_live_bytes;
        assert_eq!(peak, again.peak_live_bytes - again.start_live_bytes, "{}", first.name);
        assert_eq!(heap.allocated_bytes, again.allocated_bytes, "{}", first.name);
        peaks.push(peak);
    }
    // Ten fused items of 16 bytes a query; fifty neighbours or hits, and what finds them.
    assert!(peaks[2] < peaks[0] && peaks[2] < peaks[1], "{peaks:?}");
    assert!(peaks[2] >= 100 * 10 * 16, "{peaks:?}");
}

#[test]
fn clients_search_for_the_time_given() {
    let evidence =
        evidence(Mode::Heap, "search/sustained{engine=flat,dataset=corpus,n=1000,clients=4,ms=500}", &[]);
    assert_recall(&evidence);
    let phase = &evidence.phases[0];
    assert!(phase.wall_ns >= 500_000_000, "{phase:?}");
    assert!(phase.items.is_some_and(|searches| searches >= 400), "{phase:?}");
    assert!(phase.heap.is_some_and(|heap| heap.allocating_threads >= Some(4)), "{phase:?}");
}

/// Every engine on the heap that it lives on; scaled down, because a build for tests is slow.
#[test]
fn nothing_stays_from_a_loop_of_searches() {
    let loops: Vec<CaseSpec> = list(&[]).into_iter().filter(|case| case.id.workload == "loop").collect();
    for of in ["dense", "filtered", "hybrid"] {
        assert!(loops.iter().any(|case| case.id.param("of") == Some(of)), "{of}");
    }
    for case in loops {
        let is_foreign = case.has_tag("foreign_heap");
        let mode = if is_foreign { Mode::Native } else { Mode::Heap };
        let evidence = evidence(mode, &case.id.to_string(), &["--scale", "5"]);
        assert_recall(&evidence);
        assert_eq!(evidence.items, Some(1000), "{}", case.id);
        let readings = &evidence.phases[0].iteration_live_bytes;
        assert_eq!(readings.len(), 100, "{}", case.id);
        let slope = trend(readings).unwrap().line.slope;
        assert_eq!((judge(readings, 0.0), slope), (Some(Diagnosis::Clean), 0.0), "{}: {readings:?}", case.id);
    }
}

#[test]
fn a_search_allocates_the_same_every_time() {
    let case = "search/dense{engine=flat,dataset=corpus,n=2000,threads=1}";
    let heap = || evidence(Mode::Heap, case, &["--scale", "20"]).phases[0].heap.unwrap();
    let (first, second) = (heap(), heap());
    assert_eq!(first.allocating_threads, Some(1));
    assert_eq!(
        (first.allocated_bytes, first.allocated_blocks, first.peak_live_bytes - first.start_live_bytes),
        (second.allocated_bytes, second.allocated_blocks, second.peak_live_bytes - second.start_live_bytes)
    );
}

#[test]
fn the_other_modes_run_a_case_too() {
    let case = "search/dense{engine=flat,dataset=corpus,n=2000,threads=2}";
    assert!(evidence(Mode::Sites, case, &["--scale", "20"]).sites.is_some());
    let time = evidence(Mode::Time, case, &["--scale", "20", "--quick"]);
    assert!(time.time.is_some());
}

#[test]
fn the_users_data_set_is_searched() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench-data/tests/fixtures/fortran_f8.npy");
    let flags = ["--dataset", file.to_str().unwrap()];
    let cases: Vec<CaseSpec> = list(&flags).into_iter().filter(|case| case.has_tag("dataset")).collect();
    assert!(cases.len() >= 2);
    for case in cases {
        let evidence = evidence(Mode::Heap, &case.id.to_string(), &flags);
        assert_eq!(evidence.items, Some(1), "{}", case.id);
        assert!(evidence.inputs.contains_key("dataset"), "{}", case.id);
    }
}

/// A file of vectors: each behind its dim.
fn fvecs(path: &Path, dim: usize, data: &[f32]) {
    let row = |row: &[f32]| -> Vec<u8> {
        let components = row.iter().flat_map(|x| x.to_le_bytes());
        (dim as u32).to_le_bytes().into_iter().chain(components).collect()
    };
    std::fs::write(path, data.chunks_exact(dim).flat_map(row).collect::<Vec<u8>>()).unwrap();
}

/// Rows of neighbours, each behind its length.
fn ivecs(path: &Path, rows: &[Vec<u32>]) {
    let row = |row: &Vec<u32>| -> Vec<u8> {
        [row.len() as u32].iter().chain(row).flat_map(|id| id.to_le_bytes()).collect()
    };
    std::fs::write(path, rows.iter().flat_map(row).collect::<Vec<u8>>()).unwrap();
}

/// Numbers without structure, the same every time.
fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 2_654_435_761 % 1009) as f32 / 100.0 - 5.0).collect()
}

#[test]
fn what_an_engine_cannot_do_with_the_users_data_is_listed_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vectors.fvecs");
    let absent = |flags: &[&str]| -> Vec<(String, String)> {
        let flags = [&["--dataset", path.to_str().unwrap()], flags].concat();
        let cases = list(&flags).into_iter().filter(|case| case.has_tag("dataset"));
        let absent = cases.filter(|case| Mode::ALL.iter().all(|mode| case.absent_modes.contains_key(mode)));
        absent.map(|case| (case.id.to_string(), case.absent_modes[&Mode::Heap].clone())).collect()
    };
    fvecs(&path, 2, &numbers(24));
    assert_eq!(absent(&[]), []);
    let by_ip = absent(&["--distance", "ip"]);
    assert_eq!(by_ip.len(), 2, "{by_ip:?}");
    for (case, reason) in by_ip {
        assert!(case.starts_with("search/dense{engine=sqlite-vec,"), "{case}");
        assert_eq!(reason, "sqlite-vec has no distance ip, only l2 and cosine");
    }
    fvecs(&path, 8193, &numbers(2 * 8193));
    let wide = absent(&[]);
    assert_eq!(wide.len(), 2, "{wide:?}");
    for (case, reason) in wide {
        assert!(case.starts_with("search/dense{engine=sqlite-vec,"), "{case}");
        assert_eq!(reason, "sqlite-vec indexes vectors of dim 8192 at the most, these have 8193");
    }
}

/// Zero vectors, vectors far from the origin, and of any length: every engine is measured, or says what it
/// cannot do.
#[test]
fn no_data_of_the_user_makes_an_engine_answer_wrongly() {
    let folder = tempfile::tempdir().unwrap();
    let (path, of_queries) = (folder.path().join("vectors.fvecs"), folder.path().join("queries.fvecs"));
    let mut with_zeros = numbers(4 * 60);
    with_zeros[..4].fill(0.0);
    with_zeros[100..104].fill(0.0);
    for (data, distance, what) in [
        (with_zeros, "cosine", "zero vectors"),
        (numbers(4 * 60).iter().map(|x| x + 3000.0).collect(), "l2", "far from the origin"),
        (numbers(4 * 60).iter().map(|x| x * 1e10).collect(), "cosine", "long"),
        (numbers(4 * 60).iter().map(|x| x * 1e-12).collect(), "cosine", "short"),
        (numbers(4 * 60), "ip", "of any length"),
    ] {
        fvecs(&path, 4, &data);
        fvecs(&of_queries, 4, &data[..4 * 3]);
        let [path, queries] = [&path, &of_queries].map(|path| path.to_str().unwrap());
        let flags = ["--dataset", path, "--distance", distance, "--queries", queries];
        let is_tried = |case: &CaseSpec| {
            case.has_tag("dataset")
                && case.id.param("threads") == Some("1")
                && !case.absent_modes.contains_key(&Mode::Heap)
        };
        for case in list(&flags).into_iter().filter(is_tried) {
            let evidence = evidence(Mode::Heap, &case.id.to_string(), &flags);
            assert!(evidence.recall.is_some() || evidence.unjudged.is_some(), "{what}: {}", case.id);
            if case.id.param("engine") == Some("flat") {
                assert_eq!(evidence.recall, Some(1.0), "{what}");
                assert_eq!(evidence.unjudged.is_some(), what == "zero vectors", "{what}: {evidence:?}");
            }
        }
    }
}

#[test]
fn ground_truth_of_a_part_of_the_vectors_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let [path, queries, neighbours] =
        ["line.fvecs", "queries.fvecs", "neighbours.ivecs"].map(|name| folder.path().join(name));
    fvecs(&path, 1, &(0..30).map(|i| 3000.0 + i as f32).collect::<Vec<_>>());
    fvecs(&queries, 1, &[3000.25]);
    let [path, of_queries, of_neighbours] = [&path, &queries, &neighbours].map(|path| path.to_str().unwrap());
    let flags = ["--dataset", path, "--queries", of_queries, "--neighbours", of_neighbours];
    let run = |ids: Vec<u32>| {
        ivecs(&neighbours, &[ids]);
        let case = "search/dense{engine=usearch,dataset=line,n=30,threads=1}";
        let mut command = program(Mode::Heap);
        command.current_dir(folder.path()).args(["run", case, "--evidence", "evidence.json"]).args(flags);
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert!(run((0..10).collect()).0);
    for (ids, reason) in [
        (
            (20..30).collect(),
            "row 0: it does not name the nearest: vector 0 at 0.0625 is nearer than vector 29",
        ),
        ((20..30).rev().collect(), "row 0: it is not in order of the distance l2"),
        (
            (1..11).collect(),
            "row 0: it does not name the nearest: vector 0 at 0.0625 is nearer than vector 10",
        ),
    ] {
        let (success, said) = run(ids);
        assert!(!success && said.contains(reason) && said.contains("neighbours.ivecs"), "{said}");
        assert!(!said.contains("wrong answer"), "{said}");
    }
}
