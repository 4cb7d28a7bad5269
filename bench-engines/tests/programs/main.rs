//! Engines that are programs: the adapter of docs/external-engines.md as it stands there, and programs that
//! misbehave. Skipped by name without python3, and the adapter without numpy.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use anyhow::Result;
use bench_core::harness::{Ability, EngineProgram, EngineRow, Inputs, ProgramAbilities, UserInputs};
use bench_engines::{
    Distance, Engine, IdSet, IndexSpec, Oracle, Vectors, build, exact_neighbours, find, meet_inputs,
};

const DIM: usize = 8;

/// How the programs of `misbehaving.py` misbehave.
const WAYS: [&str; 14] = [
    "ends",
    "newer",
    "other_abilities",
    "dies",
    "refuses",
    "nonsense",
    "wrong_count",
    "deletes_nothing",
    "unknown_id",
    "too_many",
    "halves",
    "no_number",
    "chats",
    "cuts_off",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A Python that runs this, of those that there may be.
fn python(code: &str) -> Option<PathBuf> {
    let installed = root().join("target/engines/numpy/bin/python");
    [installed, "python3".into()].into_iter().find(|python| {
        let mut command = Command::new(python);
        command.args(["-c", code]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

/// The adapter that docs/external-engines.md shows.
fn documented_adapter() -> String {
    let document = std::fs::read_to_string(root().join("docs/external-engines.md")).unwrap();
    let (_, code) = document.split_once("```python\n").unwrap();
    code.split_once("```").unwrap().0.to_string()
}

/// Makes all programs of this file known, once for the process; false without Python.
fn have_met() -> bool {
    static MET: Once = Once::new();
    let Some(plain) = python("pass") else {
        println!("skipped: no python3");
        return false;
    };
    MET.call_once(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/misbehaving.py");
        let abilities = ProgramAbilities {
            distances: vec!["l2".into(), "cosine".into()],
            can: vec![Ability::Delete],
            ..ProgramAbilities::default()
        };
        let row = |way: &str| EngineRow {
            name: way.into(),
            command: vec![plain.display().to_string(), script.display().to_string(), way.into()],
            abilities: Some(abilities.clone()),
            ..EngineRow::default()
        };
        let gone = EngineRow { command: vec!["/no/such/program".into()], ..row("gone") };
        let missing = EngineRow { unavailable: Some("install it first".into()), ..row("missing") };
        let rows: Vec<EngineRow> =
            WAYS.into_iter().chain(["stays"]).map(row).chain([gone, missing]).collect();
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("engines.json");
        std::fs::write(&list, serde_json::to_vec(&rows).unwrap()).unwrap();
        let adapter = folder.path().join("adapter.py");
        std::fs::write(&adapter, documented_adapter()).unwrap();
        let documented = python("import numpy").map(|python| EngineProgram {
            name: "documented".into(),
            command: format!("{} '{}'", python.display(), adapter.display()),
        });
        let user = UserInputs { engine_programs: documented.into_iter().collect(), ..UserInputs::default() };
        meet_inputs(&Inputs { engine_list: Some(list), user, ..Inputs::default() }).unwrap();
        // The adapter is started again by each test.
        std::mem::forget(folder);
    });
    true
}

fn vectors(n: usize) -> Arc<Vectors> {
    let data = (0..n * DIM).map(|i| ((i * 2_654_435_761) % 1009) as f32 - 500.0).collect();
    Arc::new(Vectors::new(DIM, data).unwrap())
}

fn spec(name: &str, distance: Distance) -> Result<IndexSpec> {
    let program = find(name)?.program().unwrap().start(1)?;
    Ok(IndexSpec { program: Some(program), ..IndexSpec::new(DIM, distance) })
}

fn started(name: &str, base: &Vectors) -> Result<Box<dyn Engine>> {
    build(name, &spec(name, Distance::L2)?, base)
}

#[test]
fn the_documented_adapter_answers_rightly_and_under_a_filter() {
    if !have_met() || find("documented").is_err() {
        println!("skipped: the documented adapter needs numpy: cargo xtask engines install numpy");
        return;
    }
    let adapter = find("documented").unwrap();
    assert!(adapter.capabilities.exact && adapter.capabilities.filter && !adapter.capabilities.delete);
    let (base, queries) = (vectors(300), vectors(40));
    let (_, queries) = Arc::unwrap_or_clone(queries).split_at(20);
    let queries = Arc::new(queries);
    let spec = spec("documented", Distance::Cosine).unwrap();
    let program = spec.program.clone().unwrap();
    assert!(program.version().starts_with("numpy "));
    // What was read beforehand, and what was not.
    program.stage(&queries).unwrap();
    let index = build("documented", &spec, &base).unwrap();
    assert_eq!(index.len(), 300);
    let exact = exact_neighbours(&base, &queries, 10, Distance::Cosine);
    let oracle = Oracle::new(Arc::clone(&base), Arc::clone(&queries), exact, 10, Distance::Cosine);
    let found: Vec<_> = (0..20).map(|row| index.search(queries.row(row), 10).unwrap()).collect();
    assert_eq!(oracle.judge(&found, adapter).unwrap().recall, Some(1.0));
    let elsewhere = queries.row(3).to_vec();
    let unstaged = index.search(&elsewhere, 10).unwrap();
    assert_eq!(unstaged, found[3]);
    let allowed: IdSet = (0..300).step_by(7).collect();
    let found: Vec<_> =
        (0..20).map(|row| index.search_filtered(queries.row(row), 10, &allowed).unwrap()).collect();
    let among = Oracle::among(base, queries, 10, Distance::Cosine, allowed);
    assert_eq!(among.judge(&found, adapter).unwrap().recall, Some(1.0));
    (program.watched().settle)().unwrap();
    assert!(index.search(&[1.0], 10).is_err(), "a query of another dim");
}

#[test]
fn a_program_that_does_not_start_says_why() {
    if !have_met() {
        return;
    }
    for (name, reason) in [
        ("gone", "start the program \"/no/such/program\" of the engine gone: No such file"),
        ("missing", "install it first"),
        ("ends", "the program of the engine ends ended without an answer: exit status: 3"),
        ("newer", "speaks protocol 2, and this build protocol 1"),
        ("other_abilities", "distances: [\"ip\"]"),
    ] {
        let error = format!("{:#}", spec(name, Distance::L2).err().unwrap());
        assert!(error.contains(reason), "{name}: {error}");
    }
}

#[test]
fn what_a_program_answers_wrongly_fails_with_the_reason() {
    if !have_met() {
        return;
    }
    let base = vectors(20);
    for (name, reason) in [
        ("dies", "ended without an answer: exit status: 7"),
        ("refuses", "the program of the engine refuses says: MemoryError: 3 GiB"),
        ("nonsense", "answered \"{\\\"count\\\": \\\"many\\\"}\": invalid type"),
        ("wrong_count", "says that its index holds 21 vectors; it was built of 20"),
        ("cuts_off", "broke off in its answer \"{\\\"count\\\": 1\""),
    ] {
        let error = format!("{:#}", started(name, &base).err().unwrap());
        assert!(error.contains(reason) && !error.contains('\u{1b}'), "{name}: {error}");
    }
    for (name, reason) in [
        ("too_many", "the program found 4 vectors; it was asked for 3"),
        ("halves", "the program found 2 ids with 1 distances"),
        ("no_number", "answered"),
    ] {
        let error = format!("{:#}", started(name, &base).unwrap().search(base.row(0), 3).unwrap_err());
        assert!(error.contains(reason), "{name}: {error}");
    }
    let error = started("deletes_nothing", &base).unwrap().delete(&[0, 1]).unwrap_err().to_string();
    assert!(error.contains("holds 20 vectors after the change instead of 18"), "{error}");
}

/// The id is judged with the answers, as every engine's.
#[test]
fn an_id_that_was_never_inserted_is_a_wrong_answer() {
    if !have_met() {
        return;
    }
    let base = vectors(20);
    let index = started("unknown_id", &base).unwrap();
    let found: Vec<_> = (0..20).map(|row| index.search(base.row(row), 1).unwrap()).collect();
    let exact = exact_neighbours(&base, &base, 1, Distance::L2);
    let oracle = Oracle::new(Arc::clone(&base), Arc::clone(&base), exact, 1, Distance::L2);
    let error = format!("{:#}", oracle.judge(&found, find("unknown_id").unwrap()).unwrap_err());
    assert!(error.contains("id 4711 was never inserted"), "{error}");
}

#[test]
fn lines_that_are_no_answers_are_passed_over() {
    if !have_met() {
        return;
    }
    let base = vectors(20);
    let index = started("chats", &base).unwrap();
    assert_eq!(index.search(base.row(0), 1).unwrap()[0].id, 0);
}

#[test]
fn a_program_that_does_not_end_by_itself_is_killed() {
    if !have_met() {
        return;
    }
    let index = started("stays", &vectors(20)).unwrap();
    let begun = Instant::now();
    drop(index);
    assert!(begun.elapsed() < Duration::from_secs(30));
}
