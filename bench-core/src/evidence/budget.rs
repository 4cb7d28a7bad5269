//! Evidence on work under a memory budget: how it was cut into batches, and which pressure it met.

use serde::{Deserialize, Serialize};

/// What a workload under a budget did in a phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetRecord {
    /// The budget's limit for the heap, beyond what is live when the first phase begins.
    pub heap_limit_bytes: u64,
    /// Batches of work.
    pub batches: u64,
    /// Items in the smallest batch after the first that met pressure, but for the last one, which takes what
    /// is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smallest_batch: Option<u64>,
    /// Items in the largest batch.
    pub largest_batch: u64,
    /// Checks that met the level Warning.
    pub warnings: u64,
    /// Checks that met the level Critical.
    pub criticals: u64,
}

impl BudgetRecord {
    pub(super) fn then(self, next: BudgetRecord) -> BudgetRecord {
        BudgetRecord {
            heap_limit_bytes: self.heap_limit_bytes.min(next.heap_limit_bytes),
            batches: self.batches + next.batches,
            smallest_batch: self.smallest_batch.into_iter().chain(next.smallest_batch).min(),
            largest_batch: self.largest_batch.max(next.largest_batch),
            warnings: self.warnings + next.warnings,
            criticals: self.criticals + next.criticals,
        }
    }
}
