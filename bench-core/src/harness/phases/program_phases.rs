//! Phases in mode `native` of a case whose index a program holds: the program's memory as it is counted from
//! outside, at two marks at which it is idle.

use std::hint::black_box;
use std::sync::PoisonError;
use std::time::Instant;

use crate::evidence::PhaseRecord;
use crate::harness::WatchedProgram;
use crate::harness::phase_records::PhaseRecords;
use crate::preload::PreloadReading;

/// The phases so far.
pub(in crate::harness) struct ProgramPhases {
    pub(in crate::harness) records: PhaseRecords,
    started: Instant,
    program: WatchedProgram,
    /// When the first phase began: interpreter, library, and the vectors that it has read.
    base: Option<PreloadReading>,
    /// What of the program is not counted, or not as its heap.
    pub(in crate::harness) uncounted: Option<String>,
}

impl ProgramPhases {
    pub(in crate::harness) fn start(program: WatchedProgram) -> ProgramPhases {
        let records = PhaseRecords::new();
        ProgramPhases { records, started: Instant::now(), program, base: None, uncounted: None }
    }

    pub(in crate::harness) fn measure<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        self.records.ensure_room();
        let counts_start = self.read(true);
        let start = Instant::now();
        let answer = black_box(work());
        let wall = start.elapsed();
        let counts_end = self.read(false);
        let mut record = PhaseRecord {
            start_ns: start.duration_since(self.started).as_nanos() as u64,
            wall_ns: wall.as_nanos() as u64,
            ..PhaseRecord::default()
        };
        if let Some((start, end)) = counts_start.zip(counts_end) {
            let base = self.base.get_or_insert_with(|| start.clone());
            record.native = Some(end.heap_since(&start, base));
            record.memory = Some(end.memory_since(&start, base));
        }
        self.records.push(name, record);
        answer
    }

    /// The counts of now, while the program is idle; at a phase's start the peaks restart. Nothing where they
    /// cannot be read.
    fn read(&mut self, restarts_peaks: bool) -> Option<PreloadReading> {
        self.program.wait_until_idle();
        let read = match &self.program.counts {
            Err(reason) => Err(reason.clone()),
            Ok(folder) => {
                let mut folder = folder.lock().unwrap_or_else(PoisonError::into_inner);
                let pid = self.program.pid;
                let read = if restarts_peaks { folder.mark(pid) } else { folder.read(pid) };
                read.map_err(|error| format!("{error:#}"))
            }
        };
        let read = read.and_then(|reading| match reading.has_counted {
            true => Ok(reading),
            false => Err("the program has counted nothing".into()),
        });
        match read {
            Ok(reading) => {
                self.note_uncounted(&reading);
                Some(reading)
            }
            Err(reason) => {
                self.uncounted.get_or_insert(reason);
                None
            }
        }
    }

    fn note_uncounted(&mut self, reading: &PreloadReading) {
        let processes = reading.uncounted.iter().map(|it| format!("{} {}", it.name, it.reason));
        let mallocs = reading.foreign_malloc.iter();
        let mallocs = mallocs.map(|name| format!("the malloc of {name} is its own: it counts as mapped"));
        let noted: Vec<String> = processes.chain(mallocs).collect();
        if !noted.is_empty() {
            self.uncounted.get_or_insert(noted.join("; "));
        }
    }
}
