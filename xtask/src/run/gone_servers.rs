//! Servers that do not answer, or no more: their other cases would all fail for the same reason, so they are
//! passed over by name.

use std::collections::BTreeMap;

use bench_core::case::{CaseId, CaseSpec, Mode, NEEDS_SERVER};
use bench_core::run::{CaseRecord, FailureKind, Measurement};

/// The servers that did not answer, by their cases' tag, each with the case that failed for it.
#[derive(Default)]
pub struct GoneServers(BTreeMap<String, CaseId>);

impl GoneServers {
    /// Remembers the server of a case that failed because it does not answer. What comes back says so, once
    /// for each server.
    pub fn look_at(&mut self, record: &CaseRecord) -> Vec<String> {
        let mut notes = Vec::new();
        let mut failures = record.measurements.iter().flat_map(Measurement::failures);
        let failed = failures.any(|failure| failure.kind == FailureKind::NoServer);
        if let Some(tag) = record.spec.needed_server().filter(|_| failed) {
            notes.push(format!("note: {} is not usable; its remaining cases are skipped", server(tag)));
            self.0.insert(tag.to_string(), record.spec.id.clone());
        }
        notes
    }

    /// The record of a case whose server is gone: absent, with the reason.
    pub fn without(&self, spec: &CaseSpec) -> Option<CaseRecord> {
        let tag = spec.needed_server().filter(|tag| self.0.contains_key(*tag))?;
        let reason = format!("{} is not usable, as {} found", server(tag), self.0[tag]);
        let mut spec = spec.clone();
        spec.absent_modes = Mode::ALL.map(|mode| (mode, reason.clone())).into();
        Some(CaseRecord { spec, measurements: Vec::new() })
    }
}

fn server(tag: &str) -> String {
    format!("the server {}", tag.trim_start_matches(NEEDS_SERVER))
}

#[cfg(test)]
mod tests {
    use bench_core::run::{Failure, Repetition};

    use super::*;

    fn case(id: &str, tags: &[&str], kind: Option<FailureKind>) -> CaseRecord {
        let spec = CaseSpec {
            id: id.parse().unwrap(),
            about: String::new(),
            tags: tags.iter().map(|tag| tag.to_string()).collect(),
            allocator: "system".into(),
            absent_modes: BTreeMap::new(),
            version: None,
        };
        let failure = kind.map(|kind| Failure { kind, reason: "refused".into(), stderr: Vec::new() });
        let repetitions = vec![Repetition { evidence: None, failure, stdout: None, dhat_file: None }];
        CaseRecord { spec, measurements: vec![Measurement { mode: Mode::Heap, repetitions }] }
    }

    #[test]
    fn the_other_cases_of_a_server_that_is_gone_are_absent_with_the_reason() {
        let mut gone = GoneServers::default();
        let qdrant = case("a/b{engine=qdrant}", &["requires_qdrant"], Some(FailureKind::NoServer));
        let pgvector = case("a/b{engine=pgvector}", &["requires_pgvector"], Some(FailureKind::Server));
        let flat = case("a/b{engine=flat}", &["quick"], Some(FailureKind::Error));
        for record in [&pgvector, &flat] {
            gone.look_at(record);
        }
        assert!([&qdrant, &pgvector, &flat].iter().all(|record| gone.without(&record.spec).is_none()));
        gone.look_at(&qdrant);
        let next = case("a/c{engine=qdrant}", &["quick", "requires_qdrant"], None);
        let skipped = gone.without(&next.spec).unwrap();
        assert!(skipped.measurements.is_empty());
        let reason = "the server qdrant is not usable, as a/b{engine=qdrant} found";
        assert_eq!(skipped.spec.absent_modes.len(), Mode::ALL.len());
        assert!(skipped.spec.absent_modes.values().all(|said| said == reason));
        assert!(gone.without(&pgvector.spec).is_none() && gone.without(&flat.spec).is_none());
    }
}
