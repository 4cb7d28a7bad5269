//! PSS of a process and all its descendants.
//!
//! PostgreSQL is a process per connection, and all of them map the shared buffers. Summing RSS would count those again
//! in each; PSS counts a page that n processes share as 1/n in each (proc_pid_smaps(5)), so that the sum has it once.

use std::fs;
use std::io::{Error, ErrorKind};

use crate::evidence::ServerMemory;
use crate::process_status;

/// The sum over the process `root` and its descendants.
pub(super) fn read(root: u32) -> Result<ServerMemory, String> {
    let mut sum = pss(root).map_err(|error| unreadable(root, &error))?;
    let mut waiting = children(root)?;
    while let Some(pid) = waiting.pop() {
        match pss(pid) {
            Ok(memory) => sum = sum.plus(memory),
            // It ended meanwhile.
            Err(error) if has_ended(&error) => continue,
            Err(error) => return Err(unreadable(pid, &error)),
        }
        waiting.extend(children(pid)?);
    }
    Ok(sum)
}

fn pss(pid: u32) -> Result<ServerMemory, Error> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let bytes = |key: &str| process_status::bytes(&rollup, key);
    // A process that is about to end has no memory any more, and no line.
    Ok(ServerMemory {
        pss_bytes: Some(bytes("Pss:").ok_or(ErrorKind::NotFound)?),
        pss_anon_bytes: bytes("Pss_Anon:"),
        pss_file_bytes: bytes("Pss_File:"),
        pss_shmem_bytes: bytes("Pss_Shmem:"),
        processes: Some(1),
        ..ServerMemory::default()
    })
}

/// The children of each of the process's threads.
fn children(pid: u32) -> Result<Vec<u32>, String> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for thread in threads.flatten() {
        match fs::read_to_string(thread.path().join("children")) {
            Ok(list) => all.extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok())),
            Err(_) if !thread.path().exists() => {}
            Err(error) => return Err(format!("the children of process {pid} cannot be read ({error})")),
        }
    }
    Ok(all)
}

fn has_ended(error: &Error) -> bool {
    // ESRCH: the file was opened, and the process is gone.
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(3)
}

fn unreadable(pid: u32, error: &Error) -> String {
    if has_ended(error) {
        return format!("process {pid} has ended, or is hidden from this one");
    }
    format!(
        "/proc/{pid}/smaps_rollup cannot be read ({error}): run the bench as the server's user, or as root"
    )
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_tree_is_the_process_and_its_descendants() {
        // A shell that waits for a shell that waits for a sleep.
        let mut shell = Command::new("sh");
        shell.args(["-c", "sh -c 'sleep 60; true'; true"]).stdin(Stdio::null());
        let mut shell = shell.spawn().unwrap();
        let whole = || read(shell.id()).unwrap();
        let started = std::time::Instant::now();
        while whole().processes != Some(3) {
            assert!(started.elapsed().as_secs() < 30, "{:?}", whole());
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let (tree, root) = (whole(), pss(shell.id()).unwrap());
        assert!(tree.pss_bytes > root.pss_bytes && root.pss_bytes > Some(0), "{tree:?} {root:?}");
        let parts = [tree.pss_anon_bytes, tree.pss_file_bytes, tree.pss_shmem_bytes].map(Option::unwrap);
        assert!(parts.iter().sum::<u64>().abs_diff(tree.pss_bytes.unwrap()) <= 3 * 3 * 1024, "{tree:?}");
        let mut descendants = children(shell.id()).unwrap();
        descendants.extend(children(descendants[0]).unwrap());
        for pid in descendants {
            Command::new("kill").arg(pid.to_string()).status().unwrap();
        }
        shell.wait().unwrap();
        assert!(read(shell.id()).unwrap_err().contains("has ended"));
    }
}
