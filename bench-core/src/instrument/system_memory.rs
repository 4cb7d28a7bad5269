//! How much memory is available to this process: what the system has to spare, and what a container's limit
//! leaves.
//!
//! Linux: `MemAvailable` of `/proc/meminfo`, and the room below the limit of each memory cgroup (v1 or v2)
//! that the process is in, whichever is least. A cgroup's room counts pages of files that were not used for
//! long as available, as `MemAvailable` does: the kernel takes them back first (the "working set" of
//! Kubernetes). Elsewhere sysinfo is asked.

#[cfg(not(target_os = "linux"))]
pub use elsewhere::SystemProbe;
#[cfg(target_os = "linux")]
pub use linux::SystemProbe;

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{self, File};
    use std::io::ErrorKind;
    use std::path::{Component, Path, PathBuf};

    use super::super::process_memory::read_file;

    /// Reads what is available. The files stay open: a reading takes no heap.
    pub struct SystemProbe {
        meminfo: Option<File>,
        /// Absent when the process is in a group whose limit cannot be known: then what is available cannot,
        /// either.
        groups: Option<Vec<MemoryGroup>>,
    }

    impl SystemProbe {
        /// Opens the files below `root`, which is `/` but in tests. What is not there is left out.
        pub fn open(root: &Path) -> SystemProbe {
            SystemProbe { meminfo: File::open(root.join("proc/meminfo")).ok(), groups: groups(root) }
        }

        /// The bytes that can still be allocated without swapping; `None` if that cannot be told.
        pub fn available_bytes(&self) -> Option<u64> {
            let mut available = self.meminfo.as_ref().and_then(mem_available);
            for group in self.groups.as_ref()? {
                if let Some(room) = group.room()? {
                    available = Some(available.map_or(room, |available| available.min(room)));
                }
            }
            available
        }
    }

    /// `MemAvailable` in bytes: the file counts in kB of 1024 bytes.
    fn mem_available(meminfo: &File) -> Option<u64> {
        let mut buffer = [0; 512];
        let line =
            read_file(meminfo, &mut buffer)?.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        Some(line.split_ascii_whitespace().next()?.parse::<u64>().ok()? * 1024)
    }

    /// The names of a cgroup's files.
    struct Layout {
        limit: &'static str,
        usage: &'static str,
        /// The line of `memory.stat` with the pages of files that were not used for long.
        inactive_file: &'static str,
    }

    const VERSION_1: Layout = Layout {
        limit: "memory.limit_in_bytes",
        usage: "memory.usage_in_bytes",
        inactive_file: "total_inactive_file ",
    };
    const VERSION_2: Layout =
        Layout { limit: "memory.max", usage: "memory.current", inactive_file: "inactive_file " };

    /// A cgroup that the process is in, or one that encloses it.
    struct MemoryGroup {
        limit: File,
        usage: File,
        stat: Option<File>,
        inactive_file: &'static str,
    }

    impl MemoryGroup {
        /// Opens the group's files: `Some(None)` when the folder holds no limit, `None` when they cannot be
        /// read.
        fn open(folder: &Path, layout: &Layout) -> Option<Option<MemoryGroup>> {
            let limit = match File::open(folder.join(layout.limit)) {
                Ok(limit) => limit,
                // The group at the top of v2 has no limit; inside a container the path of the group may not
                // be visible.
                Err(error) if error.kind() == ErrorKind::NotFound => return Some(None),
                Err(_) => return None,
            };
            let usage = File::open(folder.join(layout.usage)).ok()?;
            let stat = File::open(folder.join("memory.stat")).ok();
            Some(Some(MemoryGroup { limit, usage, stat, inactive_file: layout.inactive_file }))
        }

        /// The bytes up to the limit: `Some(None)` without a limit, `None` when it cannot be told.
        fn room(&self) -> Option<Option<u64>> {
            let mut buffer = [0; 64];
            let limit = match read_file(&self.limit, &mut buffer)?.trim() {
                "max" => return Some(None),
                number => number.parse::<u64>().ok()?,
            };
            let usage = read_file(&self.usage, &mut buffer)?.trim().parse::<u64>().ok()?;
            // Without the statistics every page of a file counts as used: less is available than there may
            // be.
            let reclaimable = self.inactive_file_bytes().unwrap_or(0);
            Some(Some(limit.saturating_sub(usage.saturating_sub(reclaimable))))
        }

        fn inactive_file_bytes(&self) -> Option<u64> {
            let mut buffer = [0; 8192];
            let stat = read_file(self.stat.as_ref()?, &mut buffer)?;
            stat.lines().find_map(|line| line.strip_prefix(self.inactive_file))?.trim().parse().ok()
        }
    }

    /// The memory groups that the process is in, itself and all that enclose it; `None` when one cannot be
    /// read.
    fn groups(root: &Path) -> Option<Vec<MemoryGroup>> {
        let mut groups = Vec::new();
        // A kernel without cgroups has no such file.
        let memberships = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
        for line in memberships.lines() {
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
            let (mount, layout) = match controllers {
                "" => ("sys/fs/cgroup", VERSION_2),
                _ if controllers.split(',').any(|name| name == "memory") => {
                    ("sys/fs/cgroup/memory", VERSION_1)
                }
                _ => continue,
            };
            for folder in folders(&root.join(mount), path) {
                groups.extend(MemoryGroup::open(&folder, &layout)?);
            }
        }
        Some(groups)
    }

    /// The folder of a group and those of all that enclose it, up to the mount.
    fn folders(mount: &Path, path: &str) -> Vec<PathBuf> {
        let mut folders = vec![mount.to_path_buf()];
        let names = Path::new(path).components().filter(|part| *part != Component::RootDir);
        for name in names {
            // A group outside of the container's own tree (`/../x`) is not visible.
            let Component::Normal(name) = name else { break };
            let inner = folders[folders.len() - 1].join(name);
            folders.push(inner);
        }
        folders
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        const MIB: u64 = 1 << 20;

        /// Available bytes in a root with these files, and 1000 MiB in `/proc/meminfo`.
        fn available(files: &[(&str, &str)]) -> Option<u64> {
            let meminfo = "MemTotal: 9000000 kB\nMemFree: 1 kB\nMemAvailable:    1024000 kB\nBuffers: 5 kB\n";
            available_of(&[&[("proc/meminfo", meminfo)], files].concat())
        }

        fn available_of(files: &[(&str, &str)]) -> Option<u64> {
            let root = tempfile::tempdir().unwrap();
            for (path, text) in files {
                let path = root.path().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            SystemProbe::open(root.path()).available_bytes()
        }

        #[test]
        fn without_a_cgroup_the_system_says_what_is_available() {
            assert_eq!(available(&[]), Some(1000 * MIB));
            assert_eq!(available(&[("proc/self/cgroup", "0::/\n")]), Some(1000 * MIB));
            let unlimited = [("proc/self/cgroup", "0::/a\n"), ("sys/fs/cgroup/a/memory.max", "max\n")];
            let usage = ("sys/fs/cgroup/a/memory.current", "5\n");
            assert_eq!(available(&[&unlimited[..], &[usage]].concat()), Some(1000 * MIB));
        }

        #[test]
        fn a_limit_of_version_2_is_the_system_wherever_in_the_tree_it_stands() {
            let own = ("proc/self/cgroup", "0::/user/job\n");
            for folder in ["", "user/", "user/job/"] {
                let max = format!("sys/fs/cgroup/{folder}memory.max");
                let current = format!("sys/fs/cgroup/{folder}memory.current");
                let files = [own, (&max, "209715200\n"), (&current, "52428800\n")];
                assert_eq!(available(&files), Some(150 * MIB), "{folder:?}");
                let stat = format!("sys/fs/cgroup/{folder}memory.stat");
                let stat = (stat.as_str(), "anon 7\ninactive_anon 3\ninactive_file 10485760\nslab 1\n");
                assert_eq!(available(&[&files[..], &[stat]].concat()), Some(160 * MIB), "{folder:?}");
            }
            let other =
                [("sys/fs/cgroup/other/memory.max", "1\n"), ("sys/fs/cgroup/other/memory.current", "1\n")];
            assert_eq!(available(&[&other[..], &[own]].concat()), Some(1000 * MIB), "not our group");
        }

        #[test]
        fn the_smallest_room_counts_and_there_is_never_less_than_none() {
            let files = |current: &'static str| {
                [
                    ("proc/self/cgroup", "0::/a\n"),
                    ("sys/fs/cgroup/memory.max", "209715200\n"),
                    ("sys/fs/cgroup/memory.current", "1048576\n"),
                    ("sys/fs/cgroup/a/memory.max", "104857600\n"),
                    ("sys/fs/cgroup/a/memory.current", current),
                ]
            };
            assert_eq!(available(&files("1048576\n")), Some(99 * MIB));
            assert_eq!(
                available(&files("204857600\n")),
                Some(0),
                "above the limit while the kernel reclaims"
            );
        }

        #[test]
        fn a_limit_of_version_1_is_the_system() {
            let groups = ("proc/self/cgroup", "11:cpu,cpuacct:/x\n4:memory:/docker/1f\n1:name=systemd:/y\n");
            let stat = "inactive_file 1\ntotal_inactive_file 1048576\n";
            // As inside a container: the group's own path is not visible, the mount is the group.
            let files = [
                groups,
                ("sys/fs/cgroup/memory/memory.limit_in_bytes", "104857600\n"),
                ("sys/fs/cgroup/memory/memory.usage_in_bytes", "31457280\n"),
                ("sys/fs/cgroup/memory/memory.stat", stat),
            ];
            assert_eq!(available(&files), Some(71 * MIB));
            let unlimited = ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
            assert_eq!(available(&[groups, unlimited, files[2]]), Some(1000 * MIB));
        }

        #[test]
        fn what_cannot_be_told_is_absent_and_not_a_guess() {
            assert_eq!(available_of(&[]), None, "nothing at all");
            let group = ("proc/self/cgroup", "0::/a\n");
            let max = ("sys/fs/cgroup/a/memory.max", "104857600\n");
            assert_eq!(available(&[group, max]), None, "a limit without its use");
            let current = ("sys/fs/cgroup/a/memory.current", "nonsense\n");
            assert_eq!(available(&[group, max, current]), None, "a use that is no number");
            let current = ("sys/fs/cgroup/a/memory.current", "1048576\n");
            assert_eq!(available_of(&[group, max, current]), Some(99 * MIB), "the cgroup alone is enough");
            assert_eq!(available_of(&[("proc/meminfo", "MemTotal: 9 kB\n")]), None, "an old kernel");
        }

        #[test]
        fn a_group_outside_of_the_container_is_not_looked_for() {
            let outside = folders(Path::new("/sys/fs/cgroup"), "/../../other");
            assert_eq!(outside, [Path::new("/sys/fs/cgroup")]);
        }

        #[test]
        fn this_machine_has_memory() {
            let available = SystemProbe::open(Path::new("/")).available_bytes();
            assert!(available.is_some_and(|bytes| bytes > MIB), "{available:?}");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::path::Path;
    use std::sync::Mutex;

    use sysinfo::System;

    /// Reads what is available through sysinfo.
    pub struct SystemProbe(Option<Mutex<System>>);

    impl SystemProbe {
        /// There are no files to read: `root` is not looked at.
        pub fn open(_root: &Path) -> SystemProbe {
            SystemProbe(System::new().ok().map(Mutex::new))
        }

        /// The bytes that can still be allocated without swapping; `None` if sysinfo does not know the
        /// memory.
        pub fn available_bytes(&self) -> Option<u64> {
            let mut system = self.0.as_ref()?.lock().ok()?;
            system.refresh_memory();
            (system.total_memory() > 0).then(|| system.available_memory())
        }
    }
}
