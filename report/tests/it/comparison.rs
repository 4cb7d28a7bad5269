//! Comparisons of made-up runs: what is said of exact and noisy metrics, and what rules change.

mod conditions;
mod history;
mod view;

use bench_core::case::{CaseId, Mode};
use bench_core::dhat_profile::SitesSummary;
use bench_core::run::{CaseRecord, Measurement, Run};
use report::compare::{Change, Comparison, Confirmation, compare};
use report::{SiteCount, Thresholds, Verdict, comparison_json};

use crate::sample;

const FRAGMENTED: &str = "vectors/fragmentation{allocator=system,pattern=scaled}";

/// A healthy run whose cases have so many repetitions in mode heap, none of them failed.
fn run(repetitions: usize) -> Run {
    let mut run = sample::run();
    run.partial = None;
    run.settings.left_out = Some(Vec::new());
    run.settings.features = Some(Vec::new());
    run.settings.harness = Some(1);
    run.cases.retain(|case| !["batch", "calibration"].contains(&case.spec.id.workload.as_str()));
    for case in &mut run.cases {
        case.spec.version = Some(1);
        let counted = |it: &&mut Measurement| matches!(it.mode, Mode::Heap | Mode::Native);
        for measurement in case.measurements.iter_mut().filter(counted) {
            let first = measurement.repetitions[0].clone();
            measurement.repetitions.resize(repetitions, first);
        }
    }
    run
}

/// Multiplies the peak RSS of each repetition of a case by `of(repetition)`.
fn scale_rss(case: &mut CaseRecord, of: impl Fn(usize) -> f64) {
    for (index, repetition) in case.measurements[0].repetitions.iter_mut().enumerate() {
        for phase in &mut repetition.evidence.as_mut().unwrap().phases {
            let peak = &mut phase.process.as_mut().unwrap().peak_rss_bytes;
            *peak = peak.map(|bytes| (bytes as f64 * of(index)) as u64);
        }
    }
}

/// Ten levels around 1 that spread by 0.3 %.
fn spread(index: usize) -> f64 {
    1.0 + 0.001 * ((index * 7 % 10) as f64 - 4.5)
}

fn case<'a>(run: &'a mut Run, id: &str) -> &'a mut CaseRecord {
    run.cases.iter_mut().find(|case| case.spec.id.to_string() == id).unwrap()
}

fn grow_heap(case: &mut CaseRecord, bytes: u64) {
    for repetition in &mut case.measurements[0].repetitions {
        for phase in &mut repetition.evidence.as_mut().unwrap().phases {
            phase.heap.as_mut().unwrap().peak_live_bytes += bytes;
        }
    }
}

fn compared(old: &Run, new: &Run, rules: &str) -> Comparison {
    let thresholds = Thresholds::parse(&format!("schema = 1\n{rules}"), "t.toml").unwrap();
    compare("main", old, new, &thresholds, sample::TODAY)
}

#[track_caller]
fn change<'a>(comparison: &'a Comparison, case: &str, metric: &str) -> &'a Change {
    let found = |change: &&Change| {
        change.case.to_string() == case && change.metric.id == metric && change.phase.is_none()
    };
    comparison.changes.iter().find(found).unwrap_or_else(|| panic!("no {metric} of {case}"))
}

#[track_caller]
fn assert_outcome(change: &Change, word: &str, verdict: Verdict) {
    let reason = change.outcome.reason().unwrap_or_default();
    assert_eq!((change.outcome.word(), change.verdict), (word, verdict), "{reason}");
}

#[test]
fn a_run_against_itself_is_the_same() {
    let run = run(10);
    let comparison = compared(&run, &run, "");
    assert_eq!(comparison.verdict, Verdict::Pass);
    assert!(comparison.judged() > 100 && comparison.cases.is_empty() && comparison.notes.is_empty());
    assert!(!comparison.is_undecided());
    assert!(
        comparison
            .changes
            .iter()
            .filter(|change| change.gate.is_some())
            .all(|change| { change.outcome.word() == "same" || change.outcome.word() == "not gated" })
    );
    assert!(comparison.headline().contains("nothing is worse"), "{}", comparison.headline());
}

/// The peak is 5,282,880 bytes, 0.1 % of it 5,283.
#[test]
fn an_exact_metric_fails_above_a_thousandth_and_a_kibibyte() {
    for (bytes, word, verdict) in [
        (0, "same", Verdict::Pass),
        (1, "changed", Verdict::Pass),
        (5282, "changed", Verdict::Pass),
        (5283, "worse", Verdict::Fail),
    ] {
        let (old, mut new) = (run(2), run(2));
        grow_heap(case(&mut new, FRAGMENTED), bytes);
        let comparison = compared(&old, &new, "");
        let peak = change(&comparison, FRAGMENTED, "heap.peak");
        assert_outcome(peak, word, verdict);
        assert_eq!(peak.difference(), Some(bytes as f64));
        // An improvement is held to the same floor. A thousandth of the larger value is 5,288.2 bytes.
        if bytes < 5283 {
            let back = compared(&new, &old, "");
            assert_outcome(change(&back, FRAGMENTED, "heap.peak"), word, Verdict::Pass);
        }
    }
    for (bytes, word) in [(5288, "changed"), (5289, "better")] {
        let (mut old, new) = (run(2), run(2));
        grow_heap(case(&mut old, FRAGMENTED), bytes);
        let back = compared(&old, &new, "");
        assert_outcome(change(&back, FRAGMENTED, "heap.peak"), word, Verdict::Pass);
        assert_eq!(back.count("better") > 0, word == "better", "{}", back.headline());
    }
    // Of 512 bytes a thousandth is less than one byte: below a kibibyte nothing is said.
    let single = "vectors/single_vector{dim=128}";
    for (bytes, word, verdict) in [(1024, "changed", Verdict::Pass), (1025, "worse", Verdict::Fail)] {
        let (old, mut new) = (run(2), run(2));
        grow_heap(case(&mut new, single), bytes);
        let comparison = compared(&old, &new, "");
        assert_outcome(change(&comparison, single, "heap.peak"), word, verdict);
        // One phase is the whole case; of several, the whole is judged and the phases are shown.
        assert_eq!(
            comparison.verdict,
            verdict.max(change(&comparison, single, "heap.peak_per_payload").verdict)
        );
    }
}

/// Amplification is the peak over what stays.
#[test]
fn what_rises_because_something_got_better_is_no_regression() {
    let (old, mut new) = (run(2), run(2));
    for repetition in &mut case(&mut new, FRAGMENTED).measurements[0].repetitions {
        let last = repetition.evidence.as_mut().unwrap().phases.last_mut().unwrap();
        last.heap.as_mut().unwrap().end_live_bytes -= 1 << 20;
    }
    let comparison = compared(&old, &new, "");
    assert_outcome(change(&comparison, FRAGMENTED, "heap.live"), "better", Verdict::Pass);
    let amplification = change(&comparison, FRAGMENTED, "heap.amplification");
    assert_outcome(amplification, "changed", Verdict::Pass);
    assert!(amplification.difference() > Some(0.0) && amplification.gate.is_none());
    assert_eq!(comparison.verdict, Verdict::Pass);
}

#[test]
fn one_repetition_shows_no_exact_number() {
    let (old, mut new) = (run(1), run(2));
    grow_heap(case(&mut new, FRAGMENTED), 1 << 20);
    let comparison = compared(&old, &new, "");
    assert_outcome(change(&comparison, FRAGMENTED, "heap.peak"), "inconclusive", Verdict::Pass);
    assert!(comparison.is_undecided());
}

#[test]
fn a_noisy_metric_fails_only_when_fresh_processes_confirm_it() {
    let noisy = |share: f64| {
        let mut run = run(10);
        scale_rss(case(&mut run, FRAGMENTED), |index| spread(index) * (1.0 + share));
        run
    };
    let old = noisy(0.0);
    for (share, word, verdict) in [
        (0.0, "same", Verdict::Pass),
        (0.005, "same", Verdict::Pass),
        (0.03, "unconfirmed", Verdict::Warn),
        (-0.005, "same", Verdict::Pass),
        (-0.03, "looks better", Verdict::Pass),
    ] {
        let comparison = compared(&old, &noisy(share), "");
        let rss = change(&comparison, FRAGMENTED, "rss.peak");
        assert_outcome(rss, word, verdict);
        let noise = rss.noise.as_ref().unwrap();
        assert!((noise.ratio - 1.0 - share).abs() < 0.002, "{}", noise.ratio);
        assert!(noise.interval.0 < noise.ratio && noise.ratio < noise.interval.1);
        assert_eq!(comparison.verdict, verdict);
        assert_eq!(comparison.is_undecided(), word == "unconfirmed");
    }
    for (fresh, word, verdict) in [(0.03, "worse", Verdict::Fail), (0.0, "refuted", Verdict::Pass)] {
        let mut comparison = compared(&old, &noisy(0.03), "");
        assert_eq!(comparison.candidates(), [(FRAGMENTED.parse::<CaseId>().unwrap(), Mode::Heap)]);
        let record = |share| case(&mut noisy(share), FRAGMENTED).clone();
        comparison.confirm(&[Confirmation { old: record(0.0), new: record(fresh) }]);
        assert_outcome(change(&comparison, FRAGMENTED, "rss.peak"), word, verdict);
        assert_eq!((comparison.verdict, comparison.is_undecided()), (verdict, false));
    }
    // What looks better is claimed only when fresh processes confirm it, too.
    assert_eq!(compared(&old, &noisy(-0.03), "").count("better"), 0);
    for (fresh, word) in [(-0.03, "better"), (0.0, "same"), (0.03, "same")] {
        let mut comparison = compared(&old, &noisy(-0.03), "");
        assert_eq!(comparison.candidates(), [(FRAGMENTED.parse::<CaseId>().unwrap(), Mode::Heap)]);
        let record = |share| case(&mut noisy(share), FRAGMENTED).clone();
        comparison.confirm(&[Confirmation { old: record(0.0), new: record(fresh) }]);
        assert_outcome(change(&comparison, FRAGMENTED, "rss.peak"), word, Verdict::Pass);
        assert_eq!(comparison.verdict, Verdict::Pass);
    }
    let mut comparison = compared(&old, &noisy(-0.03), "");
    comparison.confirm(&[]);
    assert_outcome(change(&comparison, FRAGMENTED, "rss.peak"), "looks better", Verdict::Pass);
    assert!(!comparison.is_undecided(), "no regression is left open");
    let mut comparison = compared(&old, &noisy(0.03), "");
    comparison.confirm(&[]);
    assert_outcome(change(&comparison, FRAGMENTED, "rss.peak"), "inconclusive", Verdict::Pass);
}

#[test]
fn what_spreads_or_is_too_few_is_not_gated_and_says_so() {
    let with = |repetitions, factor: f64| {
        let mut run = run(repetitions);
        scale_rss(case(&mut run, FRAGMENTED), |index| 1.0 + factor * (spread(index) - 1.0));
        run
    };
    for (repetitions, factor, word, reason) in [
        (10, 40.0, "not gated", "it spreads too much to be gated: CV 12."),
        (5, 1.0, "inconclusive", "5 and 5 repetitions; 10 a side are needed"),
        (1, 1.0, "inconclusive", "1 and 1 repetitions do not show how it spreads"),
    ] {
        let comparison = compared(&with(repetitions, factor), &with(repetitions, factor), "");
        let rss = change(&comparison, FRAGMENTED, "rss.peak");
        assert_outcome(rss, word, Verdict::Pass);
        assert!(rss.outcome.reason().unwrap().contains(reason), "{:?}", rss.outcome.reason());
    }
}

#[test]
fn time_is_compared_and_never_gated_without_a_rule() {
    let run = run(10);
    let search = "search/dense{engine=flat,threads=2}";
    assert_outcome(change(&compared(&run, &run, ""), search, "time.median"), "not gated", Verdict::Pass);
    let rule = "[[rule]]\nid = \"**\"\nmetric = \"time.median\"\nvs_baseline = \"10%\"\n";
    let comparison = compared(&run, &run, rule);
    assert_outcome(change(&comparison, search, "time.median"), "inconclusive", Verdict::Pass);
}

#[test]
fn a_rule_replaces_the_limit_of_the_class() {
    let grown = |bytes| {
        let mut run = run(2);
        grow_heap(case(&mut run, FRAGMENTED), bytes);
        run
    };
    let rule = |limit: &str| {
        format!("[[rule]]\nid = \"vectors/*\"\nmetric = \"heap.peak\"\nvs_baseline = {limit}\n")
    };
    // 1 % of the peak is 52,829 bytes.
    for (limit, bytes, word, verdict) in [
        ("\"1%\"", 52_828, "changed", Verdict::Pass),
        ("\"1%\"", 52_829, "worse", Verdict::Fail),
        ("\"1%\"\nseverity = \"warn\"", 52_829, "worse", Verdict::Warn),
        ("{ warn = \"0.1%\", fail = \"1%\" }", 6_000, "worse", Verdict::Warn),
        ("{ warn = \"0.1%\", fail = \"1%\" }", 60_000, "worse", Verdict::Fail),
        ("{ fail = \"0%\" }", 1025, "worse", Verdict::Fail),
        ("{ fail = \"0%\", floor = \"64KiB\" }", 65_536, "changed", Verdict::Pass),
        ("{ fail = \"0%\", floor = \"64KiB\" }", 65_537, "worse", Verdict::Fail),
    ] {
        let comparison = compared(&grown(0), &grown(bytes), &rule(limit));
        let peak = change(&comparison, FRAGMENTED, "heap.peak");
        assert_outcome(peak, word, verdict);
        let (text, place) = peak.gate.as_ref().unwrap().rule.clone().unwrap();
        assert!(text.starts_with("vectors/* heap.peak: at most") && place == "t.toml:3", "{text} {place}");
    }
    let allow = "[[allow]]\nid = \"**\"\nmetric = \"heap.peak\"\nuntil = \"2026-11-21\"\nreason = \"#123\"\n";
    let comparison = compared(&grown(0), &grown(1 << 20), &format!("{}{allow}", rule("\"1%\"")));
    let peak = change(&comparison, FRAGMENTED, "heap.peak");
    assert_outcome(peak, "worse", Verdict::Warn);
    assert!(peak.allowed.as_ref().unwrap().contains("#123"));
}

#[test]
fn a_phase_is_judged_where_a_rule_names_it() {
    let (old, mut new) = (run(2), run(2));
    for repetition in &mut case(&mut new, FRAGMENTED).measurements[0].repetitions {
        let phase = &mut repetition.evidence.as_mut().unwrap().phases[1];
        phase.heap.as_mut().unwrap().peak_live_bytes += 20_000;
    }
    let of_phase = |comparison: &Comparison| {
        let found =
            |change: &&Change| change.phase.as_deref() == Some("free") && change.metric.id == "heap.peak";
        let change = comparison.changes.iter().find(found).unwrap();
        (change.outcome.word(), change.verdict)
    };
    assert_eq!(of_phase(&compared(&old, &new, "")), ("changed", Verdict::Pass));
    let rule = "[[rule]]\nid = \"**\"\nmetric = \"heap.peak\"\nphase = \"free\"\nvs_baseline = \"0.1%\"\n";
    assert_eq!(of_phase(&compared(&old, &new, rule)), ("worse", Verdict::Fail));
    // A phase that is the whole case is judged as that.
    let single = "vectors/single_vector{dim=128}";
    let (old, mut new) = (run(2), run(2));
    grow_heap(case(&mut new, single), 900);
    let rule = |phase: &str| {
        format!(
            "[[rule]]\nid = \"**\"\nmetric = \"heap.peak\"\nphase = \"{phase}\"\n\
             vs_baseline = {{ fail = \"0%\", floor = \"1B\" }}\n"
        )
    };
    let word = |phase| change(&compared(&old, &new, &rule(phase)), single, "heap.peak").outcome.word();
    assert_eq!((word("allocate"), word("build")), ("worse", "changed"));
}

#[test]
fn a_metric_that_went_away_is_said_and_fails_where_a_rule_asks_for_it() {
    let (old, mut new) = (run(2), run(2));
    for repetition in &mut case(&mut new, FRAGMENTED).measurements[0].repetitions {
        for phase in &mut repetition.evidence.as_mut().unwrap().phases {
            phase.process.as_mut().unwrap().peak_rss_bytes = None;
        }
    }
    assert_outcome(change(&compared(&old, &new, ""), FRAGMENTED, "rss.peak"), "missing", Verdict::Pass);
    let rule = "[[rule]]\nid = \"**\"\nmetric = \"rss.peak\"\nvs_baseline = \"3%\"\n";
    assert_outcome(change(&compared(&old, &new, rule), FRAGMENTED, "rss.peak"), "missing", Verdict::Fail);
    assert_outcome(change(&compared(&new, &old, rule), FRAGMENTED, "rss.peak"), "new", Verdict::Pass);
}

#[test]
fn a_change_is_explained_by_its_call_sites() {
    let (old, mut new) = (run(2), run(2));
    let grown = case(&mut new, FRAGMENTED);
    grow_heap(grown, 1 << 20);
    let sites: &mut SitesSummary =
        grown.measurements[1].repetitions[0].evidence.as_mut().unwrap().sites.as_mut().unwrap();
    sites.sites[3].peak_bytes += 1 << 20;
    let comparison = compared(&old, &new, "");
    let found = &comparison.sites[&FRAGMENTED.parse::<CaseId>().unwrap()];
    assert_eq!(comparison.sites.len(), 1, "only what changed is explained");
    assert_eq!(found.sites.len(), 1);
    assert_eq!(found.sites[0].change(SiteCount::Peak), Some(1 << 20));
    assert_eq!(found.sites[0].name(), "bench_vectors::work::step_3 bench-vectors/src/work.rs:23");
    let json = comparison_json(&comparison);
    assert_eq!(json["sites"][FRAGMENTED]["sites"][0]["stack"][0]["line"], 23);
    assert_eq!(json["verdict"], "fail");
}

#[test]
fn runs_without_a_case_in_common_are_empty() {
    let (mut old, mut new) = (run(2), run(2));
    old.cases.truncate(1);
    new.cases.remove(0);
    assert!(compared(&old, &new, "").is_empty());
    assert!(!compared(&old, &old, "").is_empty());
}

#[test]
fn sites_are_ranked_by_what_got_worse() {
    let (old, mut new) = (run(2), run(2));
    let grown = case(&mut new, FRAGMENTED);
    for repetition in &mut grown.measurements[0].repetitions {
        let phase = &mut repetition.evidence.as_mut().unwrap().phases[0];
        phase.heap.as_mut().unwrap().allocated_bytes += 10 << 20;
    }
    let sites: &mut SitesSummary =
        grown.measurements[1].repetitions[0].evidence.as_mut().unwrap().sites.as_mut().unwrap();
    sites.sites[1].peak_bytes += 4096;
    sites.sites[2].total_bytes += 10 << 20;
    let comparison = compared(&old, &new, "");
    let found = &comparison.sites[&FRAGMENTED.parse::<CaseId>().unwrap()];
    assert_eq!((found.by, found.sites.len()), (SiteCount::Total, 2));
    assert_eq!(found.sites[0].change(SiteCount::Total), Some(10 << 20));
}

#[test]
fn a_site_beyond_the_top_is_unknown_and_where_there_are_no_sites_that_is_said() {
    let (mut old, mut new) = (run(2), run(2));
    grow_heap(case(&mut new, FRAGMENTED), 1 << 20);
    let sites_of = |run: &mut Run| -> SitesSummary {
        let found = &case(run, FRAGMENTED).measurements[1].repetitions[0];
        found.evidence.clone().unwrap().sites.unwrap()
    };
    let id = FRAGMENTED.parse::<CaseId>().unwrap();
    // 14 sites are known of, 10 are kept.
    assert_eq!((sites_of(&mut old).site_count, sites_of(&mut old).sites.len()), (14, 10));
    let evidence = case(&mut new, FRAGMENTED).measurements[1].repetitions[0].evidence.as_mut().unwrap();
    evidence.sites.as_mut().unwrap().sites[0].stack[0].function = "new::function".into();
    let comparison = compared(&old, &new, "");
    let changed = &comparison.sites[&id].sites;
    assert_eq!(changed.iter().filter_map(|site| site.unknown()).collect::<Vec<_>>().len(), 2);
    assert!(changed.iter().all(|site| site.change(SiteCount::Peak).is_none()));
    let json = comparison_json(&comparison);
    let first = &json["sites"][FRAGMENTED]["sites"][0];
    assert!(first["peak_bytes"].as_array().unwrap().iter().any(|count| count.is_null()), "{first}");
    case(&mut old, FRAGMENTED).measurements.retain(|measurement| measurement.mode != Mode::Sites);
    let comparison = compared(&old, &new, "");
    assert!(comparison.sites.is_empty());
    assert_eq!(comparison.unexplained[&id], "the baseline has no call sites of it (mode sites)");
}
