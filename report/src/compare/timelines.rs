//! What the baseline saw over time of the cases that may be compared, to be laid under what the new run saw.

use std::collections::{BTreeMap, BTreeSet};

use bench_core::case::{CaseId, Mode};
use bench_core::evidence::Evidence;
use bench_core::run::{CaseRecord, Measurement, Run};

use super::change::{Change, Outcome};
use crate::values::key::canonical;

/// The baseline's evidence with the highest peak, as the page shows it of the new run, by the new run's ids.
pub(super) fn timelines(old: &Run, new: &Run, changes: &[Change]) -> BTreeMap<CaseId, Evidence> {
    let olds: BTreeMap<CaseId, &CaseRecord> =
        old.cases.iter().map(|case| (canonical(&case.spec.id), case)).collect();
    let comparable: BTreeSet<&CaseId> = changes
        .iter()
        .filter(|change| change.mode == Mode::Heap && change.old.is_some() && change.new.is_some())
        .filter(|change| !matches!(change.outcome, Outcome::Incomparable(_)))
        .map(|change| &change.case)
        .collect();
    let ids = new.cases.iter().map(|case| &case.spec.id).filter(|id| comparable.contains(id));
    let found = ids.filter_map(|id| {
        let shown = olds.get(&canonical(id))?.measurement(Mode::Heap).and_then(Measurement::highest);
        let (_, evidence) = shown.filter(|(_, evidence)| evidence.timeline.is_some())?;
        Some((id.clone(), evidence.clone()))
    });
    found.collect()
}
