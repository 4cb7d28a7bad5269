//! The records of the phases so far, in buffers that never grow within a run.

use crate::evidence::PhaseRecord;

/// No workload has more phases.
const MAX_PHASES: usize = 256;

/// The records and, apart from them, their words: writing those would allocate between phases.
pub(super) struct PhaseRecords {
    records: Vec<PhaseRecord>,
    words: Vec<Words>,
}

/// The words of a phase's record.
#[derive(Clone, Copy)]
struct Words {
    name: &'static str,
    item: Option<&'static str>,
}

impl PhaseRecords {
    pub(super) fn new() -> PhaseRecords {
        PhaseRecords { records: Vec::with_capacity(MAX_PHASES), words: Vec::with_capacity(MAX_PHASES) }
    }

    /// # Panics
    /// When there is no room for one more phase: to be asked before a phase begins.
    pub(super) fn ensure_room(&self) {
        assert!(self.records.len() < MAX_PHASES, "a body has at most {MAX_PHASES} phases");
    }

    pub(super) fn push(&mut self, name: &'static str, record: PhaseRecord) {
        self.words.push(Words { name, item: None });
        self.records.push(record);
    }

    pub(super) fn last(&mut self) -> Option<&mut PhaseRecord> {
        self.records.last_mut()
    }

    /// States the items of the last phase.
    pub(super) fn state_items(&mut self, item: Option<&'static str>, items: usize) {
        if let (Some(record), Some(words)) = (self.records.last_mut(), self.words.last_mut()) {
            (record.items, words.item) = (Some(items as u64), item);
        }
    }

    /// The records with their words, which are written when nothing is measured any more.
    pub(super) fn worded(self) -> Vec<PhaseRecord> {
        let pairs = self.records.into_iter().zip(self.words);
        let word = |(record, words): (PhaseRecord, Words)| PhaseRecord {
            name: words.name.into(),
            item: words.item.map(str::to_string),
            ..record
        };
        pairs.map(word).collect()
    }
}
