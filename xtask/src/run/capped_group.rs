//! A group of processes whose memory the kernel caps: a control group of version 1 or 2.
//!
//! Nothing but the child of one step is ever in it: it joins by itself, before its program starts. The group
//! is removed when it is dropped. Swap is capped with the memory, or a floor would be that of the swap
//! device.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Where Linux shows its control groups.
const ROOT: &str = "/sys/fs/cgroup";

/// The interface of the memory controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GroupVersion {
    One,
    Two,
}

/// Where groups can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupParent {
    folder: PathBuf,
    version: GroupVersion,
}

impl GroupParent {
    /// The place on this machine.
    ///
    /// # Errors
    /// When there is no memory controller, or this user may make no group.
    pub fn find() -> Result<GroupParent> {
        let own = fs::read_to_string("/proc/self/cgroup")
            .context("floor caps memory by control groups, which Linux alone has")?;
        let parent = GroupParent::of(&own, Path::new(ROOT))?;
        // Now, and not after a build.
        parent.group(None)?;
        Ok(parent)
    }

    /// By the lines of /proc/self/cgroup: `id:controllers:path`.
    fn of(own: &str, root: &Path) -> Result<GroupParent> {
        let lines = || own.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
        if let Some((_, path)) = lines().find(|(names, _)| names.split(',').any(|name| name == "memory")) {
            let controller = root.join("memory");
            let own = controller.join(path.trim_start_matches('/'));
            // In a container the path may be the host's.
            let folder = if own.is_dir() { own } else { controller };
            return Ok(GroupParent { folder, version: GroupVersion::One });
        }
        let own = lines().find(|(names, _)| names.is_empty()).map(|(_, path)| path.trim_start_matches('/'));
        let hands_on = |folder: &Path| {
            let controllers = fs::read_to_string(folder.join("cgroup.subtree_control")).unwrap_or_default();
            controllers.split_whitespace().any(|name| name == "memory")
        };
        // A group that has processes hands no controller on, so it is one of those around it.
        let own = own.map(|path| root.join(path));
        let around = own.iter().flat_map(|own| own.ancestors()).take_while(|folder| folder.starts_with(root));
        match around.map(Path::to_path_buf).find(|folder| hands_on(folder)) {
            Some(folder) => Ok(GroupParent { folder, version: GroupVersion::Two }),
            None => bail!(
                "no control group here hands on the memory controller: run as root, or in a delegated group, as by \
                 `systemd-run --user --scope -p Delegate=yes -- cargo xtask floor ...`"
            ),
        }
    }

    /// A group with a cap in bytes, or without one.
    ///
    /// # Errors
    /// When this user may not make or cap one.
    pub fn group(&self, cap_bytes: Option<u64>) -> Result<CappedGroup> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("membench-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let folder = self.folder.join(name);
        fs::create_dir(&folder).with_context(|| {
            format!(
                "make the control group {}: it takes root, or a group that is delegated to you",
                folder.display()
            )
        })?;
        let group = CappedGroup { folder, version: self.version };
        if let Some(bytes) = cap_bytes {
            let (memory, swap, swap_bytes) = match self.version {
                GroupVersion::One => ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", bytes),
                GroupVersion::Two => ("memory.max", "memory.swap.max", 0),
            };
            group.write(memory, bytes)?;
            if group.folder.join(swap).exists() {
                group.write(swap, swap_bytes)?;
            }
        }
        Ok(group)
    }
}

/// How a child joins a group.
#[derive(Clone, Debug)]
pub struct JoinGroup {
    processes: PathBuf,
}

impl JoinGroup {
    /// A shell that joins and then becomes this program, whose arguments follow.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("/bin/sh");
        let join = "echo $$ > \"$1\" && shift && exec \"$@\"";
        command.args(["-c", join, "floor"]).arg(&self.processes).arg(program);
        command
    }
}

/// A group for one child.
#[derive(Debug)]
pub struct CappedGroup {
    folder: PathBuf,
    version: GroupVersion,
}

impl CappedGroup {
    fn write(&self, file: &str, bytes: u64) -> Result<()> {
        let path = self.folder.join(file);
        fs::write(&path, bytes.to_string()).with_context(|| format!("write {bytes} to {}", path.display()))
    }

    /// Starts a program that joins the group first; its words follow.
    pub fn joining(&self) -> JoinGroup {
        JoinGroup { processes: self.folder.join("cgroup.procs") }
    }

    /// The most that it held, in bytes; `None` where the kernel does not tell (version 2 before Linux 5.19).
    pub fn peak_bytes(&self) -> Option<u64> {
        let measure = match self.version {
            GroupVersion::One => "max_usage_in_bytes",
            GroupVersion::Two => "peak",
        };
        fs::read_to_string(self.folder.join(format!("memory.{measure}"))).ok()?.trim().parse().ok()
    }

    /// Whether the kernel killed a process of it because of the cap.
    pub fn was_killed(&self) -> bool {
        let file = match self.version {
            GroupVersion::One => "memory.oom_control",
            GroupVersion::Two => "memory.events",
        };
        kills(&fs::read_to_string(self.folder.join(file)).unwrap_or_default()) > 0
    }
}

/// The line `oom_kill N`.
fn kills(events: &str) -> u64 {
    let line = events.lines().find_map(|line| line.strip_prefix("oom_kill "));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

impl Drop for CappedGroup {
    fn drop(&mut self) {
        // A process that was just killed is in it until the kernel has let it go.
        for _ in 0..100 {
            if fs::remove_dir(&self.folder).is_ok() || !self.folder.exists() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        eprintln!("warning: the control group {} could not be removed", self.folder.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_found_in_both_versions() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let version_one = "4:memory:/jobs/7\n3:cpu,cpuacct:/\n0::/\n";
        fs::create_dir_all(root.join("memory")).unwrap();
        let found = GroupParent::of(version_one, root).unwrap();
        assert_eq!(found, GroupParent { folder: root.join("memory"), version: GroupVersion::One });
        fs::create_dir_all(root.join("memory/jobs/7")).unwrap();
        assert_eq!(GroupParent::of(version_one, root).unwrap().folder, root.join("memory/jobs/7"));
        // Version 2: the nearest around that hands the controller on.
        let slice = root.join("user.slice");
        fs::create_dir_all(slice.join("shell.scope")).unwrap();
        let version_two = "0::/user.slice/shell.scope\n";
        let error = GroupParent::of(version_two, root).unwrap_err().to_string();
        assert!(error.contains("systemd-run --user --scope"), "{error}");
        fs::write(root.join("cgroup.subtree_control"), "cpu memory pids\n").unwrap();
        assert_eq!(GroupParent::of(version_two, root).unwrap().folder, root);
        fs::write(slice.join("cgroup.subtree_control"), "memory\n").unwrap();
        let found = GroupParent::of(version_two, root).unwrap();
        assert_eq!(found, GroupParent { folder: slice, version: GroupVersion::Two });
    }

    #[test]
    fn kills_are_read_from_the_events_of_both_versions() {
        for (events, killed) in [
            ("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", 2),
            ("low 0\nhigh 0\nmax 31\noom 1\noom_kill 1\n", 1),
            ("low 0\noom_kill 0\n", 0),
            ("", 0),
        ] {
            assert_eq!(kills(events), killed, "{events}");
        }
    }
}
