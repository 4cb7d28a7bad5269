//! The facts of a host, by name, and what hangs on each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What hangs on a condition, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It is worth knowing.
    Note,
    /// Noisy metrics are not compared.
    Noisy,
    /// No metric is compared.
    Every,
}

/// Every fact that a host can have, with what hangs on it between two runs.
pub const HOST_FACTS: [(&str, Weight); 15] = [
    ("os", Weight::Every),
    ("kernel", Weight::Note),
    ("arch", Weight::Every),
    ("cpu", Weight::Note),
    ("cores", Weight::Note),
    ("ram_bytes", Weight::Note),
    ("page_bytes", Weight::Noisy),
    ("libc", Weight::Noisy),
    ("rustc", Weight::Note),
    ("transparent_hugepages", Weight::Noisy),
    ("overcommit", Weight::Noisy),
    ("swap_bytes", Weight::Noisy),
    ("cgroup_limit_bytes", Weight::Noisy),
    ("cargo_lock", Weight::Note),
    ("target", Weight::Every),
];

/// The machine and the settings that travel with each number. What could not be read is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostFacts {
    /// Those of [`HOST_FACTS`] that are known, by name. `cgroup_limit_bytes` is `none` without a limit.
    pub facts: BTreeMap<String, String>,
}
