//! Everything that is no pass, in one line each: what the exports say of a run.

use bench_core::case::CaseId;

use crate::compare::Change;
use crate::judge::judgement::Judgement;
use crate::quantity::human;
use crate::verdict::Verdict;

/// Something that is no pass.
pub(super) struct Wrong {
    pub verdict: Verdict,
    pub case: Option<CaseId>,
    pub text: String,
}

/// Everything that is no pass, the failures first.
pub(super) fn wrongs(judgement: &Judgement) -> Vec<Wrong> {
    let mut found = Vec::new();
    let mut add = |verdict, case: Option<&CaseId>, text| {
        found.push(Wrong { verdict, case: case.cloned(), text });
    };
    for fault in &judgement.calibration {
        let text = format!(
            "the instruments are off: phase {}: {} expected {}, recorded {}",
            fault.phase, fault.what, fault.expected, fault.recorded
        );
        add(Verdict::Fail, Some(&fault.case), text);
    }
    for failure in &judgement.failures {
        let text = format!("{} in mode {}: {}", failure.kind, failure.mode, failure.reason);
        add(Verdict::Fail, Some(&failure.case), text);
    }
    for missing in &judgement.missing {
        add(
            missing.verdict,
            Some(&missing.case),
            format!("{} is absent: {}", missing.metric, missing.reason),
        );
    }
    for value in judgement.values.iter().filter(|value| value.verdict > Some(Verdict::Pass)) {
        let Some((verdict, limit)) = value.verdict.zip(value.limit.as_ref()) else { continue };
        let unit = value.metric.unit;
        let text = format!(
            "{}{} is {}, {} {} ({})",
            value.metric.id,
            in_phase(value.phase.as_deref()),
            human(value.value, unit),
            limit.side.word(),
            human(limit.value, unit),
            limit.place
        );
        add(verdict, Some(&value.case), text);
    }
    for message in &judgement.expired {
        add(Verdict::Fail, None, message.clone());
    }
    for warning in &judgement.warnings {
        add(Verdict::Warn, warning.case.as_ref(), warning.message.clone());
    }
    if let Some(comparison) = &judgement.comparison {
        for change in comparison.changes.iter().filter(|change| change.verdict > Verdict::Pass) {
            add(change.verdict, Some(&change.case), said_of(change));
        }
        // What failed is said above.
        let failed = |case: &CaseId| judgement.failures.iter().any(|failure| failure.case == *case);
        for case in comparison.cases.iter().filter(|case| case.verdict > Verdict::Pass && !failed(&case.case))
        {
            add(case.verdict, Some(&case.case), case.state.text());
        }
    }
    found.sort_by_key(|wrong| std::cmp::Reverse(wrong.verdict));
    found
}

fn said_of(change: &Change) -> String {
    let unit = change.metric.unit;
    let shown = |value: Option<f64>| value.map_or("nothing".into(), |value| human(value, unit));
    let share = change.share().map(|share| format!(" ({:+.2} %)", share * 100.0)).unwrap_or_default();
    let reason = change.reason().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!(
        "{}{} from {} to {}{share}, {}{reason}",
        change.metric.id,
        in_phase(change.phase.as_deref()),
        shown(change.old),
        shown(change.new),
        change.outcome.word()
    )
}

fn in_phase(phase: Option<&str>) -> String {
    phase.map(|phase| format!(" in phase {phase}")).unwrap_or_default()
}
