//! The snapshot: its file is read, held against a run and taken over from it.

use bench_core::case::{CaseId, Mode};
use bench_core::metric::heap;
use bench_core::run::Run;
use report::export::{Format, export};
use report::snapshot::{Snapshot, SnapshotCheck, SnapshotState};
use report::{FindingKind, Report, Thresholds, Verdict, judge, page, summary_json};

use crate::sample;

const ALL: &[String] = &[];
const CASE: &str = "vectors/multi_concept{n=100}";

/// The sample, whole.
fn run() -> Run {
    Run { partial: None, ..sample::run() }
}

/// The snapshot of a run, read back from its text.
fn snapshot_of(run: &Run) -> Snapshot {
    let begun = Snapshot::begin("memory.toml", "cargo xtask check --snapshot memory.toml", ALL);
    let text = begun.updated(run, ALL).unwrap().snapshot.render();
    Snapshot::parse(&text, "memory.toml").unwrap()
}

/// The run with every peak of a case's heap changed by so many bytes.
fn with_peak(mut run: Run, by: i64) -> Run {
    let case = run.cases.iter_mut().find(|case| case.spec.id.to_string() == CASE).expect("the case");
    let repetitions = case.measurements.iter_mut().flat_map(|it| &mut it.repetitions);
    let phases = repetitions.flat_map(|it| &mut it.evidence).flat_map(|it| &mut it.phases);
    for heap in phases.flat_map(|phase| &mut phase.heap) {
        heap.peak_live_bytes = heap.peak_live_bytes.checked_add_signed(by).unwrap();
    }
    run
}

fn without(mut run: Run, case: &str) -> Run {
    let cases = run.cases.len();
    run.cases.retain(|record| record.spec.id.to_string() != case);
    assert_eq!(run.cases.len(), cases - 1, "{case}");
    run
}

fn case_id() -> CaseId {
    CASE.parse().unwrap()
}

fn words(check: &SnapshotCheck) -> Vec<&'static str> {
    check.mismatches.iter().map(|mismatch| mismatch.state.word()).collect()
}

#[test]
fn a_run_is_as_its_own_snapshot_says() {
    let run = run();
    let snapshot = snapshot_of(&run);
    let check = snapshot.check(&run, ALL);
    assert_eq!(check.mismatches, []);
    assert!(check.judged >= 20, "{}", check.judged);
    assert_eq!((check.verdict(), check.is_only_better()), (Verdict::Pass, false));
    let numbers: usize = snapshot.cases.values().map(|case| case.numbers.len()).sum();
    assert_eq!(check.judged, numbers, "every line is judged");
}

#[test]
fn what_is_written_is_read_back_and_written_the_same() {
    let run = run();
    let snapshot = snapshot_of(&run);
    let text = snapshot.render();
    assert_eq!(Snapshot::parse(&text, "memory.toml").unwrap(), snapshot);
    assert_eq!(Snapshot::parse(&text, "memory.toml").unwrap().render(), text);
    assert!(text.starts_with("# Exact memory numbers, held against a run by: cargo xtask check"), "{text}");
    assert!(text.contains("\n[case.\"vectors/multi_concept{n=100}\"]\nwith = { "), "{text}");
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("heap.peak = ")).collect();
    assert!(!lines.is_empty() && lines.iter().all(|line| line.ends_with(" B\"")), "{lines:?}");
}

#[test]
fn each_way_to_differ_from_the_snapshot_has_its_word_and_its_verdict() {
    let whole = run();
    let snapshot = snapshot_of(&whole);
    let check = |run: &Run| snapshot.check(run, ALL);
    let peak = |check: &SnapshotCheck| {
        let mut of_peak = check.mismatches.iter().filter(|it| it.metric == Some(&heap::PEAK));
        of_peak.next().expect("the peak").clone()
    };

    let worse = check(&with_peak(whole.clone(), 1));
    assert!(words(&worse).iter().all(|word| *word == "worse"), "{:?}", words(&worse));
    assert_eq!((worse.verdict(), worse.is_only_better()), (Verdict::Fail, false));
    let found = peak(&worse);
    let SnapshotState::Worse { old, new } = found.state else { panic!("{found:?}") };
    assert_eq!((new - old, found.case), (1.0, Some(case_id())));
    let text = snapshot.render();
    let line = text.lines().nth(found.line - 1).expect("the line is one of the file");
    assert!(line.starts_with("heap.peak = "), "{line}");

    let better = check(&with_peak(whole.clone(), -1));
    assert!(words(&better).iter().all(|word| *word == "better"), "{:?}", words(&better));
    assert_eq!((better.verdict(), better.is_only_better()), (Verdict::Warn, true));

    let gone = check(&without(whole.clone(), CASE));
    assert_eq!((words(&gone), gone.verdict()), (vec!["case gone"], Verdict::Fail));

    let new = snapshot_of(&without(whole.clone(), CASE)).check(&whole, ALL);
    assert_eq!((words(&new), new.verdict()), (vec!["new case"], Verdict::Fail));

    let mut lacking = snapshot.clone();
    lacking.cases.get_mut(&case_id()).unwrap().numbers.remove(heap::PEAK.id);
    assert_eq!(lacking.check(&whole, ALL).mismatches, [], "what varies may look exact for once");
    assert_eq!(lacking.updated(&whole, ALL).unwrap().added, 1);

    let mut silent = whole.clone();
    let case = silent.cases.iter_mut().find(|case| case.spec.id == case_id()).unwrap();
    case.measurements.retain(|measurement| measurement.mode != Mode::Heap);
    let gone = check(&silent);
    assert!(words(&gone).iter().all(|word| *word == "number gone"), "{:?}", words(&gone));
    assert_eq!(gone.verdict(), Verdict::Fail);
}

#[test]
fn a_machine_whose_numbers_are_other_ones_does_not_judge_and_says_so() {
    let snapshot = snapshot_of(&run());
    for (fact, value) in [("arch", "aarch64"), ("page_bytes", "16384"), ("os", "macos")] {
        let mut elsewhere = with_peak(run(), 1);
        elsewhere.host.facts.insert(fact.into(), value.into());
        let check = snapshot.check(&elsewhere, ALL);
        assert_eq!((words(&check), check.judged), (vec!["not judged"], 0), "{fact}");
        assert_eq!((check.verdict(), check.is_undecided()), (Verdict::Warn, true), "{fact}");
        let refused = snapshot.updated(&elsewhere, ALL).unwrap_err().to_string();
        assert!(refused.contains(fact) && refused.contains("remove it to begin anew"), "{refused}");
    }
    let mut profiled = run();
    profiled.settings.profile = "dev".into();
    assert_eq!(words(&snapshot.check(&profiled, ALL)), ["not judged"]);
}

#[test]
fn another_compiler_forbids_nothing_and_is_named_as_the_likely_cause() {
    let snapshot = snapshot_of(&run());
    let mut newer = with_peak(run(), 1);
    newer.host.facts.insert("rustc".into(), "rustc 1.96.0".into());
    let check = snapshot.check(&newer, ALL);
    let cause = check.mismatches[0].cause.as_deref();
    assert_eq!(cause, Some("rustc: rustc 1.95.0 → rustc 1.96.0"));
    newer = run();
    newer.host.facts.insert("rustc".into(), "rustc 1.96.0".into());
    assert_eq!(snapshot.check(&newer, ALL).mismatches, [], "without a change nothing is said");
}

#[test]
fn a_case_on_other_input_is_not_judged_and_an_update_takes_it_over() {
    let snapshot = snapshot_of(&run());
    let mut other = with_peak(run(), 1);
    let case = other.cases.iter_mut().find(|case| case.spec.id == case_id()).unwrap();
    let repetitions = case.measurements.iter_mut().flat_map(|it| &mut it.repetitions);
    for evidence in repetitions.flat_map(|it| &mut it.evidence) {
        evidence.inputs.insert("corpus".into(), "xxh3:2".into());
    }
    let mut with_input = snapshot.clone();
    with_input.cases.get_mut(&case_id()).unwrap().with.insert("input corpus".into(), "xxh3:1".into());
    let check = with_input.check(&other, ALL);
    assert_eq!((words(&check), check.is_undecided()), (vec!["not judged"], true));
    let update = with_input.updated(&other, ALL).unwrap();
    assert!(update.moved > 0);
    assert_eq!(update.snapshot.cases[&case_id()].with["input corpus"], "xxh3:2");
    assert_eq!(update.snapshot.check(&other, ALL).mismatches, []);

    let same_numbers = with_peak(other, -1);
    let update = with_input.updated(&same_numbers, ALL).unwrap();
    assert_eq!((update.moved, update.is_change), (0, true), "the input alone is another");
    assert_eq!(update.snapshot.check(&same_numbers, ALL).mismatches, []);
}

#[test]
fn of_a_narrower_selection_only_its_cases_are_judged() {
    let snapshot = snapshot_of(&run());
    let mut narrow = without(run(), CASE);
    narrow.settings.left_out = Some(vec![case_id()]);
    let filtered = ["other".to_string()];
    assert_eq!(snapshot.check(&narrow, &filtered).mismatches, []);
    assert_eq!(words(&snapshot.check(&narrow, ALL)), ["case gone"], "of the same selection it is missed");
    narrow.settings.left_out = Some(Vec::new());
    assert_eq!(words(&snapshot.check(&narrow, &filtered)), ["case gone"], "no suite has it any more");
    let update = snapshot.updated(&narrow, ALL).unwrap();
    assert!(!update.snapshot.cases.contains_key(&case_id()));
    narrow.settings.left_out = Some(vec![case_id()]);
    let update = snapshot.updated(&narrow, &filtered).unwrap();
    assert_eq!((update.is_change, update.snapshot.render()), (false, snapshot.render()));
}

#[test]
fn modes_that_were_not_asked_for_and_what_failed_are_not_missed() {
    let whole = run();
    let snapshot = snapshot_of(&whole);
    let mut only_sites = whole.clone();
    only_sites.settings.modes = vec![Mode::Sites];
    only_sites.cases.iter_mut().for_each(|case| case.measurements.retain(|it| it.mode == Mode::Sites));
    assert_eq!(snapshot.check(&only_sites, ALL).mismatches, []);
    assert!(!snapshot.updated(&only_sites, ALL).unwrap().is_change);

    let mut failed = whole.clone();
    let failure = whole.cases.iter().flat_map(|case| &case.measurements).find_map(|it| it.failures().next());
    let failure = failure.expect("the sample has a failure").clone();
    let case = failed.cases.iter_mut().find(|case| case.spec.id == case_id()).unwrap();
    for repetition in case.measurements.iter_mut().flat_map(|it| &mut it.repetitions) {
        (repetition.evidence, repetition.failure) = (None, Some(failure.clone()));
    }
    assert_eq!(snapshot.check(&failed, ALL).mismatches, []);
    assert!(!snapshot.updated(&failed, ALL).unwrap().is_change);
}

#[test]
fn an_update_rewrites_only_what_moved_beyond_the_tolerance() {
    let text = snapshot_of(&run()).render();
    let commented = text.replacen("schema = 1\n", "# Mine.\nschema = 1\ntolerance = \"1%\"\n", 1);
    let commented = commented.replacen("# Less", "# My own line\n# Less", 1);
    let snapshot = Snapshot::parse(&commented, "memory.toml").unwrap();

    let slightly = snapshot.updated(&with_peak(run(), 1), ALL).unwrap();
    assert_eq!((slightly.is_change, slightly.headline().as_str()), (false, "nothing moved"));
    assert_eq!(snapshot.check(&with_peak(run(), 1), ALL).mismatches, []);

    let much = snapshot.updated(&with_peak(run(), 40 << 20), ALL).unwrap();
    assert!(much.moved > 0 && much.added + much.removed == 0, "{much:?}");
    let new = much.snapshot.render();
    let changed = new.lines().zip(commented.lines()).filter(|(new, old)| new != old).count();
    assert_eq!((changed, new.lines().count()), (much.moved, commented.lines().count()), "{new}");
    assert!(new.contains("# My own line\n") && new.contains("# Mine.\nschema"), "{new}");
}

#[test]
fn what_a_snapshot_leaves_out_is_neither_new_nor_kept() {
    let text = snapshot_of(&run()).render();
    let narrowed = text.replacen("selection = []\n", "selection = []\nleave_out = [\"vectors/*\"]\n", 1);
    let snapshot = Snapshot::parse(&narrowed, "memory.toml").unwrap();
    let update = snapshot.updated(&run(), ALL).unwrap();
    assert!(update.removed > 0);
    assert!(!update.snapshot.cases.keys().any(|case| case.suite == "vectors"));
    assert_eq!(update.snapshot.check(&run(), ALL).mismatches, []);
}

#[test]
fn one_metric_of_a_case_can_be_left_out() {
    let text = snapshot_of(&run()).render();
    let left_out = format!("selection = []\nleave_out = [\"{CASE} heap.peak\"]\n");
    let snapshot = Snapshot::parse(&text.replacen("selection = []\n", &left_out, 1), "memory.toml").unwrap();
    assert!(snapshot.render().contains(&left_out), "{}", snapshot.render());
    let worse = with_peak(run(), 1);
    assert!(!snapshot.check(&worse, ALL).mismatches.iter().any(|it| it.metric == Some(&heap::PEAK)));
    let update = snapshot.updated(&run(), ALL).unwrap();
    assert_eq!((update.moved, update.added, update.removed), (0, 0, 1));
    assert!(!update.snapshot.cases[&case_id()].numbers.contains_key(heap::PEAK.id));
}

#[test]
fn a_run_that_was_cut_off_updates_nothing() {
    let error = snapshot_of(&run()).updated(&sample::run(), ALL).unwrap_err().to_string();
    assert!(error.contains("memory.toml is not updated, because the run is not whole"), "{error}");
}

#[test]
fn a_malformed_snapshot_is_refused_with_its_line() {
    let case = "[case.\"vectors/a\"]\n";
    for (text, error) in [
        ("", "memory.toml:1:1: no schema: write `schema = 1` at the top"),
        ("schema = 2", "memory.toml:1:10: schema 2 is newer than this build knows (1): update the tool"),
        ("schema = \"x\"", "memory.toml:1:10: unknown schema: expected 1"),
        ("schema = 1\nnumbers = 3", "memory.toml:2:1: unknown key \"numbers\""),
        ("schema = 1\ntolerance = \"3\"", "memory.toml:2:13: \"3\" is not a tolerance"),
        ("schema = 1\nselection = \"x\"", "memory.toml:2:13: expected a list of texts"),
        ("schema = 1\nleave_out = [\"a//\"]", "memory.toml:2:13: "),
        ("schema = 1\nleave_out = [\"** heap.peek\"]", "memory.toml:2:13: unknown metric \"heap.peek\""),
        ("schema = 1\n[case.\"x\"]\n", "memory.toml:2:7: case id \"x\": expected `suite/workload`"),
        (&format!("schema = 1\n{case}heap.peek = \"1 B\""), "memory.toml:3:6: unknown metric \"heap.peek\""),
        (&format!("schema = 1\n{case}heap.peak = 12"), "memory.toml:3:13: expected a text in quotes"),
        (&format!("schema = 1\n{case}heap.peak = \"12\""), "memory.toml:3:13: \"12\" has no unit"),
        (&format!("schema = 1\n{case}{case}"), "memory.toml:3:"),
        (
            "schema = 1\n[case.\"a/b{x=1,y=2}\"]\n[case.\"a/b{y=2,x=1}\"]\n",
            "memory.toml:3:7: the case a/b{y=2,x=1} stands twice",
        ),
        ("schema = 1\n<<<<<<< HEAD\n", "memory.toml:2:"),
    ] {
        let refused = Snapshot::parse(text, "memory.toml").unwrap_err().to_string();
        assert!(refused.starts_with(error), "{text:?}: {refused}");
    }
}

#[test]
fn terminal_page_json_and_exports_have_what_is_not_as_in_the_snapshot() {
    let run = with_peak(run(), 1);
    let check = snapshot_of(&self::run()).check(&run, ALL);
    let thresholds = Thresholds::parse("schema = 1", "thresholds.toml").unwrap();
    let report = Report::new(&run, judge(&run, &thresholds, sample::TODAY), None, None);
    let report = report.with_snapshot(Some(check));
    let found: Vec<_> = report.findings.iter().filter(|it| it.kind == FindingKind::Snapshot).collect();
    assert!(!found.is_empty());
    let peak = found.iter().find(|it| it.metric == Some(&heap::PEAK)).unwrap();
    assert!(peak.text.starts_with("worse: "), "{}", peak.text);
    assert!(peak.text.contains(" (+1 B, +0.00 %)"), "{}", peak.text);
    assert!(report.headline().contains("against memory.toml, "), "{}", report.headline());
    assert!(page(&report).unwrap().contains("not as in the snapshot"));
    assert!(export(Format::JUnit, &report).contains("not as in the snapshot"));
    let json = summary_json(&report, "run.json", "index.html");
    assert_eq!(json["snapshot"]["file"], "memory.toml");
    assert_eq!(json["snapshot"]["verdict"], "fail");
    assert_eq!(json["snapshot"]["mismatches"].as_array().unwrap().len(), found.len());
    assert_eq!(json["snapshot"]["mismatches"][0]["state"], "worse");
}
