//! The stored runs before a run: what each of its numbers was in them, and which of those may be averaged.

use std::collections::{BTreeMap, BTreeSet};

use bench_core::case::CaseId;
use bench_core::metric::{Class, Metric};
use bench_core::run::Run;

use crate::values::Value;
use crate::values::conditions::Conditions;
use crate::values::key::{Key, canonical, index, key};
use crate::values::values;

/// How many runs a history goes back.
pub const HISTORY_RUNS: usize = 30;

/// What each number of a run was in the stored runs before it.
#[derive(Clone, Default)]
pub struct History {
    /// The runs, the oldest first.
    pub runs: Vec<StoredRun>,
    now: BTreeMap<Key, Value>,
}

/// A run of the history.
#[derive(Clone)]
pub struct StoredRun {
    /// Its id.
    pub id: String,
    /// The conditions that keep some of its numbers other_conditions from the new run's, each once.
    pub other_conditions: BTreeSet<String>,
    values: BTreeMap<Key, Past>,
}

/// What a number was in a stored run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Past {
    /// The median of that run's repetitions.
    pub value: f64,
    /// Whether every condition that its class hangs on is known of both runs and equal.
    pub comparable: bool,
}

impl History {
    /// The history of `new`: of what `stored` yields, the oldest run first. One run at a time is held. A run
    /// that is not whole is passed over, and so are numbers of cases that ran scaled down.
    pub fn of(new: &Run, stored: impl IntoIterator<Item = Run>) -> History {
        let now = index(values(new));
        let whole = stored.into_iter().filter(|old| old.partial.is_none());
        let runs = whole.map(|old| stored_run(&old, new, &now)).collect();
        History { runs, now }
    }

    /// A number in each run, in their order; nothing where a run does not have it.
    pub fn of_value(&self, case: &CaseId, phase: Option<&str>, metric: &Metric) -> Vec<Option<Past>> {
        let key = quantity(case, phase, metric);
        self.runs.iter().map(|run| run.values.get(&key).copied()).collect()
    }

    /// What a number was in the runs whose conditions are the new run's, each with the run's id, the oldest
    /// first.
    pub fn comparable(&self, case: &CaseId, phase: Option<&str>, metric: &Metric) -> Vec<(&str, f64)> {
        let past = self.runs.iter().map(|run| run.id.as_str()).zip(self.of_value(case, phase, metric));
        past.filter_map(|(id, past)| Some((id, past.filter(|past| past.comparable)?.value))).collect()
    }

    /// The new run's repetitions of a number.
    pub fn repetitions(&self, case: &CaseId, phase: Option<&str>, metric: &Metric) -> &[f64] {
        self.now.get(&quantity(case, phase, metric)).map_or(&[], |value| &value.samples)
    }
}

fn quantity(case: &CaseId, phase: Option<&str>, metric: &Metric) -> Key {
    (canonical(case), phase.map(String::from), metric.id)
}

fn stored_run(old: &Run, new: &Run, now: &BTreeMap<Key, Value>) -> StoredRun {
    let conditions = Conditions::of(old, new);
    let mut other_conditions = BTreeSet::new();
    let mut found = BTreeMap::new();
    for value in values(old).into_iter().filter(|value| !value.scaled) {
        let key = key(&value);
        // What the new run does not have is never asked for.
        let Some(now) = now.get(&key) else { continue };
        let exact = value.class == Class::Exact && now.class == Class::Exact;
        let class = if exact { Class::Exact } else { Class::Noisy };
        let differences = conditions.keeping_apart(&value.case, value.mode, class);
        let comparable = differences.is_empty();
        other_conditions.extend(differences.into_iter().map(|difference| difference.to_string()));
        found.insert(key, Past { value: value.value, comparable });
    }
    StoredRun { id: old.id.clone(), other_conditions, values: found }
}
