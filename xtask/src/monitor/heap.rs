//! The heap and the mappings of a command that was started with the library that counts in it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Result, anyhow, ensure};
use bench_core::foreign_text::in_one_line;
use bench_core::memory_metrics::{
    HEAP_ALLOC, HEAP_PEAK, MAPPED_ANON, MAPPED_ANON_RESIDENT, MAPPED_FILE, Values,
};
use bench_core::metric::Unit;
use bench_core::preload::{LIBRARY_VARIABLE, PreloadFolder, PreloadReading};
use report::plural;
use report::quantity::human;

use crate::build::cargo_build::build_preload;
use crate::build::workspace::Workspace;
use crate::cli::exit_code::usage;
use crate::run::interrupt::Interrupt;

/// In so many samples a process must be without counters before that is said, where the reason is not sure:
/// it may only just have begun.
const LOOKS: u32 = 3;

/// Reads what a command's processes count.
pub struct CountedHeap {
    folder: PreloadFolder,
    root: u32,
    /// In how many samples a process was without counters, and why.
    uncounted: BTreeMap<u32, u32>,
    notes: BTreeSet<String>,
    /// What was said last of a process without counters.
    reason: Option<String>,
}

impl CountedHeap {
    /// Builds the library and makes the folder that a command is to count into.
    ///
    /// # Errors
    /// On a system where no library can count, without a workspace that builds it, or where it does not
    /// build.
    pub fn prepare(interrupt: &Interrupt) -> Result<CountedHeap> {
        ensure!(
            cfg!(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64")),
            usage(anyhow!("--heap counts on 64-bit Linux with glibc only: leave it out"))
        );
        let library = match std::env::var_os(LIBRARY_VARIABLE) {
            Some(path) => PathBuf::from(path),
            None => build_preload(Workspace::current()?, interrupt)?,
        };
        let folder = PreloadFolder::create(&library).map_err(usage)?;
        Ok(CountedHeap { folder, root: 0, uncounted: BTreeMap::new(), notes: BTreeSet::new(), reason: None })
    }

    /// What the command must have in its environment.
    pub fn environment(&self) -> Vec<(OsString, OsString)> {
        self.folder.environment().into()
    }

    /// The command runs, as this process.
    pub fn begin(&mut self, root: u32) {
        self.root = root;
    }

    /// What the processes have now; nothing where none of them counts.
    pub fn read(&mut self) -> Values {
        let reading = match self.folder.read(self.root) {
            Ok(reading) => reading,
            Err(error) => {
                self.notes.insert(format!("the counts cannot be read: {error:#}"));
                return Values::new();
            }
        };
        self.note(&reading);
        if reading.processes == 0 {
            return Values::new();
        }
        let mappings = reading.memory.mappings;
        let values = [
            (HEAP_ALLOC, Some(reading.heap.end_live_bytes)),
            (HEAP_PEAK, Some(reading.heap.peak_live_bytes)),
            (MAPPED_ANON, mappings.map(|mappings| mappings.anon_mapped_bytes)),
            (MAPPED_ANON_RESIDENT, mappings.and_then(|mappings| Some(mappings.resident?.anon_bytes))),
            (MAPPED_FILE, mappings.map(|mappings| mappings.file_mapped_bytes)),
        ];
        values.into_iter().filter_map(|(name, value)| Some((name.into(), value?.into()))).collect()
    }

    /// What is not counted, and why.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.notes.iter().map(String::as_str)
    }

    /// What the heap was in all, once the command has ended; or that it was not counted.
    pub fn conclusion(&mut self) -> String {
        let reading = match self.folder.read(self.root) {
            Ok(reading) => reading,
            Err(error) => return format!("the counts cannot be read: {error:#}"),
        };
        if !reading.has_counted {
            let reason = self.reason.as_deref();
            let reason = reason.unwrap_or("no process of the command loaded the library that counts");
            return format!("the heap is not counted: {reason}");
        }
        let heap = reading.heap;
        let bytes = |bytes: u64| human(bytes as f64, Unit::Bytes);
        let least = match heap.peak_slack_bytes {
            0 => String::new(),
            slack => format!(" (of several processes; at least {})", bytes(heap.peak_live_bytes - slack)),
        };
        // A realloc frees and allocates, as valgrind counts.
        let allocations = heap.allocated_blocks + heap.reallocated_blocks;
        format!(
            "heap: peak {}{least}, in all {} of {}, {}",
            bytes(heap.peak_live_bytes),
            plural(allocations as usize, "allocation"),
            bytes(heap.allocated_bytes + heap.reallocated_bytes),
            plural((heap.freed_blocks + heap.reallocated_blocks) as usize, "free"),
        )
    }

    /// Says who is not counted, each once.
    fn note(&mut self, reading: &PreloadReading) {
        for process in &reading.uncounted {
            let looks = self.uncounted.entry(process.pid).or_default();
            *looks += 1;
            let reason = format!("{} (process {}) {}", process.name, process.pid, process.reason);
            if process.is_sure || *looks == LOOKS {
                self.notes.insert(format!("not counted: {reason}"));
            }
            self.reason = Some(reason);
        }
        for name in &reading.foreign_malloc {
            self.notes.insert(format!(
                "{} has a malloc of its own: what its heap holds is among the mappings",
                in_one_line(name)
            ));
        }
    }
}
