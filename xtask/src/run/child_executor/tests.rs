//! The executor against shell scripts in the place of a suite's binary.

use bench_core::case::CaseSpec;

use super::*;

/// Runs the script in the variable FAKE_SCRIPT. A file that the test itself wrote could not be executed
/// reliably: a process forked by another test may still hold it open for writing.
const FAKE_SUITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/run/child_executor/fake_suite.sh");

/// The evidence that the protocol asks for, as a script writes it.
const EVIDENCE: &str = r#"echo '{"case":"vectors/fake{dim=1}","mode":"MODE","allocator":"system"}' > "$6""#;

fn run(mode: Mode, script: &str) -> (Repetition, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let script = script.replace("EVIDENCE", &EVIDENCE.replace("MODE", mode.name()));
    let (scratch, run_folder) = (folder.path().join("scratch"), folder.path().join("run"));
    fs::create_dir(&scratch).unwrap();
    fs::create_dir(&run_folder).unwrap();
    let suites = Suites::of_programs([("vectors".to_string(), FAKE_SUITE.into())]);
    let variables = std::env::vars_os().chain([("MALLOC_ARENA_MAX".into(), "1".into())]);
    let mut environment = Environment::from_variables(variables);
    let time_limit = Duration::from_secs(if script.contains("sleep") { 1 } else { 60 });
    environment.variables.insert("FAKE_SCRIPT".into(), script.into());
    let progress = Progress::new(1);
    let mut executor = ChildExecutor {
        suites: &suites,
        crate_list: "/crates.tsv".into(),
        scratch: scratch.clone(),
        run_folder,
        interval: Duration::from_millis(1),
        memory_limit: 1 << 40,
        quick: false,
        environment,
        interrupt: Interrupt::default(),
        progress: &progress,
        group: None,
    };
    let spec = CaseSpec {
        id: "vectors/fake{dim=1}".parse().unwrap(),
        about: String::new(),
        tags: Vec::new(),
        allocator: "system".into(),
        absent_modes: Default::default(),
        version: None,
    };
    let job = Job { spec: &spec, mode, scale: 10, time_limit, repetition: (1, 1) };
    let repetition = executor.execute(&job).unwrap().unwrap();
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0, "the child's folder is gone");
    (repetition, folder)
}

#[test]
fn evidence_is_read_from_a_fresh_folder() {
    let (repetition, _) = run(Mode::Heap, r#"[ -z "$(ls)" ] && EVIDENCE"#);
    assert_eq!(repetition.evidence.unwrap().case.to_string(), "vectors/fake{dim=1}");
    assert_eq!((repetition.failure, repetition.stdout, repetition.dhat_file), (None, None, None));
}

#[test]
fn the_protocol_is_kept() {
    let (repetition, _) =
        run(Mode::Heap, r#"echo "$@"; echo "$MALLOC_ARENA_MAX $CARGO_PKG_NAME."; EVIDENCE"#);
    assert_eq!(
        repetition.stdout.unwrap(),
        "run vectors/fake{dim=1} --crate-list=/crates.tsv --cache=/computed --evidence evidence.json --interval-ns 1000000 \
         --scale 10\n1 .\n"
    );
}

#[test]
fn the_profile_is_kept_beside_the_run() {
    let (repetition, folder) = run(Mode::Sites, r#"echo '{}' > dhat.json; EVIDENCE"#);
    let name = repetition.dhat_file.unwrap();
    assert_eq!(name, "vectors_fake_dim=1.dhat.json");
    assert_eq!(fs::read_to_string(folder.path().join("run").join(name)).unwrap(), "{}\n");
}

#[test]
fn what_criterion_prints_is_not_recorded() {
    assert_eq!(run(Mode::Time, "echo benchmarking; EVIDENCE").0.stdout, None);
}

#[test]
fn each_bad_end_has_its_kind_and_reason() {
    let panics = "echo \"thread 'main' (1) panicked at src/a.rs:1:2:\" >&2; echo no luck >&2;";
    for (script, kind, reason) in [
        ("echo 'error: wrong answer: 3' >&2; exit 1".into(), FailureKind::Error, "wrong answer: 3"),
        // What others say behind it does not push the error out.
        (
            "echo 'error: wrong answer: 3' >&2; seq 100 >&2; exit 1".into(),
            FailureKind::Error,
            "wrong answer: 3",
        ),
        ("echo 'Error: no model' >&2; echo bye >&2; exit 1".into(), FailureKind::Error, "no model"),
        ("echo 'error: no room' >&2; seq 100 >&2; exit 7".into(), FailureKind::Error, "exit code 7: no room"),
        (
            "echo 'error: heap is broken' >&2; kill -ABRT $$".into(),
            FailureKind::Crashed,
            "killed by SIGABRT: heap is broken",
        ),
        ("exit 1".into(), FailureKind::Error, "exit code 1 without a message"),
        ("exit 7".into(), FailureKind::Error, "exit code 7"),
        (format!("{panics} exit 101"), FailureKind::Crashed, "panicked at src/a.rs:1:2: no luck"),
        (
            format!("{panics} kill -ABRT $$"),
            FailureKind::Crashed,
            "killed by SIGABRT: panicked at src/a.rs:1:2: no luck",
        ),
        ("kill -SEGV $$".into(), FailureKind::Crashed, "killed by SIGSEGV"),
        ("exec sleep 300".into(), FailureKind::TimeLimit, "killed after 1 s (--time-limit)"),
        ("true".into(), FailureKind::NoEvidence, "ended with success, but it left no evidence: No such file"),
        (
            "echo '{' > \"$6\"".into(),
            FailureKind::NoEvidence,
            "its evidence cannot be understood: the file is truncated: EOF",
        ),
        (
            "EVIDENCE; sed -i s/dim=1/dim=2/ \"$6\"".into(),
            FailureKind::NoEvidence,
            "its evidence is of vectors/fake{dim=2} in mode heap",
        ),
    ] {
        let (repetition, _) = run(Mode::Heap, &script);
        let failure = repetition.failure.unwrap_or_else(|| panic!("{script}: no failure"));
        assert_eq!(failure.kind, kind, "{script}: {failure:?}");
        assert!(failure.reason.contains(reason), "{script}: {failure:?}");
        assert_eq!(repetition.evidence, None);
    }
}
