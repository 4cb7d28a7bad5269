//! The stored runs before a run: which of them count, what they decide where there is no old binary, what the
//! page shows.

use bench_core::evidence::Scaled;
use bench_core::metric::Metric;
use bench_core::run::Run;
use report::compare::STORED_RUNS;
use report::{Comparison, History, Report, Thresholds, Verdict, comparison_json, judge, page};
use report::{HISTORY_RUNS, Past};

use super::{FRAGMENTED, assert_outcome, case, change, compared, run, scale_rss, spread};
use crate::sample;

/// A run of ten processes whose peak RSS is `level` times the sample's, with a spread of 0.3 %.
fn at_level(id: &str, level: f64) -> Run {
    let mut run = run(10);
    run.id = id.into();
    scale_rss(case(&mut run, FRAGMENTED), |index| level * spread(index));
    run
}

/// So many runs, whose levels drift within 0.4 %.
fn stored(count: usize) -> Vec<Run> {
    let level = |index: usize| 1.0 + 0.004 * ((index * 7 % 10) as f64 / 10.0 - 0.45);
    (0..count).map(|index| at_level(&format!("2026-11-{index:02}"), level(index))).collect()
}

fn past(history: &History, metric: &str) -> Vec<Option<Past>> {
    history.of_value(&FRAGMENTED.parse().unwrap(), None, Metric::by_id(metric).unwrap())
}

fn comparable(history: &History, metric: &str) -> usize {
    history.comparable(&FRAGMENTED.parse().unwrap(), None, Metric::by_id(metric).unwrap()).len()
}

/// The new run against the first of the stored ones, decided by all of them.
fn predicted(stored: &[Run], new: &Run, rules: &str) -> Comparison {
    let mut comparison = compared(&stored[0], new, rules);
    comparison.predict(&History::of(new, stored.iter().cloned()));
    comparison
}

#[test]
fn ten_stored_runs_fail_what_they_do_not_predict_and_fewer_only_warn() {
    let new = at_level("new", 1.05);
    for (count, word, verdict, said) in [
        (
            STORED_RUNS + 2,
            "worse",
            Verdict::Fail,
            "12 comparable stored runs with a mean of 8.10 MiB predict at most 8.17 MiB",
        ),
        (STORED_RUNS, "worse", Verdict::Fail, "10 comparable stored runs with a mean of"),
        (STORED_RUNS - 1, "unconfirmed", Verdict::Warn, "; 9 comparable stored runs: 10 are needed"),
    ] {
        let comparison = predicted(&stored(count), &new, "");
        let rss = change(&comparison, FRAGMENTED, "rss.peak");
        assert_outcome(rss, word, verdict);
        assert!(rss.reason().unwrap().contains(said), "{said}: {:?}", rss.reason());
        assert_eq!(comparison.verdict, verdict);
        let json = comparison_json(&comparison);
        let found = json["changes"].as_array().unwrap().iter();
        let runs: Vec<u64> = found
            .filter(|change| change["case"] == FRAGMENTED && change["metric"] == "rss.peak")
            .filter(|change| change["phase"].is_null())
            .map(|change| change["prediction"]["runs"].as_u64().unwrap())
            .collect();
        assert_eq!(runs, [count as u64]);
    }
}

#[test]
fn a_regression_fails_again_and_again_until_a_baseline_takes_it() {
    let (mut runs, new) = (stored(12), at_level("new", 1.05));
    // Measured three times already, since the baseline.
    runs.extend((1..=3).map(|again| at_level(&format!("2026-12-{again:02}"), 1.05)));
    let comparison = predicted(&runs, &new, "");
    let rss = change(&comparison, FRAGMENTED, "rss.peak");
    assert_outcome(rss, "worse", Verdict::Fail);
    let said =
        "12 comparable stored runs (3 left out as worse than those before them) with a mean of 8.10 MiB";
    assert!(rss.reason().unwrap().contains(said), "{:?}", rss.reason());
    // The newest is the baseline: then what came before it is what is usual.
    let mut comparison = compared(runs.last().unwrap(), &new, "");
    comparison.predict(&History::of(&new, runs.iter().cloned()));
    let rss = change(&comparison, FRAGMENTED, "rss.peak");
    assert_outcome(rss, "same", Verdict::Pass);
    assert_eq!(rss.prediction.as_ref().unwrap().runs, 15);
}

#[test]
fn what_the_stored_runs_predict_stays_as_it_was() {
    let runs = stored(20);
    let comparison = predicted(&runs, &at_level("new", 1.0), "");
    assert_outcome(change(&comparison, FRAGMENTED, "rss.peak"), "same", Verdict::Pass);
    assert_eq!(comparison.verdict, Verdict::Pass);
    // Worse than the baseline, and no more than runs are wont to be.
    let mut wide = stored(20);
    for (index, run) in wide.iter_mut().enumerate().skip(1) {
        *run = at_level("wide", [0.97, 1.0, 1.03][index % 3]);
    }
    let comparison = predicted(&wide, &at_level("new", 1.04), "");
    let rss = change(&comparison, FRAGMENTED, "rss.peak");
    assert_outcome(rss, "unconfirmed", Verdict::Warn);
    assert!(rss.reason().unwrap().contains("20 comparable stored runs"), "{:?}", rss.reason());
    // Far out, but below the floor that a rule sets.
    let rule = "[[rule]]\nid = \"**\"\nmetric = \"rss.peak\"\nvs_baseline = \"10%\"\n";
    let comparison = predicted(&runs, &at_level("new", 1.08), rule);
    assert_outcome(change(&comparison, FRAGMENTED, "rss.peak"), "same", Verdict::Pass);
    let allow = "[[allow]]\nid = \"**\"\nmetric = \"rss.peak\"\nuntil = \"2026-11-21\"\nreason = \"#123\"\n";
    let comparison = predicted(&runs, &at_level("new", 1.05), allow);
    assert_outcome(change(&comparison, FRAGMENTED, "rss.peak"), "worse", Verdict::Warn);
}

#[test]
fn what_is_better_than_the_stored_runs_predict_is_claimed_and_nothing_else() {
    for (runs, level, word) in
        [(12, 0.95, "better"), (STORED_RUNS - 1, 0.95, "looks better"), (12, 0.995, "same")]
    {
        let new = at_level("new", level);
        let comparison = predicted(&stored(runs), &new, "");
        assert_outcome(change(&comparison, FRAGMENTED, "rss.peak"), word, Verdict::Pass);
        assert_eq!((comparison.verdict, comparison.is_undecided()), (Verdict::Pass, false));
    }
}

#[test]
fn other_conditions_and_runs_that_are_not_whole_are_not_averaged_in() {
    let new = at_level("new", 1.05);
    let mut runs = stored(14);
    runs[1].partial = Some("interrupted".into());
    runs[2].settings.profile = "dev".into();
    runs[3].host.facts.insert("libc".into(), "glibc 2.40".into());
    runs[4].settings.harness = None;
    case(&mut runs[5], FRAGMENTED).spec.version = Some(2);
    for repetition in &mut case(&mut runs[6], FRAGMENTED).measurements[0].repetitions {
        let scaled = Scaled { axis: "n".into(), from: 9, to: 1 };
        repetition.evidence.as_mut().unwrap().scaled = Some(scaled);
    }
    case(&mut runs[7], FRAGMENTED).measurements.clear();
    runs[8].host.facts.insert("cpu".into(), "another".into());
    let history = History::of(&new, runs.iter().cloned());
    assert_eq!(history.runs.len(), 13, "the one that was interrupted is passed over");
    // Profile, libc, an unknown harness and the workload's version keep apart; scaled and missing is a gap; a
    // CPU is a note.
    let kinds: String = past(&history, "rss.peak")
        .iter()
        .map(|past| past.map_or('-', |past| if past.comparable { 'c' } else { 'o' }))
        .collect();
    assert_eq!(kinds, "coooo--cccccc");
    assert_eq!(comparable(&history, "rss.peak"), 7);
    assert_eq!(comparable(&history, "heap.peak"), 8, "libc is no condition of an exact number");
    assert!(
        history.runs[3].other_conditions.contains("harness: unknown → 1"),
        "{:?}",
        history.runs[3].other_conditions
    );
    let mut comparison = compared(&runs[0], &new, "");
    comparison.predict(&history);
    assert_outcome(change(&comparison, FRAGMENTED, "rss.peak"), "unconfirmed", Verdict::Warn);
}

#[test]
fn a_change_near_the_floor_goes_to_stage_2_and_is_not_shown_as_suspect() {
    let comparison = compared(&at_level("old", 1.0), &at_level("new", 1.009), "");
    assert_outcome(change(&comparison, FRAGMENTED, "rss.peak"), "same", Verdict::Pass);
    assert!(comparison.candidates().iter().any(|(case, _)| case.to_string() == FRAGMENTED));
    assert!(!comparison.is_undecided());
    let comparison = compared(&at_level("old", 1.0), &at_level("new", 1.005), "");
    assert!(comparison.candidates().is_empty());
}

/// The page of a run with a history.
fn rendered(new: &Run, stored: &[Run], comparison: Option<Comparison>) -> String {
    let thresholds = Thresholds::parse("schema = 1\n", "t.toml").unwrap();
    let history = History::of(new, stored.iter().cloned());
    let judgement = judge(new, &thresholds, sample::TODAY);
    page(&Report::new(new, judgement, comparison, Some(history))).unwrap()
}

#[test]
fn the_page_shows_the_runs_before_beside_suites_cases_and_changes() {
    let new = at_level("new", 1.05);
    let mut runs = stored(12);
    runs[5].host.facts.insert("libc".into(), "<b>".into());
    let page = rendered(&new, &runs, Some(predicted(&runs, &new, "")));
    let line = "<svg class=\"history\"";
    let part = |id: &str| {
        let start = page.find(&format!("<section id=\"{id}\"")).unwrap_or_else(|| panic!("no {id}"));
        page[start..].split("</section>").next().unwrap()
    };
    assert!(part("suite-1").contains(line));
    let comparison = part("comparison");
    assert!(
        comparison.contains("peak RSS in 11 comparable runs before: ")
            && comparison.contains("1 under other")
    );
    let measured = new.cases.iter().filter(|case| !case.measurements.is_empty()).count();
    assert_eq!(part("cases").matches(line).count(), measured);
    let method = part("method");
    assert!(method.contains("12 stored runs") && method.contains("libc: &lt;b&gt; → glibc 2.36"), "{method}");
    // The newest stands first.
    assert!(method.find("2026-11-11").unwrap() < method.find("2026-11-00").unwrap());
    assert!(!rendered(&new, &[], None).contains(line), "without a run before there is no line");
}

#[test]
fn a_history_is_light() {
    let runs = stored(HISTORY_RUNS);
    let new = at_level("new", 1.0);
    let cases = part_bytes(&rendered(&new, &runs, None));
    let without = part_bytes(&rendered(&new, &[], None));
    let each = (cases - without) / new.cases.len();
    assert!(each < 450, "{each} bytes a case");
}

/// The bytes of the section of all cases.
fn part_bytes(page: &str) -> usize {
    page[page.find("<section id=\"cases\"").unwrap()..].split("</section>").next().unwrap().len()
}
