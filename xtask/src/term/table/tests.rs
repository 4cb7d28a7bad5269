//! The text for people, from runs made by hand and judged by the real rules.

use bench_core::case::{CaseSpec, Mode};
use bench_core::evidence::{
    Evidence, HeapRecord, MappingRecord, MappingResident, MemoryPeak, MemoryReading, MemoryRecord, PeakRange,
    PhaseRecord, ServerFacts, ServerMemory, ServerRecord,
};
use bench_core::run::{Failure, FailureKind, HostFacts, Measurement, Repetition, Revision, SCHEMA, Settings};
use report::{Thresholds, judge};

use super::*;

fn case(id: &str, repetition: Repetition) -> CaseRecord {
    let spec = CaseSpec {
        id: id.parse().unwrap(),
        about: String::new(),
        tags: Vec::new(),
        allocator: "system".into(),
        absent_modes: Default::default(),
        version: None,
    };
    CaseRecord { spec, measurements: vec![Measurement { mode: Mode::Heap, repetitions: vec![repetition] }] }
}

/// A case whose heap peaks at so many bytes.
fn peaking(id: &str, bytes: u64) -> CaseRecord {
    let heap = HeapRecord { peak_live_bytes: bytes, allocating_threads: Some(1), ..HeapRecord::default() };
    case(id, seen(id, Mode::Heap, PhaseRecord { heap: Some(heap), ..PhaseRecord::default() }))
}

/// A case of an engine that allocates behind Rust's back: its C heap peaks at so many bytes, and half of them
/// stay.
fn foreign(id: &str, bytes: u64) -> CaseRecord {
    let native = HeapRecord { peak_live_bytes: bytes, end_live_bytes: bytes / 2, ..HeapRecord::default() };
    let mut case = case(id, seen(id, Mode::Heap, PhaseRecord::default()));
    let phase = PhaseRecord { native: Some(native), ..PhaseRecord::default() };
    let repetitions = vec![seen(id, Mode::Native, phase)];
    case.measurements.push(Measurement { mode: Mode::Native, repetitions });
    case
}

/// A repetition that saw one phase.
fn seen(id: &str, mode: Mode, phase: PhaseRecord) -> Repetition {
    let phase = PhaseRecord { name: "build".into(), ..phase };
    // As a child writes it: what it has not seen is not there.
    let json = serde_json::json!({"case": id, "mode": mode, "allocator": "system", "phases": [phase]});
    let evidence: Evidence = serde_json::from_value(json).unwrap();
    Repetition { evidence: Some(evidence), failure: None, stdout: None, dhat_file: None }
}

fn crashed(id: &str, reason: &str) -> CaseRecord {
    let stderr = (1..=9).map(|i| format!("line {i}")).collect();
    let failure = Failure { kind: FailureKind::Crashed, reason: reason.into(), stderr };
    case(id, Repetition { evidence: None, failure: Some(failure), stdout: None, dhat_file: None })
}

/// The text without its colours, judged by one rule on the peak.
fn text(max: &str, partial: Option<&str>, cases: Vec<CaseRecord>) -> String {
    let run = Run {
        schema: SCHEMA,
        id: "2026-11-21T120125Z-norev".into(),
        started: "2026-11-21T12:01:25Z".into(),
        partial: partial.map(str::to_string),
        command: "cargo xtask bench --model=m --dataset 'my data.npy' --corpus=docs".into(),
        revision: Revision::default(),
        host: HostFacts::default(),
        settings: Settings { modes: vec![Mode::Heap], ..Settings::default() },
        failed_suites: Vec::new(),
        cases,
    };
    let table = format!("schema = 1\n[[rule]]\nid = \"vectors/*\"\nmetric = \"heap.peak\"\nmax = {max}\n");
    let thresholds = Thresholds::parse(&table, "t.toml").unwrap();
    let report = Report::new(&run, judge(&run, &thresholds, "2026-11-21"), None, None);
    anstream::adapter::strip_str(&human(&report, "results/index.html")).to_string()
}

#[test]
fn columns_are_aligned_and_what_is_absent_is_no_zero() {
    let text = text("\"1MB\"", None, vec![peaking("vectors/a", 512), peaking("vectors/longer{n=1}", 2048)]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "case                     peak  growth  verdict",
            "vectors/a               512 B     0 B  pass",
            "vectors/longer{n=1}  2.00 KiB     0 B  pass",
        ]
    );
    assert!(lines[4].starts_with("PASS  "), "{text}");
    assert_eq!(lines.last(), Some(&"page  results/index.html"));
}

#[test]
fn the_c_heap_of_an_older_run_has_a_column_of_its_own() {
    let rules = "{ warn = \"1MB\", fail = \"1MB\" }";
    let text = text(rules, None, vec![peaking("ingest/a", 512), foreign("ingest/b", 4096)]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "case       peak  peak C heap  growth  verdict",
            "ingest/a  512 B            -     0 B  -",
            "ingest/b      -     4.00 KiB       -  -",
        ]
    );
    let without = self::text(rules, None, vec![peaking("ingest/a", 512)]);
    assert!(!without.contains("C heap"), "{without}");
}

/// A case in both modes: all its memory peaks at so many bytes, a quarter of them Rust's heap.
fn counted(id: &str, bytes: u64) -> CaseRecord {
    let resident = Some(MappingResident { anon_bytes: bytes / 4, shared_bytes: 0, file_bytes: 0 });
    let end = MemoryReading {
        rust_bytes: bytes / 4,
        mappings: Some(MappingRecord { resident, ..MappingRecord::default() }),
        ..MemoryReading::default()
    };
    let resident = Some(MappingResident::default());
    let start = MemoryReading {
        mappings: Some(MappingRecord { resident, ..MappingRecord::default() }),
        ..MemoryReading::default()
    };
    let resident_sum = Some(PeakRange { least_bytes: bytes, most_bytes: bytes });
    let peak = Some(MemoryPeak { resident_sum, ..MemoryPeak::default() });
    let memory = MemoryRecord { base: start, start, end, peak, ..MemoryRecord::default() };
    let mut case = peaking(id, bytes / 4);
    let phase = PhaseRecord { memory: Some(memory), ..PhaseRecord::default() };
    let repetitions = vec![seen(id, Mode::Native, phase)];
    case.measurements.push(Measurement { mode: Mode::Native, repetitions });
    case
}

#[test]
fn one_column_has_the_memory_of_every_case() {
    let text = text("\"1MB\"", None, vec![counted("ingest/a", 4096), peaking("ingest/b{allocator=x}", 512)]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..4],
        [
            "case                   peak memory    growth  peak heap  verdict",
            "ingest/a                  4.00 KiB  2.00 KiB   1.00 KiB  -",
            "ingest/b{allocator=x}      H 512 B     H 0 B      512 B  -",
            "H: Rust's heap alone; all memory (mode native) was not counted",
        ]
    );
}

#[test]
fn what_a_recall_leaves_out_is_said_once() {
    let unjudged = |id: &str, said: &str| {
        let mut case = peaking(id, 512);
        let evidence = case.measurements[0].repetitions[0].evidence.as_mut().unwrap();
        evidence.unjudged = Some(said.into());
        case
    };
    let cases =
        vec![unjudged("search/a", "3 of 9"), unjudged("search/b", "3 of 9"), unjudged("search/c", "all")];
    let text = text("\"1MB\"", None, cases);
    assert!(text.contains("note  search/a and 1 more: 3 of 9\nnote  search/c: all\n"), "{text}");
    assert!(text.contains("PASS"), "{text}");
}

/// The heap of such a case is its client's.
#[test]
fn a_case_on_a_server_shows_the_servers_memory() {
    let memory = |bytes| ServerMemory { pss_bytes: Some(bytes), ..ServerMemory::default() };
    let server = ServerRecord {
        start: memory(1 << 20),
        end: memory(3 << 20),
        peak_pss_bytes: Some(4 << 20),
        readings: 3,
    };
    let heap = HeapRecord { peak_live_bytes: 512, allocating_threads: Some(1), ..HeapRecord::default() };
    let id = "ingest/b{engine=pgvector}";
    let phase = PhaseRecord { heap: Some(heap), server: Some(server), ..PhaseRecord::default() };
    let mut repetition = seen(id, Mode::Heap, phase);
    repetition.evidence.as_mut().unwrap().server =
        Some(ServerFacts { version: "PostgreSQL".into(), nodes: 1, no_processes: None, no_figures: None });
    let text = text("\"1MB\"", None, vec![case(id, repetition)]);
    let (head, row) = (text.lines().next().unwrap(), text.lines().nth(1).unwrap());
    // The columns of every other run: the engine's memory, and beside it the client's heap.
    let headings = ["peak memory", "growth", "peak heap"].map(|heading| head.find(heading).unwrap());
    assert!(headings.is_sorted(), "{text}");
    assert!(row.contains("S 4.00 MiB") && row.contains("S 2.00 MiB") && !row.contains("S 512 B"), "{text}");
    let of_the_client = text.lines().nth(1).unwrap().find("512 B").unwrap();
    assert!(of_the_client > row.find("S 2.00 MiB").unwrap(), "{text}");
    assert!(text.contains("\nS: the server's memory, PSS of all its processes"), "{text}");
}

#[test]
fn a_broken_limit_names_the_rule_and_the_way_on() {
    let text = text("\"1KiB\"", None, vec![peaking("vectors/a", 2048)]);
    for part in [
        "fail  vectors/a heap.peak: 2.00 KiB, max 1.00 KiB (off by 1.00 KiB, 100.0 %)",
        "rule vectors/* heap.peak: max 1KiB in t.toml:",
        "fix: look at its call sites on the page, or change the rule",
        "again: cargo xtask bench vectors/a --mode heap --dataset 'my data.npy' --corpus docs --model m\n",
        "FAIL  1 of 1 limit broken",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

/// A case that no mode can measure, for this reason.
fn skipped(id: &str, reason: &str) -> CaseRecord {
    let mut case = crashed(id, "");
    case.measurements.clear();
    case.spec.absent_modes = Mode::ALL.map(|mode| (mode, reason.to_string())).into();
    case
}

#[test]
fn what_was_not_measured_has_a_line_and_no_row() {
    let cases = vec![
        skipped("ingest/a{engine=pgvector}", "needs --pgvector URL"),
        peaking("vectors/a", 512),
        skipped("search/a{engine=pgvector}", "needs --pgvector URL"),
        skipped("search/b", "it cannot"),
    ];
    let text = text("\"1MB\"", None, cases);
    assert!(text.contains("\nnot measured: 2 cases: needs --pgvector URL\n"), "{text}");
    assert!(text.contains("\nnot measured: search/b: it cannot\n"), "{text}");
    assert!(!text.contains("engine=pgvector"), "{text}");
}

#[test]
fn calibrations_have_a_row_only_where_they_say_something() {
    let calibration = |bytes| {
        let mut case = peaking("vectors/calibration{program=x}", bytes);
        case.spec.tags.push("calibration".into());
        case
    };
    let row = "vectors/calibration{program=x} ";
    assert!(!text("\"1MB\"", None, vec![calibration(1), peaking("vectors/a", 512)]).contains(row));
    assert!(text("\"1MB\"", None, vec![calibration(1)]).contains(row), "the run is about nothing else");
    assert!(text("\"1KiB\"", None, vec![calibration(2048), peaking("vectors/a", 512)]).contains(row));
}

#[test]
fn the_same_reason_stands_once() {
    let cases = (0..6).map(|i| crashed(&format!("vectors/a{{n={i}}}"), "the server is gone")).collect();
    let text = text("\"1MB\"", None, cases);
    assert_eq!(text.matches("the server is gone").count(), 1, "{text}");
    let others = "      likewise: vectors/a{n=1} mode heap, vectors/a{n=2} mode heap, vectors/a{n=3} mode heap, 2 more\n";
    assert!(text.contains(others), "{text}");
    assert!(text.contains("FAIL  6 of 6 cases failed"), "{text}");
}

#[test]
fn failures_stand_before_warnings() {
    let cases = vec![peaking("vectors/warned", 1500), peaking("vectors/failed", 3000)];
    let text = text("{ warn = \"1KiB\", fail = \"2KiB\" }", None, cases);
    let position = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part:?} is not in:\n{text}"));
    assert!(position("fail  vectors/failed heap.peak") < position("warn  vectors/warned heap.peak"));
}

#[test]
fn a_crash_shows_its_reason_and_last_lines() {
    let text = text("\"1MB\"", None, vec![crashed("vectors/a", "killed by SIGABRT")]);
    assert!(
        text.contains("fail  vectors/a mode heap: crashed: killed by SIGABRT (1 of 1 processes)"),
        "{text}"
    );
    assert!(text.contains("      | line 5\n") && !text.contains("line 4"), "{text}");
}

#[test]
fn a_reason_stands_once() {
    let mut case = crashed("vectors/a", "set-up: no such file");
    let failure = case.measurements[0].repetitions[0].failure.as_mut().unwrap();
    failure.stderr = vec!["opened a".into(), "error: set-up: no such file".into()];
    let text = text("\"1MB\"", None, vec![case]);
    assert_eq!(text.matches("no such file").count(), 1, "{text}");
    assert!(text.contains("      | opened a\n"), "{text}");
}

#[test]
fn a_panic_is_not_drowned_by_its_backtrace() {
    let text = text("\"1MB\"", None, vec![crashed("vectors/a", "panicked at src/a.rs:1:2: no luck")]);
    assert!(text.contains("no luck") && !text.contains("line 9"), "{text}");
}

#[test]
fn a_partial_run_says_so_beside_its_verdict() {
    let partial = "interrupted by Ctrl-C after 1 of 2 cases";
    let text = text("\"1MB\"", Some(partial), vec![peaking("vectors/a", 512)]);
    assert!(text.lines().any(|line| line.starts_with("WARN  ") && line.contains(partial)), "{text}");
}
