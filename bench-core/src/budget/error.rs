//! Why a budget cannot be made, or gives no answer.

use std::fmt;

/// A budget that could not be made, or that sees nothing. Its `Debug` is its `Display`, so that `unwrap` and
/// `?` in a test print it well.
#[derive(Clone, PartialEq, Eq)]
pub enum BudgetError {
    /// It has no limit at all.
    NoLimit,
    /// A limit is 0 bytes: of the heap, the process or the system.
    ZeroLimit(&'static str),
    /// Nothing that has a limit can be read; what there is instead, in one line.
    Blind(String),
}

/// Why limits may have nothing to compare with.
const BLIND_BECAUSE: &str = "the heap is seen where CountingAllocator is the #[global_allocator]; process and system are \
                             read from /proc and /sys/fs/cgroup on Linux, through sysinfo elsewhere";

impl std::error::Error for BudgetError {}

impl fmt::Debug for BudgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for BudgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BudgetError::NoLimit => {
                f.write_str("a memory budget needs a limit: for the heap, the process or the system")
            }
            BudgetError::ZeroLimit(of) => write!(f, "the memory budget's limit for the {of} is 0 bytes"),
            BudgetError::Blind(status) => write!(f, "the memory budget is blind: {status} ({BLIND_BECAUSE})"),
        }
    }
}
