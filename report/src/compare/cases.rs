//! Cases that only one of two runs has, or that failed: a failure is no missing number, and never a zero.

use std::collections::BTreeSet;

use bench_core::case::CaseId;
use bench_core::run::{CaseRecord, Run};

use crate::values::key::canonical;
use crate::verdict::Verdict;

/// A case whose numbers cannot be compared as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseChange {
    /// The case.
    pub case: CaseId,
    /// What became of it.
    pub state: CaseState,
    /// What a gate makes of it.
    pub verdict: Verdict,
}

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseState {
    /// The baseline does not have it.
    New,
    /// The baseline has it, but it failed there: there is nothing to compare with.
    FailedBefore,
    /// It failed in the new run: how and why.
    Failed(String),
    /// The new run should have it and does not.
    Missing,
    /// The new run does not have it, and does not say whether it was asked for.
    PerhapsLeftOut,
}

impl CaseState {
    /// The state in words.
    pub fn text(&self) -> String {
        match self {
            CaseState::New => "new: the baseline does not have it".into(),
            CaseState::FailedBefore => "failed in the baseline: nothing to compare with".into(),
            CaseState::Failed(reason) => format!("failed: {reason}"),
            CaseState::Missing => "missing: the baseline has it, and this run was asked for it".into(),
            CaseState::PerhapsLeftOut => {
                "not in this run, which does not say whether it was asked for it".into()
            }
        }
    }
}

/// All such cases: the new run's in its order, then those that only the baseline has.
pub(super) fn cases(old: &Run, new: &Run) -> Vec<CaseChange> {
    let before: BTreeSet<CaseId> = old.cases.iter().filter(|case| case.is_measured()).map(id).collect();
    let tried_before: BTreeSet<CaseId> = old.cases.iter().map(id).collect();
    let mut found = Vec::new();
    for case in &new.cases {
        let failure = case.measurements.iter().find_map(|measurement| {
            let failure = measurement.failures().next()?;
            Some(format!("{} in mode {}: {}", failure.kind, measurement.mode, failure.reason))
        });
        let state = match failure {
            Some(reason) => Some((CaseState::Failed(reason), Verdict::Fail)),
            None if before.contains(&id(case)) || !case.is_measured() => None,
            None if tried_before.contains(&id(case)) => Some((CaseState::FailedBefore, Verdict::Pass)),
            None => Some((CaseState::New, Verdict::Pass)),
        };
        found.extend(state.map(|(state, verdict)| change(case, state, verdict)));
    }
    let measured: BTreeSet<CaseId> = new.cases.iter().map(id).collect();
    let left_out =
        new.settings.left_out.as_ref().map(|ids| ids.iter().map(canonical).collect::<BTreeSet<_>>());
    for case in old.cases.iter().filter(|case| before.contains(&id(case)) && !measured.contains(&id(case))) {
        let (state, verdict) = match &left_out {
            Some(ids) if ids.contains(&id(case)) => continue,
            Some(_) => (CaseState::Missing, Verdict::Fail),
            None => (CaseState::PerhapsLeftOut, Verdict::Warn),
        };
        found.push(change(case, state, verdict));
    }
    found
}

fn change(case: &CaseRecord, state: CaseState, verdict: Verdict) -> CaseChange {
    CaseChange { case: case.spec.id.clone(), state, verdict }
}

fn id(case: &CaseRecord) -> CaseId {
    canonical(&case.spec.id)
}
