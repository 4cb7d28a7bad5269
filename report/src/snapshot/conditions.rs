//! On what a snapshot was measured: which conditions its file keeps, and which of them forbid to judge.

use std::collections::BTreeMap;

use bench_core::case::Mode;
use bench_core::run::{CaseRecord, Run, Weight};

use crate::values::conditions::{Difference, Facts, case_facts, run_facts};

/// Kept to name a likely cause, though they forbid nothing.
const LIKELY_CAUSES: [&str; 2] = ["libc", "rustc"];

/// What exact numbers hang on here, and noisy ones alone in a comparison: resident pages are part of
/// `memory.*`.
const ALSO: &str = "page_bytes";

/// What is kept of a run: what every number hangs on, and likely causes.
pub(super) fn of_run(run: &Run) -> Facts {
    let kept = run_facts(run).into_iter().filter_map(|(name, (weight, value))| {
        let weight = if name == ALSO { Weight::Every } else { weight };
        let is_kept = weight == Weight::Every || LIKELY_CAUSES.contains(&name.as_str());
        is_kept.then_some((name, (weight, value)))
    });
    kept.collect()
}

/// What is kept of a case: inputs, versions, allocator. The same in all modes.
pub(super) fn of_case(case: &CaseRecord, run: &Run) -> Facts {
    let mut facts = Mode::ALL.iter().find_map(|mode| case_facts(case, *mode, run)).unwrap_or_default();
    // What ran scaled down is neither judged nor kept.
    facts.remove("scaled to");
    facts.remove("quick");
    facts
}

/// The facts as the file has them.
pub(super) fn texts(facts: Facts) -> BTreeMap<String, String> {
    facts.into_iter().map(|(name, (_, value))| (name, value)).collect()
}

/// What both know and in which they differ.
pub(super) fn differences(file: &BTreeMap<String, String>, now: Facts) -> Vec<Difference> {
    let differing = now.into_iter().filter_map(|(key, (weight, new))| {
        let old = file.get(&key).filter(|old| **old != new)?.clone();
        Some(Difference { key, weight, old: Some(old), new: Some(new) })
    });
    differing.collect()
}

/// Those that forbid to judge; otherwise those that are likely causes.
pub(super) fn of_weight(differences: &[Difference], forbidding: bool) -> Vec<String> {
    let chosen = differences.iter().filter(|difference| (difference.weight == Weight::Every) == forbidding);
    chosen.map(Difference::to_string).collect()
}
