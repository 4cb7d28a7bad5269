//! What is said of a run: verdicts, missing metrics, failures, allowances, warnings, and the JSON summary.

use bench_core::case::Mode;
use bench_core::metric::{Class, heap, rss, time};
use bench_core::run::{CaseRecord, Run};
use report::{Report, Thresholds, Verdict, judge, summary_json};

use crate::sample;

const SINGLE: &str = "vectors/single_vector{dim=128}";
const FRAGMENTED: &str = "vectors/fragmentation{allocator=system,pattern=scaled}";
const FOREIGN: &str = "ingest/build{engine=usearch,n=3000}";
const UPDATE: &str = "ingest/update{engine=flat}";
const DOCUMENT: &str = "ingest/single_document{size=100KB}";

/// The sample without what makes it fail or warn whatever the thresholds.
fn healthy() -> Run {
    let mut run = sample::run();
    run.partial = None;
    run.cases.retain(|case| !["batch", "calibration"].contains(&case.spec.id.workload.as_str()));
    for repetition in
        run.cases.iter_mut().flat_map(|case| &mut case.measurements).flat_map(|m| &mut m.repetitions)
    {
        repetition.stdout = None;
    }
    run
}

fn only<'a>(run: &'a mut Run, id: &str) -> &'a mut CaseRecord {
    run.cases.retain(|case| case.spec.id.to_string() == id);
    &mut run.cases[0]
}

fn judged<'a>(run: &'a Run, rules: &str) -> Report<'a> {
    let thresholds =
        Thresholds::parse(&format!("schema = 1\n{rules}"), "t.toml").unwrap_or_else(|e| panic!("{e}"));
    Report::new(run, judge(run, &thresholds, "2026-11-21"), None, None)
}

fn rule(id: &str, metric: &str, rest: &str) -> String {
    format!("[[rule]]\nid = \"{id}\"\nmetric = \"{metric}\"\n{rest}\n")
}

#[test]
fn a_value_is_judged_by_its_limit() {
    let run = healthy();
    for (limit, verdict, deciding) in [
        ("max = \"1KiB\"", Verdict::Pass, 1024.0),
        ("max = \"512B\"", Verdict::Pass, 512.0),
        ("max = \"511B\"", Verdict::Fail, 511.0),
        ("max = \"511B\"\nseverity = \"warn\"", Verdict::Warn, 511.0),
        ("max = { warn = \"511B\", fail = \"1KiB\" }", Verdict::Warn, 511.0),
        ("max = { warn = \"500B\", fail = \"511B\" }", Verdict::Fail, 511.0),
        ("max = { warn = \"600B\", fail = \"1KiB\" }", Verdict::Pass, 600.0),
    ] {
        let report = judged(&run, &rule(SINGLE, "heap.peak", limit));
        let value = report.judgement.value(&SINGLE.parse().unwrap(), None, &heap::PEAK).unwrap();
        assert_eq!((value.value, value.class, value.samples.len()), (512.0, Class::Exact, 3));
        let found = value.limit.as_ref().unwrap();
        assert_eq!((value.verdict, found.value), (Some(verdict), deciding), "{limit}");
        assert_eq!((found.margin, found.place.as_str()), (deciding - 512.0, "t.toml:3"));
        assert_eq!((report.verdict(), report.counts.limits), (verdict, 1), "{limit}");
        assert_eq!(report.case_verdict(&SINGLE.parse().unwrap()), Some(verdict));
        assert_eq!(report.case_verdict(&DOCUMENT.parse().unwrap()), None);
    }
}

#[test]
fn a_least_limit_fails_below_it() {
    let run = healthy();
    for (limit, verdict) in [("2 threads", Verdict::Pass), ("3 threads", Verdict::Fail)] {
        let report = judged(&run, &rule(SINGLE, "process.threads", &format!("min = \"{limit}\"")));
        assert_eq!(report.verdict(), verdict, "{limit}");
    }
}

#[test]
fn a_case_of_several_phases_has_values_for_each_and_for_the_whole() {
    let run = healthy();
    let report = judged(&run, "");
    let peak = |phase| {
        report.judgement.value(&FRAGMENTED.parse().unwrap(), phase, &heap::PEAK).map(|value| value.value)
    };
    assert_eq!(peak(Some("allocate")), Some(5_242_880.0));
    assert_eq!(peak(Some("refill")), Some(5_282_880.0));
    assert_eq!(peak(None), Some(5_282_880.0));
    assert!(report.judgement.value(&SINGLE.parse().unwrap(), Some("allocate"), &heap::PEAK).is_none());
    assert_eq!(report.verdict(), Verdict::Pass);
}

#[test]
fn what_a_deletion_gives_back_has_a_least() {
    for (limit, verdict) in [("700000B", Verdict::Pass), ("701kB", Verdict::Fail)] {
        let limit = format!("phase = \"delete\"\nmin = \"{limit}\"");
        let run = healthy();
        let report = judged(&run, &rule(UPDATE, "heap.given_back", &limit));
        assert_eq!((report.verdict(), report.counts.limits), (verdict, 1), "{limit}");
    }
}

#[test]
fn phases_of_one_name_are_told_apart_and_share_a_rule() {
    let mut run = healthy();
    for repetition in &mut only(&mut run, FRAGMENTED).measurements[0].repetitions {
        repetition.evidence.as_mut().unwrap().phases[2].name = "allocate".into();
    }
    let report = judged(&run, &rule("**", "heap.peak", "phase = \"allocate\"\nmax = \"5250000B\""));
    let verdict =
        |phase| report.judgement.value(&FRAGMENTED.parse().unwrap(), phase, &heap::PEAK).unwrap().verdict;
    assert_eq!(verdict(Some("allocate")), Some(Verdict::Pass));
    assert_eq!(verdict(Some("allocate#2")), Some(Verdict::Fail));
    assert_eq!(verdict(Some("free")), None);
    assert_eq!(verdict(None), None);
}

#[test]
fn a_phase_rule_holds_for_a_case_that_is_one_phase() {
    let run = healthy();
    let report = judged(&run, &rule(SINGLE, "heap.peak", "phase = \"allocate\"\nmax = \"511B\""));
    assert_eq!(report.verdict(), Verdict::Fail);
    assert!(report.judgement.missing.is_empty());
}

#[test]
fn a_metric_that_a_rule_misses_fails_unless_the_rule_ignores_it() {
    let run = healthy();
    for (id, metric, rest, expected) in [
        (SINGLE, "heap.average", "max = \"1MB\"", Some((Verdict::Fail, "too short for two points"))),
        (SINGLE, "heap.average", "max = \"1MB\"\nmissing = \"ignore\"", None),
        (SINGLE, "heap.average", "max = \"1MB\"\nseverity = \"warn\"", Some((Verdict::Warn, "too short"))),
        (
            SINGLE,
            "heap.peak",
            "max = \"1MB\"\nphase = \"biuld\"",
            Some((Verdict::Fail, "has no phase \"biuld\"")),
        ),
        (SINGLE, "heap.peak", "max = \"1MB\"\nphase = \"b*\"", None),
        (
            SINGLE,
            "time.median",
            "max = \"1s\"\nphase = \"allocate\"",
            Some((Verdict::Fail, "does not tell phases")),
        ),
        (DOCUMENT, "heap.peak_per_payload", "max = \"100x\"", None),
        (FOREIGN, "heap.peak", "max = \"1GB\"", Some((Verdict::Fail, "usearch is C++"))),
        (
            UPDATE,
            "heap.given_back",
            "min = \"1kB\"",
            Some((Verdict::Fail, "only a phase called delete has it")),
        ),
    ] {
        let report = judged(&run, &rule(id, metric, rest));
        let found =
            report.judgement.missing.first().map(|missing| (missing.verdict, missing.reason.as_str()));
        match (found, expected) {
            (Some((verdict, reason)), Some((expected, part))) => {
                assert_eq!(verdict, expected, "{metric} {rest}");
                assert!(reason.contains(part), "{reason}");
                assert_eq!((report.verdict(), report.judgement.missing.len()), (expected, 1));
            }
            (None, None) => assert_eq!(report.verdict(), Verdict::Pass, "{metric} {rest}"),
            _ => panic!("{metric} {rest}: {found:?}"),
        }
    }
}

#[test]
fn what_was_not_measured_is_not_missing() {
    let rules = rule("**", "time.median", "max = \"10s\"");
    let mut run = healthy();
    run.settings.modes = vec![Mode::Heap];
    for case in &mut run.cases {
        case.measurements.retain(|measurement| measurement.mode == Mode::Heap);
    }
    let report = judged(&run, &rules);
    assert_eq!((report.verdict(), report.counts.limits), (Verdict::Pass, 0));
}

#[test]
fn a_failed_repetition_fails_the_run_and_the_rest_is_judged() {
    let rules = rule("ingest/batch", "heap.peak", "max = \"1B\"");
    let run = sample::run();
    let report = judged(&run, &rules);
    let failures: Vec<_> =
        report.judgement.failures.iter().map(|f| (f.mode, f.failed, f.repetitions)).collect();
    assert_eq!(failures, [(Mode::Heap, 3, 3), (Mode::Time, 1, 1)]);
    assert_eq!((report.verdict(), report.counts.failed_cases), (Verdict::Fail, 1));
    assert!(report.judgement.missing.is_empty(), "a case without evidence misses nothing");
    let mut run = healthy();
    let crashed = sample::run().cases.into_iter().find(|case| case.spec.id.workload == "batch").unwrap();
    let failure = crashed.measurements[0].repetitions[0].clone();
    only(&mut run, SINGLE).measurements[0].repetitions[1] = failure;
    let report = judged(&run, "");
    assert_eq!(report.judgement.value(&SINGLE.parse().unwrap(), None, &heap::PEAK).unwrap().samples.len(), 2);
    assert_eq!((report.verdict(), report.judgement.failures[0].failed), (Verdict::Fail, 1));
}

#[test]
fn scaled_down_evidence_is_shown_and_not_judged() {
    let mut run = healthy();
    let scaled = bench_core::evidence::Scaled { axis: "dim".into(), from: 128, to: 12 };
    for repetition in &mut only(&mut run, SINGLE).measurements[0].repetitions {
        repetition.evidence.as_mut().unwrap().scaled = Some(scaled.clone());
    }
    let report = judged(&run, &rule(SINGLE, "heap.peak", "max = \"1B\""));
    let value = report.judgement.value(&SINGLE.parse().unwrap(), None, &heap::PEAK).unwrap();
    assert!(value.scaled && value.verdict.is_none() && value.limit.is_none());
    assert_eq!(report.verdict(), Verdict::Pass);
}

#[test]
fn exact_numbers_that_disagree_are_noisy_and_not_repeatable() {
    let run = healthy();
    let report = judged(&run, "");
    let id = "vectors/concurrent{pool=threads,threads=4}".parse().unwrap();
    let value = report.judgement.value(&id, None, &heap::PEAK).unwrap();
    assert_eq!((value.class, value.repeatable, value.value), (Class::Noisy, false, 108_808.0));
    let blocks = report.judgement.value(&id, None, &heap::BLOCKS).unwrap();
    assert_eq!((blocks.class, blocks.repeatable), (Class::Exact, true));
    let rss = report.judgement.value(&id, None, &rss::PEAK).unwrap();
    assert_eq!((rss.class, rss.repeatable), (Class::Noisy, true));
    assert!(report.counts.not_repeatable > 0);
}

#[test]
fn an_allowance_turns_a_failure_into_a_warning_until_its_day_has_passed() {
    let rules = rule(SINGLE, "heap.peak", "max = \"511B\"");
    let allow = |until: &str, metric: &str| {
        format!(
            "{rules}[[allow]]\nid = \"{SINGLE}\"\nmetric = \"{metric}\"\nuntil = \"{until}\"\nreason = \"issue 1\"\n"
        )
    };
    for (until, metric, verdict, expired) in [
        ("2027-01-31", "heap.peak", Verdict::Warn, 0),
        ("2026-11-21", "heap.peak", Verdict::Warn, 0),
        ("2026-11-20", "heap.peak", Verdict::Fail, 1),
        ("2027-01-31", "rss.peak", Verdict::Fail, 0),
    ] {
        let run = healthy();
        let report = judged(&run, &allow(until, metric));
        assert_eq!(
            (report.verdict(), report.judgement.expired.len()),
            (verdict, expired),
            "{until} {metric}"
        );
        let value = report.judgement.value(&SINGLE.parse().unwrap(), None, &heap::PEAK).unwrap();
        let allowed = value.limit.as_ref().unwrap().allowed.is_some();
        assert_eq!(allowed, verdict == Verdict::Warn, "{until} {metric}");
    }
    let expired = judged(&healthy(), &allow("2026-11-20", "rss.peak")).judgement.expired;
    assert!(
        expired[0].starts_with("t.toml:7: the allowance for vectors/single_vector{dim=128} rss.peak"),
        "{expired:?}"
    );
}

#[test]
fn wrong_instruments_fail_the_run_and_are_said_once() {
    let run = sample::run();
    let report = judged(&run, "");
    let [fault] = &report.judgement.calibration[..] else { panic!("{:?}", report.judgement.calibration) };
    assert_eq!(
        (fault.what, fault.expected.as_str(), fault.recorded.as_str()),
        ("allocated bytes", "16,385", "16,384")
    );
    assert_eq!(report.judgement.calibration_checks, 15);
    assert!(report.headline().starts_with("the instruments are off: do not trust this run"));
}

/// A pass of nothing is no pass.
#[test]
fn a_run_in_which_nothing_could_be_measured_says_why() {
    let headline = |change: &dyn Fn(&mut Run)| {
        let mut run = healthy();
        change(&mut run);
        let report = judged(&run, "");
        (report.verdict(), report.judgement.nothing_measured.is_some(), report.headline())
    };
    let skip = |run: &mut Run, reason: &str| {
        for case in run.cases.iter_mut().filter(|case| !case.spec.has_tag("calibration")) {
            case.measurements.clear();
            case.spec.absent_modes = Mode::ALL.map(|mode| (mode, reason.to_string())).into();
        }
    };
    let (verdict, nothing, said) = headline(&|run| {
        run.cases[0].spec.tags.push("calibration".into());
        skip(run, "needs a server");
    });
    assert_eq!((verdict, nothing), (Verdict::Warn, true), "calibrations alone are no measurement");
    assert!(said.starts_with("nothing was measured (") && said.contains("needs a server)"), "{said}");
    let (verdict, nothing, said) = headline(&|run| run.cases.clear());
    assert_eq!(
        (verdict, nothing, said.as_str()),
        (Verdict::Warn, true, "nothing was measured (the run has no case)")
    );
    let (_, nothing, said) = headline(&|run| {
        skip(run, "needs a server");
        run.partial = Some("interrupted".into());
    });
    assert!(!nothing, "what was interrupted says so: {said}");
    let only_calibrations = |run: &mut Run| {
        run.cases.truncate(1);
        run.cases[0].spec.tags.push("calibration".into());
    };
    assert!(!headline(&only_calibrations).1, "asked for nothing else");
    assert_eq!(headline(&|_| ()).0, Verdict::Pass);
}

#[test]
fn what_somebody_should_look_at_warns() {
    let warned = |change: fn(&mut Run)| {
        let mut run = healthy();
        change(&mut run);
        let report = judged(&run, "");
        (
            report.verdict(),
            report.judgement.warnings.into_iter().map(|warning| warning.message).collect::<Vec<_>>(),
        )
    };
    assert_eq!(warned(|_| ()), (Verdict::Pass, vec![]));
    let (verdict, messages) = warned(|run| run.partial = Some("interrupted".into()));
    assert_eq!((verdict, messages), (Verdict::Warn, vec!["the run is not whole: interrupted".into()]));
    let (verdict, messages) = warned(|run| run.cases.clear());
    assert_eq!((verdict, messages), (Verdict::Warn, vec![]), "its headline says it");
    let (verdict, messages) =
        warned(|run| run.cases[0].measurements[0].repetitions[1].stdout = Some("hello\nworld".into()));
    assert_eq!((verdict, messages), (Verdict::Warn, vec!["printed to stdout in mode heap: hello".into()]));
    let (verdict, messages) = warned(|run| run.cases[0].measurements.clear());
    assert_eq!((verdict, messages), (Verdict::Warn, vec!["was not measured in any mode".into()]));
}

#[test]
fn what_is_no_number_is_absent() {
    let mut run = healthy();
    let time = only(&mut run, SINGLE).measurements[2].repetitions[0].evidence.as_mut().unwrap().time.as_mut();
    time.unwrap().median_ns = f64::NAN;
    let report = judged(&run, "");
    assert!(report.judgement.value(&SINGLE.parse().unwrap(), None, &time::MEDIAN).is_none());
    assert!(report.judgement.value(&SINGLE.parse().unwrap(), None, &time::MEAN).is_some());
}

#[test]
fn the_summary_has_one_entry_for_each_value_and_each_missing_metric() {
    let mut run = healthy();
    only(&mut run, SINGLE);
    let rules = rule(SINGLE, "heap.peak", "max = \"511B\"") + &rule(SINGLE, "heap.average", "max = \"1MB\"");
    let report = judged(&run, &rules);
    let json = summary_json(&report, "results/runs/x/run.json", "results/runs/x/index.html");
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["metrics", "report", "run", "verdict"]);
    assert_eq!((&json["run"], &json["verdict"]), (&"results/runs/x/run.json".into(), &"fail".into()));
    let metrics = json["metrics"].as_array().unwrap();
    assert_eq!(metrics.len(), report.judgement.values.len() + 1);
    let entry = |id: &str| metrics.iter().find(|entry| entry["metric"] == id).unwrap().clone();
    assert_eq!(
        entry("heap.peak"),
        serde_json::json!({
            "case": SINGLE, "mode": "heap", "phase": null, "metric": "heap.peak", "unit": "B",
            "value": 512.0, "class": "exact", "verdict": "fail", "limit": 511.0
        })
    );
    assert_eq!(entry("time.median")["verdict"], serde_json::Value::Null);
    assert_eq!(
        entry("heap.average"),
        serde_json::json!({
            "case": SINGLE, "mode": "heap", "phase": null, "metric": "heap.average", "unit": "B",
            "value": null, "class": null, "verdict": "fail", "limit": null
        })
    );
}
