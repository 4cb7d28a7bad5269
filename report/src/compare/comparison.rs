//! What is said of a run against a baseline, as a whole.

use std::collections::BTreeMap;

use bench_core::case::CaseId;
use bench_core::evidence::Evidence;

use super::cases::CaseChange;
use super::change::{Change, Outcome};
use super::sites::SitesDifference;
use crate::values::conditions::Difference;
use crate::verdict::Verdict;

/// All that is said of a run against a baseline.
#[derive(Clone)]
pub struct Comparison {
    /// What the baseline is called: a name, or the id of a run.
    pub baseline: String,
    /// The id of the run that the baseline is.
    pub old_run: String,
    /// The id of the new run.
    pub new_run: String,
    /// The worst of everything below.
    pub verdict: Verdict,
    /// Every metric that both runs, or one of them, have: in the order of the new run's cases, then those
    /// that are gone.
    pub changes: Vec<Change>,
    /// Cases that one of the runs lacks, or that failed.
    pub cases: Vec<CaseChange>,
    /// What differs between the runs and does not forbid a comparison: host, compiler, facts that one of them
    /// lacks.
    pub notes: Vec<Difference>,
    /// The call sites that explain a change, for cases that changed and were seen in mode `sites` in both
    /// runs.
    pub sites: BTreeMap<CaseId, SitesDifference>,
    /// Why there are none, for the other cases that got worse in bytes.
    pub unexplained: BTreeMap<CaseId, String>,
    /// What the baseline saw over time, for cases that may be compared.
    pub timelines: BTreeMap<CaseId, Evidence>,
}

impl Comparison {
    /// How many changes a gate held against the baseline, whatever came of it.
    pub fn judged(&self) -> usize {
        self.changes.iter().filter(|change| change.gate.is_some()).count()
    }

    /// How many changes have this outcome's word and are judged.
    pub fn count(&self, word: &str) -> usize {
        self.changes.iter().filter(|change| change.gate.is_some() && change.outcome.word() == word).count()
    }

    /// Whether something that is judged could not be decided: incomparable, inconclusive or unconfirmed.
    pub fn is_undecided(&self) -> bool {
        ["incomparable", "inconclusive", "unconfirmed"].iter().any(|word| self.count(word) > 0)
            || self.notes.iter().any(Difference::is_unknown)
    }

    /// Whether anything of this case was held against the baseline.
    pub fn has_judged(&self, case: &CaseId) -> bool {
        let of_changes = self.changes.iter().any(|change| change.case == *case && change.gate.is_some());
        of_changes || self.cases.iter().any(|change| change.case == *case)
    }

    /// Whether the two runs have not one case in common.
    pub fn is_empty(&self) -> bool {
        self.changes.iter().all(|change| change.old.is_none() || change.new.is_none())
    }

    /// The comparison in one sentence.
    pub fn headline(&self) -> String {
        let failed = self.changes.iter().filter(|change| change.verdict == Verdict::Fail).count();
        let is_incomparable = |change: &Change| matches!(change.outcome, Outcome::Incomparable(_));
        let warned = self.changes.iter().filter(|change| change.verdict == Verdict::Warn);
        let warned = warned.filter(|change| !is_incomparable(change)).count();
        let broken_cases = self.cases.iter().filter(|case| case.verdict == Verdict::Fail).count();
        let parts = [
            (failed, "worse than allowed"),
            (
                broken_cases,
                if broken_cases == 1 { "case missing or failed" } else { "cases missing or failed" },
            ),
            (warned, "to look at"),
            (self.count("better"), "better"),
            (self.count("incomparable"), "incomparable"),
            (self.count("inconclusive"), "inconclusive"),
        ];
        let said: Vec<String> =
            parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        let rest = if said.is_empty() { "nothing is worse".into() } else { said.join(", ") };
        format!("against {}, {} numbers judged: {rest}", self.baseline, self.judged())
    }

    pub(super) fn settle(&mut self) {
        let changes = self.changes.iter().map(|change| change.verdict);
        let cases = self.cases.iter().map(|case| case.verdict);
        let unknown = self.notes.iter().filter(|note| note.is_unknown()).map(|_| Verdict::Warn);
        self.verdict = changes.chain(cases).chain(unknown).max().unwrap_or_default();
    }
}
