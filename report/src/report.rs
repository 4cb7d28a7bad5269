//! The report: a run and everything that is said of it. Page, exports, summary and terminal are made from it
//! alone.

use std::collections::HashSet;

use bench_core::case::CaseId;
use bench_core::run::{CaseRecord, Run};

use crate::compare::Comparison;
use crate::findings::{Finding, FindingKind, findings};
use crate::judge::judgement::Judgement;
use crate::snapshot::SnapshotCheck;
use crate::text::plural;
use crate::values::history::History;
use crate::verdict::Verdict;

/// A run, what its limits say, what it was compared with, and what is wrong.
pub struct Report<'a> {
    /// The run.
    pub run: &'a Run,
    /// What the limits say.
    pub judgement: Judgement,
    /// What is said against a baseline, if the run was compared with one.
    pub comparison: Option<Comparison>,
    /// What is said against a snapshot, if the run was held against one.
    pub snapshot: Option<SnapshotCheck>,
    /// What the numbers were in the stored runs before, if they were looked at.
    pub history: Option<History>,
    /// Everything that is no pass: the gravest verdict first.
    pub findings: Vec<Finding>,
    /// How many there were of what.
    pub counts: Counts,
}

/// How many there were of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cases in the run.
    pub cases: usize,
    /// Cases with evidence in at least one mode.
    pub measured: usize,
    /// Cases with a repetition that failed.
    pub failed_cases: usize,
    /// Limits that were judged: the three below together.
    pub limits: usize,
    /// Limits that were kept.
    pub pass: usize,
    /// Limits that were broken as a warning.
    pub warn: usize,
    /// Limits that were broken, and metrics that a rule misses.
    pub fail: usize,
    /// Exact metrics whose repetitions disagree.
    pub not_repeatable: usize,
}

impl<'a> Report<'a> {
    /// The report on a run.
    pub fn new(
        run: &'a Run,
        judgement: Judgement,
        comparison: Option<Comparison>,
        history: Option<History>,
    ) -> Report<'a> {
        let findings = findings(&run.failed_suites, &judgement, comparison.as_ref(), None);
        let counts = counts(run, &judgement, &findings);
        Report { run, judgement, comparison, snapshot: None, history, findings, counts }
    }

    /// The same report, of a run that was held against a snapshot, too.
    pub fn with_snapshot(self, snapshot: Option<SnapshotCheck>) -> Report<'a> {
        let failed_suites = &self.run.failed_suites;
        let comparison = self.comparison.as_ref();
        let findings = findings(failed_suites, &self.judgement, comparison, snapshot.as_ref());
        Report { snapshot, findings, ..self }
    }

    /// The most severe verdict of all findings.
    pub fn verdict(&self) -> Verdict {
        self.findings.iter().map(|finding| finding.verdict).max().unwrap_or_default()
    }

    /// The most severe verdict on one case; `None` when nothing of it was judged.
    pub fn case_verdict(&self, case: &CaseId) -> Option<Verdict> {
        let findings = self.findings.iter().filter(|finding| finding.case.as_ref() == Some(case));
        let judged =
            || self.judgement.values.iter().any(|value| value.case == *case && value.limit.is_some());
        let compared = || self.comparison.as_ref().is_some_and(|comparison| comparison.has_judged(case));
        let found = findings.map(|finding| finding.verdict).max();
        found.or_else(|| (judged() || compared()).then_some(Verdict::Pass))
    }

    /// How many findings there are of a kind and a verdict.
    pub fn count(&self, kind: FindingKind, verdict: Verdict) -> usize {
        count(&self.findings, &[kind], verdict)
    }

    /// The run in one sentence: `2 of 96 limits broken, 1 of 41 cases failed`. Warnings are named only if
    /// nothing is worse.
    pub fn headline(&self) -> String {
        let counts = &self.counts;
        let limits = plural(counts.limits, "limit");
        let compared = self.comparison.as_ref().map(|comparison| comparison.verdict);
        let against = self.comparison.as_ref().map(Comparison::headline).unwrap_or_default();
        let snapshot = self.snapshot.as_ref().map(SnapshotCheck::verdict);
        let of_snapshot = self.snapshot.as_ref().map(SnapshotCheck::headline).unwrap_or_default();
        let miscounts = self.count(FindingKind::Miscount, Verdict::Fail);
        let expired = self.count(FindingKind::Expired, Verdict::Fail);
        let warnings = self.count(FindingKind::Warning, Verdict::Warn);
        let failures = [
            (miscounts > 0, "the instruments are off: do not trust this run".to_string()),
            (
                !self.run.failed_suites.is_empty(),
                format!("the suites of {} failed", plural(self.run.failed_suites.len(), "package")),
            ),
            (
                counts.failed_cases > 0,
                format!("{} of {} failed", counts.failed_cases, plural(counts.cases, "case")),
            ),
            (counts.fail > 0, format!("{} of {limits} broken", counts.fail)),
            (expired > 0, format!("{} expired", plural(expired, "allowance"))),
            (compared == Some(Verdict::Fail), against.clone()),
            (snapshot == Some(Verdict::Fail), of_snapshot.clone()),
        ];
        let nothing = self.judgement.nothing_measured.as_ref();
        let nothing = nothing.map(|reason| format!("nothing was measured ({reason})"));
        let warnings = [
            (nothing.is_some(), nothing.clone().unwrap_or_default()),
            (counts.warn > 0, format!("{} of {limits} broken as a warning", counts.warn)),
            (warnings > 0, format!("{} to look at", plural(warnings, "thing"))),
            (compared == Some(Verdict::Warn), against.clone()),
            (snapshot == Some(Verdict::Warn), of_snapshot.clone()),
        ];
        let said = |parts: &[(bool, String)]| {
            let holding = parts.iter().filter(|(holds, _)| *holds).map(|(_, text)| text.as_str());
            holding.collect::<Vec<_>>().join(", ")
        };
        match (said(&failures), said(&warnings)) {
            (failures, _) if !failures.is_empty() => {
                [failures].into_iter().chain(nothing).collect::<Vec<_>>().join(", ")
            }
            (_, warnings) if !warnings.is_empty() => warnings,
            _ => {
                let measured = plural(counts.measured, "case");
                let judged = counts.limits > 0;
                let kept = match judged {
                    true => format!("all {limits} kept by {measured}"),
                    false => format!("{measured} measured, no limit judged"),
                };
                let others = [(judged && compared.is_some(), against), (snapshot.is_some(), of_snapshot)];
                let others = others.into_iter().filter(|(holds, _)| *holds).map(|(_, text)| text);
                [kept].into_iter().chain(others).collect::<Vec<_>>().join("; ")
            }
        }
    }
}

fn counts(run: &Run, judgement: &Judgement, findings: &[Finding]) -> Counts {
    let kept = judgement.values.iter().filter(|value| value.verdict == Some(Verdict::Pass)).count();
    let broken = |verdict| count(findings, &[FindingKind::Limit, FindingKind::Missing], verdict);
    let (warn, fail) = (broken(Verdict::Warn), broken(Verdict::Fail));
    let failed = findings.iter().filter(|finding| finding.kind == FindingKind::Failed);
    let failed: HashSet<&CaseId> = failed.filter_map(|finding| finding.case.as_ref()).collect();
    let has_failed = |case: &&CaseRecord| failed.contains(&case.spec.id);
    let is_measured = |case: &&CaseRecord| case.is_measured();
    Counts {
        cases: run.cases.len(),
        measured: run.cases.iter().filter(is_measured).count(),
        failed_cases: run.cases.iter().filter(has_failed).count(),
        limits: kept + warn + fail,
        pass: kept,
        warn,
        fail,
        not_repeatable: judgement.values.iter().filter(|value| !value.repeatable).count(),
    }
}

fn count(findings: &[Finding], kinds: &[FindingKind], verdict: Verdict) -> usize {
    findings.iter().filter(|finding| kinds.contains(&finding.kind) && finding.verdict == verdict).count()
}
