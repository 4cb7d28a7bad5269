//! A snapshot taken over from a run: only what moved beyond the tolerance is written anew.

use anyhow::{Result, bail, ensure};
use bench_core::case::CaseId;
use bench_core::run::Run;

use super::judge::{exact_numbers, is_asked_for, is_scaled, whole_values};
use super::{Snapshot, SnapshotCase, SnapshotNumber, conditions};
use crate::text::plural;
use crate::values::Value;

/// What an update made of a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotUpdate {
    /// The new snapshot.
    pub snapshot: Snapshot,
    /// Numbers that moved beyond the tolerance.
    pub moved: usize,
    /// Numbers that are new, in new cases and in old ones.
    pub added: usize,
    /// Numbers that are gone.
    pub removed: usize,
    /// Whether the file is to be written: a number, or what a case was measured with, is another.
    pub is_change: bool,
}

impl SnapshotUpdate {
    /// What was done, in one sentence: `2 numbers moved, 1 added, none removed`.
    pub fn headline(&self) -> String {
        if !self.is_change {
            return "nothing moved".into();
        }
        format!("{} moved, {} added, {} removed", plural(self.moved, "number"), self.added, self.removed)
    }
}

impl Snapshot {
    /// The snapshot with what a run measured: what moved, what is new, and without what is gone. What the
    /// run was not asked for, and what failed in it, stays as it is.
    ///
    /// # Errors
    /// If the run was cut off, or was measured where the snapshot's numbers would be other ones.
    pub fn updated(&self, run: &Run, selection: &[String]) -> Result<SnapshotUpdate> {
        if let Some(reason) = &run.partial {
            bail!("{} is not updated, because the run is not whole: {reason}", self.path);
        }
        let of_run = conditions::of_run(run);
        let forbidding =
            conditions::of_weight(&conditions::differences(&self.measured_on, of_run.clone()), true);
        ensure!(
            forbidding.is_empty(),
            "{} is not updated, because it was measured elsewhere ({}): update it there, or remove it to begin anew",
            self.path,
            forbidding.join("; ")
        );
        let mut update =
            SnapshotUpdate { snapshot: self.clone(), moved: 0, added: 0, removed: 0, is_change: false };
        let mut kept: Vec<CaseId> = Vec::new();
        for (key, record) in self.records(run) {
            kept.push(key.clone());
            if self.leaves_out(&key) || is_scaled(record) {
                continue;
            }
            let of_case = conditions::of_case(record, run);
            let old = self.cases.get(&key);
            // Measured with something else, its numbers are other ones: all are taken over.
            let is_same = old.is_some_and(|old| {
                conditions::of_weight(&conditions::differences(&old.with, of_case.clone()), true).is_empty()
            });
            let mut case = old.cloned().unwrap_or_else(|| SnapshotCase {
                id: record.spec.id.clone(),
                line: 0,
                with: Default::default(),
                numbers: Default::default(),
            });
            let before = case.numbers.clone();
            case.numbers.retain(|_, line| !is_asked_for(line.metric.mode, record, run));
            let number = |value: Value| SnapshotNumber { metric: value.metric, value: value.value, line: 0 };
            let is_kept = |value: &Value| !self.leaves_out_metric(&key, value.metric);
            case.numbers.extend(exact_numbers(record).filter(is_kept).map(|it| (it.metric.id, number(it))));
            // What did not move stays, also where this run's repetitions disagree.
            for value in whole_values(record).filter(|value| is_same && is_kept(value)) {
                let stays = before.get(value.metric.id).filter(|old| self.moved(old, &value).is_none());
                case.numbers.extend(stays.map(|old| (value.metric.id, *old)));
            }
            let is_moved = |(id, new): (&&str, &SnapshotNumber)| {
                before.get(*id).is_some_and(|old| old.value != new.value)
            };
            let moved = case.numbers.iter().filter(|(id, new)| is_moved((id, new))).count();
            let added = case.numbers.keys().filter(|id| !before.contains_key(*id)).count();
            let removed = before.keys().filter(|id| !case.numbers.contains_key(*id)).count();
            if moved + added + removed > 0 || !is_same {
                case.with = conditions::texts(of_case);
            }
            (update.moved, update.added) = (update.moved + moved, update.added + added);
            update.removed += removed;
            match case.numbers.is_empty() {
                true => update.snapshot.cases.remove(&key),
                false => update.snapshot.cases.insert(key, case),
            };
        }
        let is_gone =
            |key: &CaseId| self.leaves_out(key) || !kept.contains(key) && self.misses(key, run, selection);
        update.removed +=
            self.cases.iter().filter(|(key, _)| is_gone(key)).map(|(_, it)| it.numbers.len()).sum::<usize>();
        update.snapshot.cases.retain(|key, _| !is_gone(key));
        update.is_change = update.snapshot.render() != self.render();
        if update.is_change {
            update.snapshot.measured_on = conditions::texts(of_run);
        }
        Ok(update)
    }
}
