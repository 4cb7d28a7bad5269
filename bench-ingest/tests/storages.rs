//! Storages and placements as cases: each gives right answers in its phases, flat's bytes are those that
//! arithmetic says, and what an engine lacks is listed with the reason.

use std::path::Path;
use std::process::Command;

use bench_core::case::{CaseSpec, Mode};
use bench_core::evidence::Evidence;
use bench_core::program::MODE_VARIABLE;

const DIM: u64 = 384;

fn program(mode: Mode) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ingest"));
    program.env(MODE_VARIABLE, mode.name());
    program
}

/// The cases of the workload, the small ones, apart from those of servers.
fn cases(workload: &str) -> Vec<CaseSpec> {
    let output = program(Mode::Heap).arg("list").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let cases: Vec<CaseSpec> = serde_json::from_slice(&output.stdout).unwrap();
    let is_one = |case: &CaseSpec| {
        case.id.workload == workload && case.id.param("n") == Some("1000") && case.needed_server().is_none()
    };
    cases.into_iter().filter(is_one).collect()
}

fn evidence(mode: Mode, case: &CaseSpec, folder: &Path) -> Evidence {
    let run = ["run", &case.id.to_string(), "--evidence", "evidence.json", "--scale", "4"];
    let output = program(mode).current_dir(folder).args(run).output().unwrap();
    assert!(output.status.success(), "{}: {}", case.id, String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(folder.join("evidence.json")).unwrap()).unwrap()
}

#[test]
fn every_storage_answers_and_flat_takes_what_arithmetic_says() {
    let folder = tempfile::tempdir().unwrap();
    for case in cases("storage").into_iter().filter(|case| !case.absent_modes.contains_key(&Mode::Heap)) {
        let evidence = evidence(Mode::Heap, &case, folder.path());
        let (id, engine, storage) = (&case.id, case.id.param("engine"), case.id.param("storage").unwrap());
        let recall = evidence.recall.unwrap();
        // Most components of a hashed text are zero, and their signs say nothing.
        assert!(recall > if storage == "b1" { 0.1 } else { 0.8 }, "{id}: recall {recall}");
        if let Some(of_codes) = evidence.codes_recall {
            assert!(of_codes >= recall - 0.05, "{id}: the codes find {of_codes}, the graph {recall}");
        }
        if engine == Some("flat") {
            assert_eq!((evidence.codes_recall, evidence.graph_recall), (Some(recall), Some(1.0)), "{id}");
            let bytes = match storage {
                "f32" => 4 * DIM,
                "f16" => 2 * DIM,
                "i8" => DIM,
                _ => DIM / 8,
            };
            let heap = evidence.phases[0].heap.unwrap();
            // Beside the codes only the ids, and the index itself in its box.
            let beside = heap.end_live_bytes - heap.base_live_bytes - 250 * (bytes + 8);
            assert!(beside < 100, "{id}: {beside} bytes");
        }
    }
}

#[test]
fn what_is_saved_is_opened_again_and_answers_in_its_phases() {
    let folder = tempfile::tempdir().unwrap();
    for case in cases("placement").into_iter().filter(|case| !case.absent_modes.contains_key(&Mode::Native)) {
        let evidence = evidence(Mode::Native, &case, folder.path());
        let open = match case.id.param("placement").unwrap() {
            "memory" => "load",
            "mapped" => "view",
            _ => "open",
        };
        let names: Vec<&str> = evidence.phases.iter().map(|phase| phase.name.as_str()).collect();
        assert_eq!(names, ["build", "save", open, "first_query", "search"], "{}", case.id);
        assert!(evidence.phases[1].disk_bytes.is_some_and(|bytes| bytes > 0), "{}", case.id);
    }
}

#[test]
fn what_an_engine_lacks_is_listed_with_its_reason() {
    for (workload, parameter, value, reason) in [
        ("storage", "storage", "bf16", "flat keeps no bf16, only f32, f16, i8, b1"),
        ("placement", "placement", "disk", "a saved index of flat is never disk, only memory, mapped"),
    ] {
        let lacking = |case: &CaseSpec| {
            case.id.param("engine") == Some("flat") && case.id.param(parameter) == Some(value)
        };
        let cases = cases(workload);
        let case = cases.iter().find(|case| lacking(case)).unwrap();
        assert!(Mode::ALL.iter().all(|mode| case.absent_modes[mode] == reason), "{:?}", case.absent_modes);
    }
}
