//! A profile by call path: started and stopped by whoever wants one, and written in DHAT's format.
//!
//! The format is described in valgrind's `dhat/dh_main.c`. Two of its figures are apart: lifetimes of blocks
//! are not measured, so they are absent; a path's own maximum is exact where one thread allocated by it.

use std::collections::HashMap;
use std::ffi::c_void;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::recorder::{self, Recorded};
use super::site_counters::SiteTotals;
use super::{paths, recorder::clock};

/// Frames without which a stack says nothing: the allocator, whoever called it, and that one's caller.
const FEWEST_FRAMES: usize = 3;

/// A profile that runs until it is stopped or dropped. What was live before is in no profile.
#[derive(Debug)]
pub struct SiteProfiler {
    /// The path to the start: what it has in common with others at its outer end says nothing.
    started_at: &'static [usize],
    started: Instant,
    started_clock: u64,
}

/// A path by which blocks were allocated, and their counts.
#[derive(Clone, Debug)]
pub struct CallPath {
    /// Return addresses, from the allocator outwards; of a stack deeper than 128 frames the innermost ones.
    pub addresses: &'static [usize],
    /// The counts.
    pub totals: SiteTotals,
}

/// What a profile counted.
#[derive(Clone, Debug)]
pub struct SiteProfile {
    /// Every path that allocated.
    pub paths: Vec<CallPath>,
    /// The path to where the profile was started.
    pub started_at: &'static [usize],
    /// Operations that are missing: of a signal's handler that interrupted the profiler, or for want of
    /// memory.
    pub lost: u64,
    /// From the start to the peak, and to the end.
    pub peak_after: Duration,
    /// From the start to the end.
    pub ended_after: Duration,
}

impl SiteProfiler {
    /// Starts a profile.
    ///
    /// # Errors
    /// One runs already, `SiteAllocator` is not the program's global allocator, or the program has no unwind
    /// tables.
    pub fn start() -> Result<SiteProfiler> {
        ensure!(!recorder::is_running(), "a profile of call sites runs already");
        recorder::start();
        drop(black_box(Box::new(0u64)));
        let tried = recorder::stop();
        let tried =
            tried.sites.iter().map(|(path, _)| paths::addresses_of(*path)).max_by_key(|path| path.len());
        let started_at = tried.context("the global allocator of this program is not a `SiteAllocator`")?;
        ensure!(
            started_at.len() >= FEWEST_FRAMES,
            "this program has no unwind tables (.eh_frame), so nobody can tell who called the allocator"
        );
        let profiler = SiteProfiler { started_at, started: Instant::now(), started_clock: clock() };
        recorder::start();
        Ok(profiler)
    }

    /// Ends the profile. Exact while no other thread allocates.
    pub fn stop(self) -> SiteProfile {
        let Recorded { sites, lost, peak_clock } = recorder::stop();
        let (ended_after, ended_clock) = (self.started.elapsed(), clock());
        let share = peak_clock.saturating_sub(self.started_clock) as f64
            / ended_clock.saturating_sub(self.started_clock).max(1) as f64;
        let path = |(path, totals)| CallPath { addresses: paths::addresses_of(path), totals };
        let paths = sites.into_iter().map(path).collect();
        SiteProfile {
            paths,
            started_at: self.started_at,
            lost,
            peak_after: ended_after.mul_f64(share.clamp(0.0, 1.0)),
            ended_after,
        }
    }
}

impl Drop for SiteProfiler {
    fn drop(&mut self) {
        if recorder::is_running() {
            recorder::stop();
        }
    }
}

impl SiteProfile {
    /// Sums over all paths.
    pub fn totals(&self) -> SiteTotals {
        self.paths.iter().fold(SiteTotals::default(), |sums, path| sums.plus(path.totals))
    }

    /// The profile in DHAT's format, version 2, with the innermost `frames` of each stack, as far as it is
    /// apart from the stack that started the profile. Reads the debug information of the program and its
    /// libraries.
    ///
    /// # Errors
    /// Operations are missing from the profile.
    pub fn to_dhat(&self, frames: usize) -> Result<String> {
        Ok(serde_json::to_string(&self.dhat_file(frames)?)?)
    }

    /// Writes [`SiteProfile::to_dhat`] to a file.
    ///
    /// # Errors
    /// As there, or the file cannot be written.
    pub fn write_dhat(&self, file: &Path, frames: usize) -> Result<()> {
        let profile = self.dhat_file(frames)?;
        let write = || -> Result<()> {
            let mut writer = BufWriter::new(std::fs::File::create(file)?);
            serde_json::to_writer(&mut writer, &profile)?;
            Ok(writer.flush()?)
        };
        write().with_context(|| format!("write {}", file.display()))
    }

    fn dhat_file(&self, frames: usize) -> Result<DhatOutput> {
        ensure!(
            self.lost == 0,
            "the profile of call sites lacks {} allocator calls: of a signal's handler, or for want of memory",
            self.lost
        );
        let mut table = FrameTable::default();
        // Paths whose addresses differ can have the same frames, which DHAT's viewer takes once only.
        let mut points: HashMap<Vec<usize>, SiteTotals> = HashMap::new();
        for path in &self.paths {
            let inner = without_common_end(path.addresses, self.started_at);
            let stack = inner.iter().take(frames).flat_map(|address| table.at(*address)).collect();
            let sums = points.entry(stack).or_default();
            *sums = sums.plus(path.totals);
        }
        let mut points: Vec<_> = points.into_iter().collect();
        points.sort();
        Ok(DhatOutput {
            version: 2,
            mode: "rust-heap",
            verb: "Allocated",
            bklt: true,
            bkacc: false,
            tu: "µs",
            mtu: "s",
            tuth: 10,
            cmd: std::env::args().collect::<Vec<_>>().join(" "),
            pid: std::process::id(),
            tg: self.peak_after.as_micros(),
            te: self.ended_after.as_micros(),
            pps: points.into_iter().map(|(fs, totals)| DhatPoint::new(totals, fs)).collect(),
            ftbl: table.texts,
        })
    }
}

/// What each address stands for, and the texts of all frames.
struct FrameTable {
    texts: Vec<String>,
    places: HashMap<String, usize>,
    of_addresses: HashMap<usize, Vec<usize>>,
}

impl Default for FrameTable {
    fn default() -> FrameTable {
        let (places, of_addresses) = (HashMap::new(), HashMap::new());
        FrameTable { texts: vec!["[root]".into()], places, of_addresses }
    }
}

impl FrameTable {
    /// The frames of an address: the function, and before it those that are inlined there.
    fn at(&mut self, address: usize) -> Vec<usize> {
        if let Some(known) = self.of_addresses.get(&address) {
            return known.clone();
        }
        let mut texts = Vec::new();
        // The call, not where it returns to.
        let call = std::ptr::without_provenance_mut::<c_void>(address.wrapping_sub(1));
        backtrace::resolve(call, |symbol| {
            let name = symbol.name().map_or("???".into(), |name| format!("{name:#}"));
            let file = symbol.filename().map_or("???".into(), last_components);
            let (line, column) = (symbol.lineno().unwrap_or(0), symbol.colno().unwrap_or(0));
            texts.push(format!("{address:#x}: {name} ({file}:{line}:{column})"));
        });
        if texts.is_empty() {
            texts.push(format!("{address:#x}: ??? (???:0:0)"));
        }
        let places: Vec<usize> = texts.into_iter().map(|text| self.place(text)).collect();
        self.of_addresses.insert(address, places.clone());
        places
    }

    fn place(&mut self, text: String) -> usize {
        let next = self.texts.len();
        let place = *self.places.entry(text.clone()).or_insert(next);
        if place == next {
            self.texts.push(text);
        }
        place
    }
}

/// A path as far as it is apart from another one, of the same thread: its outer frames are those of whoever
/// started the profile.
fn without_common_end<'a>(path: &'a [usize], other: &[usize]) -> &'a [usize] {
    let common = path.iter().rev().zip(other.iter().rev()).take_while(|(one, other)| one == other).count();
    &path[..path.len() - common]
}

/// The end of a file's name, as the dhat crate writes it: profiles of both can be compared.
fn last_components(file: &Path) -> String {
    let count = file.components().count();
    file.components().skip(count.saturating_sub(3)).collect::<PathBuf>().display().to_string()
}

/// The file; names are the format's own.
#[derive(Serialize)]
struct DhatOutput {
    #[serde(rename = "dhatFileVersion")]
    version: u32,
    mode: &'static str,
    verb: &'static str,
    bklt: bool,
    bkacc: bool,
    tu: &'static str,
    #[serde(rename = "Mtu")]
    mtu: &'static str,
    tuth: u32,
    cmd: String,
    pid: u32,
    tg: u128,
    te: u128,
    pps: Vec<DhatPoint>,
    ftbl: Vec<String>,
}

/// One point of the file.
#[derive(Serialize)]
struct DhatPoint {
    tb: u64,
    tbk: u64,
    mb: u64,
    mbk: u64,
    gb: u64,
    gbk: u64,
    eb: u64,
    ebk: u64,
    fs: Vec<usize>,
}

impl DhatPoint {
    fn new(totals: SiteTotals, fs: Vec<usize>) -> DhatPoint {
        DhatPoint {
            tb: totals.total_bytes,
            tbk: totals.total_blocks,
            mb: totals.max_bytes,
            mbk: totals.max_blocks,
            gb: totals.peak_bytes,
            gbk: totals.peak_blocks,
            eb: totals.end_bytes,
            ebk: totals.end_blocks,
            fs,
        }
    }
}
