//! The global allocator of a suite's program, chosen by its environment at the first allocation and never
//! changed.
//!
//! Each way is one static; a call goes through the pointer to the chosen one. That costs an allocation about
//! a nanosecond, in every mode alike, and saves a program for each mode and allocator.

// The room for `unsafe`: the `GlobalAlloc` implementations.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, bail, ensure};
use bench_core::case::Mode;
use bench_core::harness::{Allocator, Instruments, SiteRecorder};
#[cfg(all(target_os = "linux", target_env = "gnu"))]
use bench_core::instrument::LibcDirect as SystemAllocator;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
use bench_core::instrument::NotedBlocks;
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
use bench_core::instrument::SiteAllocator;
use bench_core::instrument::{CountingAllocator, Profilable, stop_counting_native};
use bench_core::program::{ALLOCATOR_VARIABLE, CHECK_TOOLS, MODE_VARIABLE, RECORDER_VARIABLE};
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
use std::alloc::System as SystemAllocator;

#[global_allocator]
static ALLOCATOR: ChosenAllocator = ChosenAllocator;

/// Passes every call on to the way that the environment chose.
struct ChosenAllocator;

/// One way to allocate.
struct Way {
    /// What the environment calls it; nothing for the tools' checks, which are no mode of a case.
    mode: Option<Mode>,
    allocator: Allocator,
    /// What records call sites, in mode sites.
    recorder: Option<SiteRecorder>,
    by: &'static (dyn GlobalAlloc + Sync),
}

const fn way(mode: Mode, allocator: Allocator, by: &'static (dyn GlobalAlloc + Sync)) -> Way {
    Way { mode: Some(mode), allocator, recorder: None, by }
}

const fn sites(allocator: Allocator, recorder: SiteRecorder, by: &'static (dyn GlobalAlloc + Sync)) -> Way {
    Way { mode: Some(Mode::Sites), allocator, recorder: Some(recorder), by }
}

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
const NATIVE_ALLOCATOR: NotedBlocks<SystemAllocator> = NotedBlocks(SystemAllocator);
#[cfg(not(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64")))]
const NATIVE_ALLOCATOR: SystemAllocator = SystemAllocator;

/// All ways that this program was built with. The first chooses; the second is that of a program without a
/// mode. Of two ways to record call sites, the one before is taken unless the environment names the other.
static WAYS: &[Way] = &[
    Way { mode: None, allocator: Allocator::System, recorder: None, by: &Chooser },
    way(Mode::Time, Allocator::System, &SystemAllocator),
    way(Mode::Heap, Allocator::System, &CountingAllocator::new(SystemAllocator)),
    way(Mode::Native, Allocator::System, &CountingAllocator::new(NATIVE_ALLOCATOR)),
    #[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
    sites(Allocator::System, SiteRecorder::Paths, &SiteAllocator::new(SystemAllocator)),
    sites(Allocator::System, SiteRecorder::Dhat, &dhat::Alloc),
    #[cfg(feature = "jemalloc")]
    way(Mode::Time, Allocator::Jemalloc, &tikv_jemallocator::Jemalloc),
    #[cfg(feature = "jemalloc")]
    way(Mode::Heap, Allocator::Jemalloc, &CountingAllocator::new(tikv_jemallocator::Jemalloc)),
    #[cfg(all(feature = "jemalloc", target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
    sites(Allocator::Jemalloc, SiteRecorder::Paths, &SiteAllocator::new(tikv_jemallocator::Jemalloc)),
    #[cfg(feature = "mimalloc")]
    way(Mode::Time, Allocator::Mimalloc, &mimalloc::MiMalloc),
    #[cfg(feature = "mimalloc")]
    way(Mode::Heap, Allocator::Mimalloc, &CountingAllocator::new(mimalloc::MiMalloc)),
    #[cfg(all(feature = "mimalloc", target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
    sites(Allocator::Mimalloc, SiteRecorder::Paths, &SiteAllocator::new(mimalloc::MiMalloc)),
    Way { mode: None, allocator: Allocator::System, recorder: None, by: &CountingAllocator::new(Profilable) },
];

const CHOOSER: usize = 0;
const BARE: usize = 1;

/// The index of the way that is taken.
static CHOSEN: AtomicUsize = AtomicUsize::new(CHOOSER);

#[inline]
fn chosen() -> &'static dyn GlobalAlloc {
    // Threads start after the choice, so none sees it half made.
    WAYS[CHOSEN.load(Ordering::Relaxed)].by
}

// SAFETY: every call is passed on unchanged, and always to the same allocator: the choice is made at the
// first call.
unsafe impl GlobalAlloc for ChosenAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        unsafe { chosen().alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        unsafe { chosen().alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { chosen().dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        unsafe { chosen().realloc(block, layout, new_size) }
    }
}

/// Chooses at the first call, and passes it on.
struct Chooser;

// SAFETY: as above; what was allocated before the choice is nothing.
unsafe impl GlobalAlloc for Chooser {
    #[cold]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        choose();
        // SAFETY: the caller's promise is passed on.
        unsafe { chosen().alloc(layout) }
    }

    #[cold]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        choose();
        // SAFETY: the caller's promise is passed on.
        unsafe { chosen().alloc_zeroed(layout) }
    }

    // Not reached: there is no block to free before the first is made.
    #[cold]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        choose();
        // SAFETY: the caller's promise is passed on.
        unsafe { chosen().dealloc(block, layout) }
    }
}

fn choose() {
    let (mode, allocator) = (variable(MODE_VARIABLE), variable(ALLOCATOR_VARIABLE));
    let recorder = variable(RECORDER_VARIABLE);
    let index = match mode {
        Some(CHECK_TOOLS) => WAYS.len() - 1,
        _ => asked_for(mode, allocator, recorder).map_or(BARE, |(index, _)| index),
    };
    if WAYS[index].mode != Some(Mode::Native) {
        stop_counting_native();
    }
    CHOSEN.store(index, Ordering::Relaxed);
}

/// The index and the mode of the way that the environment asks for, if this program has it. Allocates
/// nothing.
fn asked_for(mode: Option<&str>, allocator: Option<&str>, recorder: Option<&str>) -> Option<(usize, Mode)> {
    let allocator = allocator.unwrap_or(Allocator::System.name());
    let records = |way: &Way| match (way.recorder, recorder) {
        (Some(its), Some(asked)) => its.name() == asked,
        _ => true,
    };
    let mut fitting =
        WAYS.iter().enumerate().filter(|(_, way)| way.allocator.name() == allocator && records(way));
    fitting.find_map(|(index, way)| Some((index, way.mode.filter(|it| Some(it.name()) == mode)?)))
}

/// A variable of the environment, read without an allocation.
#[cfg(unix)]
fn variable(name: &str) -> Option<&'static str> {
    let mut buffer = [0u8; 32];
    buffer.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
    let name = std::ffi::CStr::from_bytes_until_nul(&buffer).ok()?;
    // SAFETY: the name ends with a null byte. The program changes no variable before its first allocation,
    // and the text lies in the environment as long as the process lives.
    unsafe {
        let value = libc::getenv(name.as_ptr());
        if value.is_null() { None } else { std::ffi::CStr::from_ptr(value).to_str().ok() }
    }
}

/// std's way allocates, so that what it asks for meanwhile goes to the system's allocator.
#[cfg(not(unix))]
fn variable(name: &str) -> Option<&'static str> {
    CHOSEN.store(BARE, Ordering::Relaxed);
    std::env::var(name).ok().map(|value| &*value.leak())
}

/// The instruments that the environment asked for.
///
/// # Errors
/// It names no mode, or one that this program does not have on that allocator.
pub fn instruments() -> Result<Instruments> {
    let mode = std::env::var(MODE_VARIABLE).unwrap_or_default();
    let allocator = std::env::var(ALLOCATOR_VARIABLE).unwrap_or_else(|_| Allocator::System.name().into());
    ensure!(
        !mode.is_empty(),
        "set {MODE_VARIABLE} to what is measured: {}",
        names(Mode::ALL.map(Mode::name))
    );
    let recorder = std::env::var(RECORDER_VARIABLE).ok();
    let Some((index, mode)) = asked_for(Some(&mode), Some(&allocator), recorder.as_deref()) else {
        bail!(
            "this program has no mode {mode:?} on the allocator {allocator:?}{}: modes are {}, allocators {} (jemalloc and \
             mimalloc with the features of these names, in the modes heap, sites and time), and {RECORDER_VARIABLE} is {} \
             (dhat on the allocator system)",
            recorder.map(|recorder| format!(" with {RECORDER_VARIABLE}={recorder}")).unwrap_or_default(),
            names(Mode::ALL.map(Mode::name)),
            names(Allocator::ALL.map(Allocator::name)),
            names(SiteRecorder::ALL.map(SiteRecorder::name))
        );
    };
    let Way { allocator, recorder, .. } = WAYS[index];
    let recorder = recorder.unwrap_or(SiteRecorder::Dhat);
    Ok(Instruments { mode, allocator, internals: crate::internals::of(allocator), recorder })
}

fn names<const N: usize>(names: [&str; N]) -> String {
    names.join(", ")
}
