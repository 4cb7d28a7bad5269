//! Facts that travel with each number: the machine, its settings, the revision. What cannot be read is
//! absent.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use bench_core::run::{HostFacts, Revision};
use sha2::{Digest, Sha256};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::build::workspace::root;
use crate::run::resident::page_bytes;

/// Asks the system.
pub fn facts() -> HostFacts {
    let system = System::new_with_specifics(
        RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram().with_swap()),
    );
    let system = system.ok();
    let cpu = system.as_ref().and_then(|system| system.cpus().first().map(|cpu| cpu.brand().to_string()));
    let facts = [
        ("os", Some(std::env::consts::OS.to_string())),
        ("kernel", System::kernel_version().ok()),
        ("arch", Some(std::env::consts::ARCH.to_string())),
        ("cpu", cpu),
        ("cores", std::thread::available_parallelism().ok().map(|cores| cores.to_string())),
        ("ram_bytes", system.as_ref().map(|system| system.total_memory().to_string())),
        ("swap_bytes", system.as_ref().map(|system| system.total_swap().to_string())),
        ("page_bytes", page_bytes().map(|bytes| bytes.to_string())),
        ("libc", libc()),
        ("rustc", first_line("rustc", &["-V"])),
        ("target", target()),
        ("transparent_hugepages", transparent_hugepages()),
        ("overcommit", read_word("/proc/sys/vm/overcommit_memory")),
        ("cgroup_limit_bytes", cgroup_limit()),
        (
            "cargo_lock",
            root().ok().and_then(|root| fs::read(root.join("Cargo.lock")).ok()).map(|bytes| sha256(&bytes)),
        ),
    ];
    let known = |(name, fact): (&str, Option<String>)| {
        let fact = fact?.trim().to_string();
        (!fact.is_empty()).then(|| (name.to_string(), fact))
    };
    HostFacts { facts: facts.into_iter().filter_map(known).collect::<BTreeMap<_, _>>() }
}

/// Asks git; nothing outside a checkout.
pub fn revision() -> Revision {
    let commit = first_line("git", &["rev-parse", "HEAD"]);
    let dirty = output("git", &["status", "--porcelain", "--untracked-files=no"]);
    Revision {
        dirty: commit.is_some() && dirty.is_some_and(|files| !files.trim().is_empty()),
        subject: first_line("git", &["log", "-1", "--format=%s"]),
        commit,
    }
}

/// What a command prints, if it is there and ends well.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root().ok()?)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    output(program, arguments)?.lines().next().map(str::to_string)
}

/// `glibc 2.36`, or what `ldd` calls itself (musl names itself on stderr, so it is absent).
fn libc() -> Option<String> {
    first_line("getconf", &["GNU_LIBC_VERSION"]).or_else(|| first_line("ldd", &["--version"]))
}

/// The platform that cargo builds for unless told otherwise: `x86_64-unknown-linux-gnu`.
fn target() -> Option<String> {
    let about = output("rustc", &["-vV"])?;
    about.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_string)
}

fn read_word(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_string())
}

/// The word in brackets: `always [madvise] never`.
fn transparent_hugepages() -> Option<String> {
    bracketed(&read_word("/sys/kernel/mm/transparent_hugepage/enabled")?)
}

fn bracketed(text: &str) -> Option<String> {
    Some(text.split_once('[')?.1.split_once(']')?.0.to_string())
}

/// The memory limit of our cgroup (version 2) or of the container's root cgroup, `none` without a limit;
/// absent where it cannot be read.
fn cgroup_limit() -> Option<String> {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let root = Path::new("/sys/fs/cgroup");
    [root.join(own).join("memory.max"), root.join("memory.max")]
        .iter()
        .find_map(|path| fs::read_to_string(path).ok())
        .map(|limit| if limit.trim() == "max" { "none".into() } else { limit.trim().to_string() })
}

/// The SHA-256 in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use bench_core::run::HOST_FACTS;

    use super::*;

    #[test]
    fn facts_are_named_and_never_empty() {
        let facts = facts().facts;
        for name in ["os", "arch", "cores", "cargo_lock"] {
            assert!(facts.contains_key(name), "{name}");
        }
        let is_known = |name: &String| HOST_FACTS.iter().any(|(known, _)| known == name);
        assert!(facts.iter().all(|(name, fact)| is_known(name) && !fact.is_empty()), "{facts:?}");
        assert_ne!(facts.get("ram_bytes").map(String::as_str), Some("0"));
    }

    #[test]
    fn a_hash_is_the_standards() {
        assert_eq!(sha256(b"")[..16], *"e3b0c44298fc1c14");
    }

    #[test]
    fn the_setting_is_the_word_in_brackets() {
        assert_eq!(bracketed("always [madvise] never").as_deref(), Some("madvise"));
        assert_eq!(bracketed("madvise"), None);
    }

    #[test]
    fn a_program_that_is_not_there_tells_nothing() {
        assert_eq!(output("no-such-program-here", &[]), None);
    }
}
