//! The cases on a server in the real binary: against PGVECTOR_URL (`.ci/pgvector start` prints one), and
//! without any.
#![cfg(feature = "pgvector")]

use std::process::{Command, Output};

use bench_core::case::{CaseSpec, Mode};
use bench_core::evidence::Evidence;
use bench_core::program::MODE_VARIABLE;
use bench_core::run::FailureKind;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ingest");
const BUILD: &str = "ingest/build{engine=pgvector,dataset=corpus,n=1000}";

fn binary(arguments: &[&str], server: Option<&str>) -> (Output, Option<Evidence>) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(PROGRAM);
    command.env(MODE_VARIABLE, Mode::Heap.name());
    command.current_dir(folder.path()).args(arguments);
    if let Some(url) = server {
        command.args(["--pgvector", url]);
    }
    let output = command.output().unwrap();
    let evidence = std::fs::read(folder.path().join("evidence.json")).ok();
    (output, evidence.map(|json| serde_json::from_slice(&json).unwrap()))
}

fn evidence(case: &str, url: &str) -> Evidence {
    let (output, evidence) = binary(&["run", case, "--evidence", "evidence.json"], Some(url));
    evidence.unwrap_or_else(|| panic!("{case}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn url() -> Option<String> {
    let url = std::env::var("PGVECTOR_URL").ok();
    if url.is_none() {
        println!("skipped: no PostgreSQL with pgvector; set PGVECTOR_URL");
    }
    url
}

#[test]
fn without_a_server_its_cases_say_how_to_start_one() {
    let cases = |server| -> Vec<CaseSpec> {
        let (output, _) = binary(&["list"], server);
        let cases: Vec<CaseSpec> = serde_json::from_slice(&output.stdout).unwrap();
        cases.into_iter().filter(|case| case.has_tag("requires_pgvector")).collect()
    };
    let without = cases(None);
    for workload in ["build", "update", "connection_pool"] {
        assert!(without.iter().any(|case| case.id.workload == workload), "{workload}");
    }
    for case in &without {
        assert_eq!(case.absent_modes.len(), Mode::ALL.len(), "{}", case.id);
        let reason = &case.absent_modes[&Mode::Heap];
        assert!(
            [".ci/pgvector start", "docker run", "--pgvector postgres://"]
                .iter()
                .all(|word| reason.contains(word))
        );
    }
    // Listing asks no server.
    for case in cases(Some("postgres://nobody@127.0.0.1:1/x")) {
        // What is absent for another reason stays so: it keeps f32 alone, and saves no index.
        let is_done = ["build", "update", "connection_pool"].contains(&case.id.workload.as_str());
        let reason = case.absent_modes.get(&Mode::Heap);
        assert!(
            reason.is_none_or(|reason| !is_done && !reason.contains("docker run")),
            "{}: {reason:?}",
            case.id
        );
    }
}

#[test]
fn a_server_that_is_not_there_fails_the_case_with_its_url() {
    let url = "postgres://me:secret@127.0.0.1:1/db";
    let (output, evidence) = binary(&["run", BUILD, "--evidence", "evidence.json"], Some(url));
    let stderr = String::from_utf8_lossy(&output.stderr);
    let no_server = i32::from(FailureKind::NoServer.exit_code());
    assert_eq!((output.status.code(), evidence), (Some(no_server), None), "{stderr}");
    assert!(stderr.contains("no server to measure at postgres://me@127.0.0.1:1/db"), "{stderr}");
    assert!(stderr.contains("Connection refused") && !stderr.contains("secret"), "{stderr}");
}

#[cfg(not(feature = "qdrant"))]
#[test]
fn a_server_whose_client_is_not_built_in_says_how_to_build_it() {
    let (output, _) = binary(&["list", "--qdrant", "http://x"], None);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("cargo xtask bench --features qdrant --qdrant URL"), "{stderr}");
}

#[test]
fn a_build_has_the_heap_of_its_client_and_the_memory_of_its_server() {
    let Some(url) = url() else { return };
    let (first, second) = (evidence(BUILD, &url), evidence(BUILD, &url));
    let facts = first.server.as_ref().unwrap();
    assert!(facts.version.starts_with("PostgreSQL ") && facts.nodes == 1, "{facts:?}");
    assert_eq!(first.inputs["server"], facts.version);
    assert!(first.recall.is_some_and(|recall| recall > 0.9), "{:?}", first.recall);
    assert_eq!(first.foreign_heap, None);
    for (phase, again) in first.phases.iter().zip(&second.phases) {
        let (heap, again) = (phase.heap.unwrap(), again.heap.unwrap());
        assert_eq!(
            heap.allocating_threads,
            Some(1),
            "{}: the readings of the server are not counted",
            phase.name
        );
        assert!(
            heap.allocated_bytes.abs_diff(again.allocated_bytes) < heap.allocated_bytes / 50,
            "{heap:?} {again:?}"
        );
        let server = phase.server.unwrap();
        assert!(server.readings >= 2, "{server:?}");
        if facts.no_processes.is_some() {
            println!("skipped: PSS of the server ({:?})", facts.no_processes);
            continue;
        }
        let (start, end) = (server.start.pss_bytes.unwrap(), server.end.pss_bytes.unwrap());
        assert!(start > 5 << 20 && server.peak_pss_bytes >= Some(start.max(end)), "{server:?}");
        assert!(server.end.processes > Some(4), "{server:?}");
    }
}

#[test]
fn a_connection_costs_memory_on_both_sides_and_is_given_back() {
    let Some(url) = url() else { return };
    let pool = evidence("ingest/connection_pool{engine=pgvector,clients=10}", &url);
    let names: Vec<&str> = pool.phases.iter().map(|phase| phase.name.as_str()).collect();
    assert_eq!(names, ["connect", "use", "close"]);
    let grown = |phase: usize| {
        let heap = pool.phases[phase].heap.unwrap();
        heap.end_live_bytes as i64 - heap.start_live_bytes as i64
    };
    assert!(grown(0) > 10 * 4096, "{}", grown(0));
    assert!(grown(2) < -grown(0) * 9 / 10, "{} of {}", grown(2), grown(0));
    if pool.server.unwrap().no_processes.is_none() {
        let [connected, closed] = [0, 2].map(|phase| pool.phases[phase].server.unwrap());
        let processes = |memory: bench_core::evidence::ServerMemory| memory.processes.unwrap();
        assert_eq!(
            processes(connected.end),
            processes(connected.start) + 10,
            "a process for each connection"
        );
        assert!(processes(closed.end) < processes(closed.start), "{closed:?}");
    }
}
