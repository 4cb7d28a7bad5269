//! The conditions under which a run was measured, and which of them must match before a number is compared.
//!
//! A fact that a run does not have is unknown. Unknown against known is said, and neither guessed equal nor
//! different.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use bench_core::case::{CaseId, Mode};
use bench_core::foreign_text;
use bench_core::metric::Class;
use bench_core::run::{CaseRecord, HOST_FACTS, Run, Weight};

use super::key::canonical;

/// A condition in which two runs differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The condition.
    pub key: String,
    /// What hangs on it.
    pub weight: Weight,
    /// In the baseline; `None` is unknown.
    pub old: Option<String>,
    /// In the new run; `None` is unknown.
    pub new: Option<String>,
}

impl Difference {
    /// Whether one of the runs does not say.
    pub fn is_unknown(&self) -> bool {
        self.weight > Weight::Note && (self.old.is_none() || self.new.is_none())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown =
            |value: &Option<String>| value.as_ref().map_or("unknown".into(), |value| shortened(value));
        write!(f, "{}: {} → {}", self.key, shown(&self.old), shown(&self.new))
    }
}

/// Hashes and long lists by their beginning.
fn shortened(text: &str) -> String {
    const MOST: usize = 48;
    let is_hash = text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit());
    let most = if is_hash { 13 } else { MOST };
    foreign_text::shortened(text, most)
}

/// Facts by name; a name that is not there is unknown.
pub(crate) type Facts = BTreeMap<String, (Weight, String)>;

/// The conditions of two runs, side by side.
pub(crate) struct Conditions {
    run: Vec<Difference>,
    cases: HashMap<(CaseId, Mode), Vec<Difference>>,
}

impl Conditions {
    pub(crate) fn of(old: &Run, new: &Run) -> Conditions {
        let mut cases = HashMap::new();
        let olds: HashMap<CaseId, &CaseRecord> =
            old.cases.iter().map(|case| (canonical(&case.spec.id), case)).collect();
        for case in &new.cases {
            let id = canonical(&case.spec.id);
            let Some(before) = olds.get(&id) else { continue };
            for mode in Mode::ALL {
                let both = case_facts(before, mode, old).zip(case_facts(case, mode, new));
                let found = both.map(|(old, new)| differences(&old, &new)).unwrap_or_default();
                if !found.is_empty() {
                    cases.insert((id.clone(), mode), found);
                }
            }
        }
        Conditions { run: differences(&run_facts(old), &run_facts(new)), cases }
    }

    /// What forbids to compare a metric of a case: what is known of both runs and differs.
    pub(crate) fn forbidding(&self, case: &CaseId, mode: Mode, class: Class) -> Vec<Difference> {
        let apart = self.keeping_apart(case, mode, class).into_iter();
        apart.filter(|difference| !difference.is_unknown()).cloned().collect()
    }

    /// What keeps a metric of a case out of what is averaged: what forbids to compare it, and what one of the
    /// runs does not say.
    pub(crate) fn keeping_apart(&self, case: &CaseId, mode: Mode, class: Class) -> Vec<&Difference> {
        let least = if class == Class::Exact { Weight::Every } else { Weight::Noisy };
        let of_case = self.cases.get(&(canonical(case), mode)).into_iter().flatten();
        self.run.iter().chain(of_case).filter(|difference| difference.weight >= least).collect()
    }

    /// The versions of what is measured, where they differ: likely causes of a change.
    pub(crate) fn versions(&self, case: &CaseId, mode: Mode) -> Vec<&Difference> {
        let of_case = self.cases.get(&(canonical(case), mode)).into_iter().flatten();
        of_case.filter(|difference| difference.weight == Weight::Note).collect()
    }

    /// What differs and forbids nothing, and what one of the runs does not say; of cases each key once.
    pub(crate) fn notes(&self) -> Vec<Difference> {
        let is_note = |difference: &&Difference| difference.weight == Weight::Note || difference.is_unknown();
        let mut notes: Vec<Difference> = self.run.iter().filter(is_note).cloned().collect();
        let mut of_cases: Vec<&Difference> = self.cases.values().flatten().filter(is_note).collect();
        of_cases.sort_by(|a, b| a.key.cmp(&b.key));
        for difference in of_cases {
            if !notes.iter().any(|note| note.key == difference.key) {
                notes.push(difference.clone());
            }
        }
        notes
    }
}

fn differences(old: &Facts, new: &Facts) -> Vec<Difference> {
    let mut keys: Vec<(&String, Weight)> =
        old.iter().chain(new).map(|(key, (weight, _))| (key, *weight)).collect();
    keys.sort();
    keys.dedup();
    let value = |facts: &Facts, key: &str| facts.get(key).map(|(_, value)| value.clone());
    keys.into_iter()
        .map(|(key, weight)| Difference {
            key: key.clone(),
            weight,
            old: value(old, key),
            new: value(new, key),
        })
        .filter(|difference| difference.old != difference.new)
        .collect()
}

/// Variables that set the number of threads: other threads, other work.
const THREADS: [&str; 2] = ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS"];

pub(crate) fn run_facts(run: &Run) -> Facts {
    let mut facts = Facts::new();
    let mut add = |key: &str, weight: Weight, value: Option<String>| {
        facts.extend(value.map(|value| (key.to_string(), (weight, value))));
    };
    let settings = &run.settings;
    add("profile", Weight::Every, Some(settings.profile.clone()));
    add(
        "features",
        Weight::Every,
        settings
            .features
            .as_ref()
            .map(|features| if features.is_empty() { "default".into() } else { features.join(",") }),
    );
    add("harness", Weight::Every, settings.harness.map(|version| version.to_string()));
    add("interval_ns", Weight::Noisy, Some(settings.interval_ns.to_string()));
    for (key, weight) in HOST_FACTS {
        add(key, weight, run.host.facts.get(key).cloned());
    }
    // What is not set is known not to be set.
    let variable = |name: &str| settings.environment.get(name).cloned().unwrap_or("not set".into());
    for name in THREADS {
        add(name, Weight::Every, Some(variable(name)));
    }
    let of_malloc: Vec<String> = settings
        .environment
        .iter()
        .filter(|(name, _)| !THREADS.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    add("malloc variables", Weight::Noisy, Some(of_malloc.join(" ")));
    facts
}

/// Inputs that are the version of what is measured. They forbid no comparison, as they are what it is to
/// judge.
const VERSIONS: [&str; 3] = ["engine", "server", "sparse"];

/// How the keys of those versions end.
const VERSION: &str = " version";

/// The facts of a case in a mode; nothing if it was not measured in it.
pub(crate) fn case_facts(case: &CaseRecord, mode: Mode, run: &Run) -> Option<Facts> {
    let evidence = case.measurement(mode)?.evidence().next()?;
    let mut facts = Facts::new();
    let mut add = |key: String, value: Option<String>| {
        facts.extend(value.map(|value| (key, (Weight::Every, value))));
    };
    add("workload version".into(), case.spec.version.map(|version| version.to_string()));
    add("allocator".into(), Some(evidence.allocator.clone()));
    let allocators = run.settings.allocators.as_ref();
    if evidence.allocator != "system" {
        let key = format!("{} version", evidence.allocator);
        add(key, allocators.and_then(|versions| versions.get(&evidence.allocator)).cloned());
    }
    for (name, content) in evidence.inputs.iter().filter(|(name, _)| !VERSIONS.contains(&name.as_str())) {
        add(format!("input {name}"), Some(content.clone()));
    }
    let scaled = evidence.scaled.as_ref().map(|scaled| format!("{}={}", scaled.axis, scaled.to));
    add("scaled to".into(), Some(scaled.unwrap_or("not scaled".into())));
    if mode == Mode::Time {
        add("quick".into(), Some(run.settings.quick.to_string()));
    }
    for (name, version) in evidence.inputs.iter().filter(|(name, _)| VERSIONS.contains(&name.as_str())) {
        // Named by what it is a version of: a note stands once for all cases.
        let one = version.split_once(' ').filter(|(_, version)| !version.contains(' '));
        let (what, version) = one.unwrap_or((name, version));
        facts.insert(format!("{what}{VERSION}"), (Weight::Note, version.into()));
    }
    Some(facts)
}
