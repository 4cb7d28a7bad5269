//! The findings of a run are one list: every reader of the report shows the same.

use std::collections::BTreeSet;

use bench_core::run::Run;
use report::compare::compare;
use report::export::{Format, export};
use report::{FindingKind, Report, Thresholds, Verdict, alike, judge, page};

use crate::sample;
use crate::sample::before::before;

/// The sample against the run before it, of which one condition is unknown and one differs.
fn report(run: &Run) -> Report<'_> {
    let thresholds = Thresholds::parse(sample::THRESHOLDS, "results/thresholds.toml").unwrap();
    let mut old = before();
    old.host.facts.remove("libc");
    old.host.facts.insert("page_bytes".into(), "16384".into());
    let comparison = compare("main", &old, run, &thresholds, sample::TODAY);
    Report::new(run, judge(run, &thresholds, sample::TODAY), Some(comparison), None)
}

#[test]
fn page_and_exports_show_every_finding() {
    let run = sample::run();
    let report = report(&run);
    let kinds: BTreeSet<FindingKind> = report.findings.iter().map(|finding| finding.kind).collect();
    assert!(kinds.len() >= 7, "the sample has findings of many kinds: {kinds:?}");
    let (page, junit) = (page(&report).unwrap(), export(Format::JUnit, &report));
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    for (finding, _) in alike(&report.findings) {
        assert!(page.contains(&escaped(&finding.text).replace('\'', "&#39;")), "{finding:?}");
        // What warns and belongs to no case is no test.
        let is_shown = finding.verdict == Verdict::Fail || finding.case.is_some();
        let has_test = run.cases.iter().any(|case| Some(&case.spec.id) == finding.case.as_ref());
        if is_shown && (has_test || finding.verdict == Verdict::Fail) {
            assert!(junit.contains(&escaped(&finding.text)), "{finding:?} is not in {junit}");
        }
    }
    let rows = export(Format::Markdown, &report);
    let rows = rows.lines().filter(|row| row.starts_with("| fail |") || row.starts_with("| warn |"));
    assert_eq!(rows.count(), report.findings.len());
}

#[test]
fn verdict_and_counts_come_from_the_findings() {
    let run = sample::run();
    let report = report(&run);
    assert_eq!(report.verdict(), Verdict::Fail);
    assert!(report.findings.is_sorted_by(|a, b| a.verdict >= b.verdict), "the gravest first");
    for verdict in [Verdict::Warn, Verdict::Fail] {
        let broken = [FindingKind::Limit, FindingKind::Missing].map(|kind| report.count(kind, verdict));
        let counted = if verdict == Verdict::Warn { report.counts.warn } else { report.counts.fail };
        assert_eq!(broken.iter().sum::<usize>(), counted);
    }
    for finding in report.findings.iter().filter(|finding| finding.case.is_some()) {
        assert!(report.case_verdict(finding.case.as_ref().unwrap()) >= Some(finding.verdict));
    }
}

#[test]
fn what_is_said_of_several_cases_stands_once() {
    let run = sample::run();
    let report = report(&run);
    let groups = alike(&report.findings);
    let all: usize = groups.iter().map(|(_, others)| 1 + others.len()).sum();
    assert_eq!(all, report.findings.len());
    let incomparable = groups.iter().filter(|(finding, _)| finding.kind == FindingKind::Incomparable);
    assert!(incomparable.clone().count() < report.count(FindingKind::Incomparable, Verdict::Warn));
}
