//! Linux's `/proc/<pid>/status`, as text: the same for a process that reads itself and for one that watches
//! another.

use crate::evidence::ProcessMemory;

/// The memory that the text tells of; nothing if the process has none any more, or is a thread of the kernel.
pub fn memory(status: &str) -> Option<ProcessMemory> {
    // The kernel leaves huge pages that were reserved for it out of every RSS.
    let huge = bytes(status, "HugetlbPages:").unwrap_or(0);
    Some(ProcessMemory {
        rss_bytes: bytes(status, "VmRSS:")?.saturating_add(huge),
        rss_anon_bytes: bytes(status, "RssAnon:").map(|bytes| bytes.saturating_add(huge)),
        rss_file_bytes: bytes(status, "RssFile:"),
        rss_shmem_bytes: bytes(status, "RssShmem:"),
        threads: number(status, "Threads:"),
    })
}

/// Peak RSS in bytes since the process began, or since it was last reset.
pub fn peak_rss_bytes(status: &str) -> Option<u64> {
    bytes(status, "VmHWM:")
}

/// A line `Key: 1234 kB` in bytes: the file counts in kB of 1024 bytes.
pub fn bytes(status: &str, key: &str) -> Option<u64> {
    Some(number(status, key)? * 1024)
}

fn number(status: &str, key: &str) -> Option<u64> {
    word(status, key)?.parse().ok()
}

/// The first word behind a key that stands, with its colon, at the start of a line.
pub fn word<'a>(status: &'a str, key: &str) -> Option<&'a str> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_ascii_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_their_key() {
        let status = "Name:\tx\nState:\tS (sleeping)\nVmHWM:\t    1234 kB\nVmRSS:\t  1000 kB\nThreads:\t3\n";
        assert_eq!(peak_rss_bytes(status), Some(1234 * 1024));
        assert_eq!(word(status, "State:"), Some("S"));
        let memory = memory(status).unwrap();
        assert_eq!((memory.rss_bytes, memory.threads), (1000 * 1024, Some(3)));
        assert_eq!(memory.rss_anon_bytes, None);
        let huge = format!("{status}RssAnon:\t 600 kB\nHugetlbPages:\t 2048 kB\n");
        let memory = super::memory(&huge).unwrap();
        assert_eq!((memory.rss_bytes, memory.rss_anon_bytes), (3048 * 1024, Some(2648 * 1024)));
        assert_eq!(super::memory("Name:\tkthreadd\nThreads:\t1\n"), None);
    }
}
