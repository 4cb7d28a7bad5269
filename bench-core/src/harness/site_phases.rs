//! Mode sites: one profile of call sites, from the first phase to the end of the body.

use std::path::Path;

use anyhow::{Context, Result};

use super::DHAT_FILE;
use super::instruments::SiteRecorder;
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
use crate::instrument::SiteProfiler;

/// What mode sites does at phases.
pub(super) struct SitePhases {
    recorder: SiteRecorder,
    frames: usize,
    running: Option<RunningProfile>,
    failed: Option<anyhow::Error>,
}

/// The profiler that runs.
enum RunningProfile {
    #[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
    Paths(SiteProfiler),
    Dhat(dhat::Profiler),
}

impl SitePhases {
    /// `frames`: how deep a stack the profile keeps.
    pub fn new(recorder: SiteRecorder, frames: usize) -> SitePhases {
        SitePhases { recorder, frames, running: None, failed: None }
    }

    /// A phase begins, and the profile with the first.
    pub fn begin(&mut self) {
        if self.running.is_none() && self.failed.is_none() {
            match self.start() {
                Ok(running) => self.running = Some(running),
                Err(error) => self.failed = Some(error),
            }
        }
    }

    fn start(&self) -> Result<RunningProfile> {
        Ok(match self.recorder {
            #[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
            SiteRecorder::Paths => RunningProfile::Paths(SiteProfiler::start()?),
            #[cfg(not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")))]
            SiteRecorder::Paths => anyhow::bail!("call paths are counted on x86-64 Linux with glibc only"),
            SiteRecorder::Dhat => RunningProfile::Dhat(
                dhat::Profiler::builder().file_name(DHAT_FILE).trim_backtraces(Some(self.frames)).build(),
            ),
        })
    }

    /// The body has run: the profile is written.
    pub fn end(&mut self) {
        match self.running.take() {
            None => {}
            #[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
            Some(RunningProfile::Paths(profiler)) => {
                let profile = profiler.stop();
                self.failed = profile.write_dhat(Path::new(DHAT_FILE), self.frames).err();
            }
            // Dropping it writes its file.
            Some(RunningProfile::Dhat(profiler)) => drop(profiler),
        }
    }

    /// The profile that was written, in DHAT's format.
    ///
    /// # Errors
    /// It could not be taken or written, or no phase was measured.
    pub fn finish(self) -> Result<String> {
        self.failed.map_or(Ok(()), Err)?;
        std::fs::read_to_string(Path::new(DHAT_FILE))
            .with_context(|| format!("read {DHAT_FILE}: did the body measure no phase?"))
    }
}
