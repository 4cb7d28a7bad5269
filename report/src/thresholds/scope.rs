//! What a rule is about: which cases, metric, phases and machines, and which of several rules wins.

use std::collections::BTreeMap;

use bench_core::case::CaseId;
use bench_core::metric::Metric;
use bench_core::run::HostFacts;

use crate::pattern::{IdPattern, Specificity, glob};

/// What a rule is about.
#[derive(Clone)]
pub struct Scope {
    /// Which cases.
    pub id: IdPattern,
    /// Which metric.
    pub metric: &'static Metric,
    /// Which phases, with `*`; `None`: the whole case.
    pub phase: Option<String>,
    /// The host facts that must match, with `*`; `None`: every machine.
    pub(super) machine: Option<BTreeMap<String, String>>,
}

/// The part of a case that a value is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// The whole case; with the name of its only phase, if it has only one.
    Whole(Option<&'a str>),
    /// One of several phases.
    Phase(&'a str),
}

impl Place<'_> {
    fn meets(&self, scope: &Scope) -> bool {
        match (self, &scope.phase) {
            (Place::Whole(_), None) => true,
            (Place::Whole(Some(name)) | Place::Phase(name), Some(pattern)) => glob(pattern, name),
            (Place::Whole(None), Some(_)) | (Place::Phase(_), None) => false,
        }
    }
}

impl Scope {
    /// Whether it is about a metric of a case on a host, in whatever phase.
    pub(super) fn is_about(&self, case: &CaseId, metric: &Metric, host: &HostFacts) -> bool {
        self.metric.id == metric.id && self.holds_on(host) && self.id.matches(case)
    }

    fn holds_on(&self, host: &HostFacts) -> bool {
        let met = |(name, pattern): (&String, &String)| {
            host.facts.get(name).is_some_and(|fact| glob(pattern, fact))
        };
        self.machine.iter().flatten().all(met)
    }

    fn rank(&self) -> (Specificity, u8, bool) {
        let phase = match &self.phase {
            None => 0,
            Some(phase) if phase.contains('*') => 1,
            Some(_) => 2,
        };
        (self.id.specificity(), phase, self.machine.is_some())
    }
}

/// Of the rules that hold, the most specific; of equals the last.
pub(super) fn winner<'a, R>(
    rules: &'a [R],
    scope: impl Fn(&R) -> &Scope,
    case: &CaseId,
    place: &Place,
    metric: &Metric,
    host: &HostFacts,
) -> Option<&'a R> {
    let holding = rules.iter().enumerate().filter(|(_, rule)| {
        let scope = scope(rule);
        scope.is_about(case, metric, host) && place.meets(scope)
    });
    holding.max_by_key(|(index, rule)| (scope(rule).rank(), *index)).map(|(_, rule)| rule)
}
