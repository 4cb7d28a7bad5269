//! What a case's memory is made of, phase by phase, and the ledger of what the kernel calls RSS anon.

use bench_core::case::Mode;
use bench_core::evidence::{Evidence, Ledger, MemoryReading, PhaseRecord};
use bench_core::metric::Unit;
use bench_core::run::CaseRecord;
use serde::Serialize;

use super::{PHASES, Phase, PhaseHead};
use crate::page::column::Column;
use crate::values::phase_label;

/// Two tables of one repetition in mode native.
#[derive(Serialize)]
pub struct Ledgers {
    /// What is there at each phase's end, over what set-up held.
    parts: PhaseTable,
    /// What RSS anon grew by in each phase, and what explains it.
    growth: Option<PhaseTable>,
    /// Whether the rest is small in every phase.
    explained: bool,
}

/// Phases and numbers.
#[derive(Serialize)]
struct PhaseTable {
    columns: Vec<PhaseHead>,
    rows: Vec<Phase>,
}

type MemoryPart<T> = (&'static str, fn(&T) -> Option<f64>);

/// What memory is made of.
const PARTS: [MemoryPart<MemoryReading>; 5] = [
    ("memory", |it| Some((it.resident_sum_bytes()? + it.mappings?.resident?.file_bytes) as f64)),
    ("Rust's heap", |it| Some(it.rust_bytes as f64)),
    ("C heap", |it| Some(it.c_bytes as f64)),
    ("resident mappings", |it| Some(it.mappings?.resident?.anon_bytes as f64)),
    ("files, may be evicted", |it| Some(it.mappings?.resident?.file_bytes as f64)),
];

/// The ledger: the first column is the sum of the others.
const LEDGER: [MemoryPart<Ledger>; 9] = [
    ("RSS anon", |it| Some(it.rss_anon as f64)),
    ("Rust's heap", |it| Some(it.rust_heap as f64)),
    ("C heap", |it| Some(it.c_heap as f64)),
    ("resident mappings", |it| Some(it.mappings as f64)),
    ("allocator keeps free", |it| Some(it.allocator_free? as f64)),
    ("allocator rounds up", |it| Some(it.allocator_rounding? as f64)),
    ("asked for, not touched", |it| Some(it.untouched? as f64)),
    ("stack", |it| Some(it.stack? as f64)),
    ("rest", |it| Some(it.rest as f64)),
];

/// The tables of a case whose memory was counted.
pub fn of_case(record: &CaseRecord) -> Option<Ledgers> {
    let evidence = record.measurement(Mode::Native)?.evidence().next()?;
    let parts = table(evidence, &PARTS, |phase, part| {
        let memory = phase.memory?;
        Some(part(&memory.end)? - part(&memory.base)?)
    })?;
    let ledgers = || evidence.phases.iter().filter_map(|phase| Ledger::of(&phase.memory?));
    let growth = table(evidence, &LEDGER, |phase, part| part(&Ledger::of(&phase.memory?)?));
    Some(Ledgers { parts, growth, explained: ledgers().all(|ledger| ledger.is_explained()) })
}

/// A row for each phase; nothing if nothing was read.
fn table<T>(
    evidence: &Evidence,
    parts: &[MemoryPart<T>],
    value: impl Fn(&PhaseRecord, fn(&T) -> Option<f64>) -> Option<f64>,
) -> Option<PhaseTable> {
    let phases = &evidence.phases[..evidence.phases.len().min(PHASES)];
    let labels = (0..phases.len()).map(|index| phase_label(&evidence.phases, index));
    let mut rows: Vec<Phase> = labels.map(|name| Phase { name, cells: Vec::new() }).collect();
    let mut columns = Vec::new();
    for (title, part) in parts {
        let values: Vec<Option<f64>> = phases.iter().map(|phase| value(phase, *part)).collect();
        if values.iter().all(Option::is_none) {
            continue;
        }
        let column = Column::fit(Unit::Bytes, values.iter().flatten().copied());
        columns.push(PhaseHead { title, unit: column.unit });
        for (row, value) in rows.iter_mut().zip(values) {
            row.cells.push(value.map_or("–".into(), |value| column.show(value)));
        }
    }
    (!columns.is_empty()).then_some(PhaseTable { columns, rows })
}
