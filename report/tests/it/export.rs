//! The exports: their shapes, held against what the consumers document, and what a malicious run cannot do in
//! them.

use bench_core::run::Run;
use report::compare::compare;
use report::export::{Format, export, trend};
use report::{Report, Thresholds, judge};
use serde_json::Value;

use crate::sample;

const SINGLE: &str = "vectors/single_vector{dim=128}";

fn judged(run: &Run) -> Report<'_> {
    let thresholds = Thresholds::parse(sample::THRESHOLDS, "results/thresholds.toml").unwrap();
    Report::new(run, judge(run, &thresholds, sample::TODAY), None, None)
}

fn exported(format: Format, run: &Run) -> String {
    export(format, &judged(run))
}

/// The sample, compared with one in which a case took less and its call sites were others.
fn compared(format: Format) -> (String, usize) {
    let (mut old, new) = (sample::run(), sample::run());
    for case in old.cases.iter_mut().filter(|case| case.spec.id.to_string() == SINGLE) {
        for repetition in case.measurements.iter_mut().flat_map(|measurement| &mut measurement.repetitions) {
            let evidence = repetition.evidence.as_mut().unwrap();
            for heap in evidence.phases.iter_mut().filter_map(|phase| phase.heap.as_mut()) {
                heap.allocated_blocks -= 1;
            }
            for site in evidence.sites.iter_mut().flat_map(|summary| &mut summary.sites) {
                site.total_bytes += 40;
            }
        }
    }
    let thresholds = Thresholds::parse(sample::THRESHOLDS, "results/thresholds.toml").unwrap();
    let comparison = compare("main", &old, &new, &thresholds, sample::TODAY);
    let report = Report::new(&new, judged(&new).judgement, Some(comparison), None);
    (export(format, &report), report.judgement.values.len())
}

/// The JSON schema of Bencher Metric Format: names of at most 1,024 characters, slugs as measures, finite
/// numbers.
#[test]
fn bencher_gets_each_metric_with_its_range() {
    let text = exported(Format::Bencher, &steady(10));
    let cases: Value = serde_json::from_str(&text).unwrap();
    let peak = &cases["vectors/concurrent{pool=threads,threads=4}"]["heap-peak"];
    assert_eq!(
        (&peak["lower_value"], &peak["value"], &peak["upper_value"]),
        (&104_712.0.into(), &108_808.0.into(), &112_904.0.into())
    );
    for (case, metrics) in cases.as_object().unwrap() {
        assert!(case.len() <= 1024);
        for (measure, metric) in metrics.as_object().unwrap() {
            assert!(measure.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{measure}");
            let number = |key: &str| metric[key].as_f64().unwrap();
            assert!(number("lower_value") <= number("value") && number("value") <= number("upper_value"));
            assert_eq!(metric.as_object().unwrap().len(), 3);
        }
    }
}

#[test]
fn smaller_is_better_has_only_what_is() {
    let text = exported(Format::SmallerIsBetter, &sample::run());
    let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
    let named = |name: &str| entries.iter().find(|entry| entry["name"] == name);
    let peak = named("vectors/single_vector{dim=128} heap.peak").unwrap();
    assert_eq!(
        (&peak["unit"], &peak["value"], &peak["range"]),
        (&"B".into(), &512.0.into(), &"512 to 512".into())
    );
    assert!(peak["extra"].as_str().unwrap().ends_with("; 3 repetitions"));
    assert!(entries.iter().all(|entry| !entry["name"].as_str().unwrap().contains("per_second")));
}

/// The sample with so many repetitions in mode heap, of which each goes on like the three that it has.
fn steady(repetitions: usize) -> Run {
    let mut run = sample::run();
    let heap = |case: &bench_core::run::CaseRecord| {
        case.measurements.first().is_some_and(|m| m.repetitions.len() == 3)
    };
    for case in run.cases.iter_mut().filter(|case| heap(case)) {
        let cycle = case.measurements[0].repetitions.clone();
        case.measurements[0].repetitions = cycle.into_iter().cycle().take(repetitions).collect();
    }
    run
}

/// A consumer with one threshold gets no number of which our own gate knows that it says nothing.
#[test]
fn a_fixed_threshold_gets_nothing_that_two_runs_of_one_build_differ_in() {
    for format in [Format::Bencher, Format::SmallerIsBetter] {
        let (run, few) = (steady(10), steady(9));
        let (judgement, few) = (judged(&run), judged(&few));
        let ids = |judgement: &Report| -> Vec<&'static str> {
            trend(format, judgement).unwrap().values.iter().map(|value| value.metric.id).collect()
        };
        let kept = ids(&judgement);
        for id in ["heap.peak", "heap.live", "heap.blocks", "rss.peak"] {
            assert!(kept.contains(&id), "{id}");
        }
        for id in kept {
            let is_noise = ["time.", "leak.", "rss.delta", "heap.transient", "heap.amplification"];
            assert!(
                !is_noise.iter().any(|noise| id.starts_with(noise)) && !id.ends_with("per_second"),
                "{id}"
            );
        }
        assert!(trend(format, &judgement).unwrap().values.iter().all(|value| value.value > 0.0));
        assert!(!ids(&few).contains(&"rss.peak") && ids(&few).contains(&"heap.blocks"));
        let said = trend(format, &few).unwrap().left_out_text();
        assert!(said.contains("noisy and of fewer than 10 repetitions (--repetitions 10)"), "{said}");
        assert!(said.contains("of wall time, growth rates or ratios to what stays"), "{said}");
    }
    assert!(trend(Format::Csv, &judged(&sample::run())).is_none(), "a table holds every number");
}

/// Peak RSS that jumps between 8 and 16 MiB is no number for a threshold of 200 %, however many repetitions
/// there are.
#[test]
fn a_fixed_threshold_gets_nothing_that_spreads() {
    let mut run = steady(10);
    for case in &mut run.cases {
        for (index, repetition) in case.measurements.iter_mut().flat_map(|m| &mut m.repetitions).enumerate() {
            let phases = repetition.evidence.iter_mut().flat_map(|evidence| &mut evidence.phases);
            for process in phases.filter_map(|phase| phase.process.as_mut()) {
                process.peak_rss_bytes = Some((8 << 20) << (index % 2));
            }
        }
    }
    let judgement = judged(&run);
    let trend = trend(Format::SmallerIsBetter, &judgement).unwrap();
    assert!(trend.values.iter().all(|value| value.metric.id != "rss.peak"));
    assert!(trend.left_out_text().contains("that spread by more than 5 %"), "{}", trend.left_out_text());
}

#[test]
fn junit_is_xml_with_a_test_for_each_case() {
    let (text, _) = compared(Format::JUnit);
    let document = roxmltree::Document::parse(&text).unwrap();
    let named = |name: &'static str| document.descendants().filter(move |node| node.has_tag_name(name));
    assert_eq!(document.root_element().tag_name().name(), "testsuites");
    let tests = named("testcase").count();
    assert!(tests >= sample::run().cases.len(), "{tests}");
    for suite in named("testsuite") {
        let count = |name: &str| {
            suite
                .children()
                .filter(|test| test.children().any(|node| node.has_tag_name(name)))
                .count()
                .to_string()
        };
        assert_eq!(suite.attribute("failures"), Some(count("failure").as_str()));
        assert_eq!(suite.attribute("skipped"), Some(count("skipped").as_str()));
    }
    let failure = |name: &str| {
        let test = named("testcase").find(|test| test.attribute("name") == Some(name)).unwrap();
        test.children().find(|node| node.has_tag_name("failure"))
    };
    let crashed = failure("ingest/batch{documents=10}").unwrap();
    let said = "mode heap: crashed: exit code 101";
    assert!(crashed.attribute("message").unwrap().contains(said));
    assert!(crashed.text().unwrap().contains(said), "GitLab shows the body only");
    assert!(failure(SINGLE).unwrap().text().unwrap().contains("heap.blocks: went from 0 to 1 (+1), worse"));
    assert!(failure("search/dense{engine=flat,threads=2}").is_none());
    assert!(
        failure("the run as a whole").unwrap().text().unwrap().contains("the allowance for ingest/batch")
    );
}

#[test]
fn a_summary_says_what_is_wrong_what_changed_and_why() {
    let (text, _) = compared(Format::Markdown);
    assert!(text.starts_with("## Memory benchmarks: FAIL\n"), "{text}");
    for part in [
        "| fail | `ingest/batch{documents=10}` | case failed: mode heap: crashed: exit code 101 (3 of 3 processes) |",
        "### What changed against main",
        "| `vectors/single_vector{dim=128}` | heap.blocks | 0 | 1 | +1 |  | worse |",
        "### Call sites that changed",
        "| `vectors/single_vector{dim=128}` | 0 B | -40 B | `bench_vectors::work::step_0 bench-vectors/src/work.rs:20` |",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn a_summary_of_many_failures_is_folded_and_bounded() {
    let mut run = sample::run();
    let crashed = run.cases.iter().find(|case| case.spec.id.workload == "batch").unwrap().clone();
    for number in 0..20_000 {
        let mut case = crashed.clone();
        case.spec.id =
            format!("ingest/batch{{documents={number},padding={}}}", "x".repeat(60)).parse().unwrap();
        run.cases.push(case);
    }
    let text = exported(Format::Markdown, &run);
    assert!(text.len() <= 1 << 20, "{}", text.len());
    let open = text.split("<details>").next().unwrap();
    assert_eq!(open.matches("\n| fail |").count(), 20);
    assert!(text.contains("more do not fit into a summary; the page has them"));
}

#[test]
fn csv_has_a_row_for_each_number() {
    let (text, values) = compared(Format::Csv);
    let rows: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(rows.len(), values + 1);
    let blocks = "vectors/single_vector{dim=128},,heap,heap.blocks,count,exact,3,1,,,0,worse";
    assert!(
        rows.contains(&blocks),
        "{:?}",
        rows.iter().find(|row| row.contains("dim=128},,heap,heap.blocks"))
    );
    let quoted =
        "\"vectors/fragmentation{allocator=system,pattern=scaled}\",free,heap,heap.peak,B,exact,3,5242880,,,";
    assert!(rows.iter().any(|row| row.starts_with(quoted)), "a comma in an id");
}

#[test]
fn nothing_that_a_run_holds_becomes_markup() {
    const EVIL: &str = "<script>alert(1)</script>\0\u{1b}[31m]]>|`]\n# title @everyone";
    let mut run = sample::run();
    run.id = EVIL.into();
    run.command = EVIL.into();
    for repetition in
        run.cases.iter_mut().flat_map(|case| &mut case.measurements).flat_map(|m| &mut m.repetitions)
    {
        if let Some(failure) = &mut repetition.failure {
            failure.reason = EVIL.into();
        }
    }
    let xml = exported(Format::JUnit, &run);
    let document = roxmltree::Document::parse(&xml).expect("well-formed whatever the run holds");
    assert!(!document.descendants().any(|node| node.has_tag_name("script")));
    let markdown = exported(Format::Markdown, &run);
    assert!(!markdown.contains("\n# title") && !markdown.contains("| <script>"), "{markdown}");
    for format in [Format::Bencher, Format::SmallerIsBetter] {
        serde_json::from_str::<Value>(&exported(format, &run)).unwrap();
    }
}
