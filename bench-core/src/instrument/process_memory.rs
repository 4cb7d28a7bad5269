//! The kernel's view of a process, mostly this one: RSS and its parts, and the peak RSS of a phase.
//!
//! On Linux the readings come from `/proc`, through descriptors that stay open and buffers on the stack,
//! so that they cost the measured process no heap. Elsewhere sysinfo reads plain RSS; parts and peaks are
//! absent.

use crate::evidence::ProcessMemory;

#[cfg(not(target_os = "linux"))]
pub use elsewhere::ProcessProbe;
#[cfg(target_os = "linux")]
pub use linux::ProcessProbe;
#[cfg(target_os = "linux")]
pub(super) use linux::read_file;

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{File, OpenOptions};
    use std::os::unix::fs::FileExt;

    use anyhow::{Context, Result};

    use super::super::operating_system::page_bytes;
    use super::ProcessMemory;
    use crate::process_status;

    /// Reads the memory of this process, or of another one.
    pub struct ProcessProbe {
        status: File,
        statm: File,
        /// Absent where the kernel does not offer it (or forbids it): then peaks are absent.
        clear_refs: Option<File>,
        page_bytes: u64,
    }

    impl ProcessProbe {
        /// Opens the files below `/proc/self`.
        pub fn open() -> Result<ProcessProbe> {
            ProcessProbe::below("/proc/self")
        }

        /// Opens the files of another process.
        pub fn of(pid: u32) -> Result<ProcessProbe> {
            ProcessProbe::below(&format!("/proc/{pid}"))
        }

        fn below(folder: &str) -> Result<ProcessProbe> {
            let path = |name: &str| format!("{folder}/{name}");
            let open = |name| File::open(path(name)).with_context(|| format!("open {}", path(name)));
            Ok(ProcessProbe {
                status: open("status")?,
                statm: open("statm")?,
                clear_refs: OpenOptions::new().write(true).open(path("clear_refs")).ok(),
                page_bytes: page_bytes(),
            })
        }

        /// Everything at once, in about 10 us; `None` if unreadable.
        pub fn read(&self) -> Option<ProcessMemory> {
            let mut buffer = [0; 4096];
            let status = read_file(&self.status, &mut buffer)?;
            process_status::memory(status)
        }

        /// RSS anon and RSS file (with shared memory) in bytes, in about 1 us, for the sampler.
        pub fn read_resident(&self) -> Option<(u64, Option<u64>)> {
            let mut buffer = [0; 256];
            let statm = read_file(&self.statm, &mut buffer)?;
            let mut pages = statm.split_ascii_whitespace().skip(1).map(|word| word.parse::<u64>().ok());
            let (resident, shared) = (pages.next()??, pages.next()??);
            Some((resident.saturating_sub(shared) * self.page_bytes, Some(shared * self.page_bytes)))
        }

        /// Resets the peak RSS to the RSS of now; `false` if the kernel refuses (see proc_pid_clear_refs(5)).
        pub fn reset_peak(&self) -> bool {
            self.clear_refs.as_ref().is_some_and(|file| file.write_all_at(b"5", 0).is_ok())
        }

        /// Peak RSS in bytes since the last reset (`VmHWM`).
        pub fn peak_rss_bytes(&self) -> Option<u64> {
            let mut buffer = [0; 4096];
            process_status::peak_rss_bytes(read_file(&self.status, &mut buffer)?)
        }
    }

    /// The first bytes of an open file, as many as the buffer holds.
    pub fn read_file<'a>(file: &File, buffer: &'a mut [u8]) -> Option<&'a str> {
        let length = file.read_at(buffer, 0).ok()?;
        std::str::from_utf8(&buffer[..length]).ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::sync::Mutex;

    use anyhow::{Context, Result, anyhow};
    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

    use super::ProcessMemory;

    /// Reads the memory of a process through sysinfo.
    pub struct ProcessProbe {
        system: Mutex<System>,
        pid: Pid,
    }

    impl ProcessProbe {
        /// Finds this process.
        pub fn open() -> Result<ProcessProbe> {
            let pid =
                sysinfo::get_current_pid().map_err(|reason| anyhow!("find the own process: {reason}"))?;
            ProcessProbe::of(pid.as_u32())
        }

        /// Finds another process.
        pub fn of(pid: u32) -> Result<ProcessProbe> {
            let system = System::new().context("ask the system for its processes")?;
            Ok(ProcessProbe { system: Mutex::new(system), pid: Pid::from_u32(pid) })
        }

        /// Plain RSS; the parts are absent.
        pub fn read(&self) -> Option<ProcessMemory> {
            Some(ProcessMemory { rss_bytes: self.rss_bytes()?, ..ProcessMemory::default() })
        }

        /// Plain RSS in the place of RSS anon.
        pub fn read_resident(&self) -> Option<(u64, Option<u64>)> {
            Some((self.rss_bytes()?, None))
        }

        /// There is no peak to reset.
        pub fn reset_peak(&self) -> bool {
            false
        }

        /// Absent.
        pub fn peak_rss_bytes(&self) -> Option<u64> {
            None
        }

        fn rss_bytes(&self) -> Option<u64> {
            let mut system = self.system.lock().ok()?;
            let kind = ProcessRefreshKind::nothing().with_memory();
            system.refresh_processes_specifics(ProcessesToUpdate::Some(&[self.pid]), false, kind);
            Some(system.process(self.pid)?.memory())
        }
    }
}
