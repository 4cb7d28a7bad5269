//! What makes two values of two runs the same quantity.

use std::collections::BTreeMap;

use bench_core::case::CaseId;

use super::Value;

pub(crate) type Key = (CaseId, Option<String>, &'static str);

/// What makes two values the same quantity; the order of a case's parameters does not.
pub(crate) fn key(value: &Value) -> Key {
    (canonical(&value.case), value.phase.clone(), value.metric.id)
}

/// The id with its parameters in the order of their names.
pub(crate) fn canonical(id: &CaseId) -> CaseId {
    let mut id = id.clone();
    id.params.sort();
    id
}

pub(crate) fn index(values: Vec<Value>) -> BTreeMap<Key, Value> {
    values.into_iter().map(|value| (key(&value), value)).collect()
}
