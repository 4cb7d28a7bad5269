//! What a case is to the project's own code.

/// A property of a case that changes how it is run or judged. In a stored run it is one of the case's tags,
/// by which users select cases, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Checks the instruments by counts that are known beforehand. Part of every bench.
    Calibration,
    /// Misbehaves on purpose. Runs only when it is named, or selected by its tag.
    Fault,
    /// Repeats one operation, so that `cargo xtask leaks` can see what stays.
    Loop,
    /// Part of the quick grid.
    Quick,
    /// Left out unless it is asked for.
    Slow,
    /// Its set-up embeds texts by a model, which may take minutes once. So a process of its own does it
    /// first.
    EmbedsFirst,
    /// The engine allocates behind Rust's back. So its leaks are looked for in mode `native`.
    ForeignHeap,
    /// The engine is a program of its own, which the case's process starts.
    Program,
}

impl Kind {
    /// The tag that stands for it.
    pub const fn tag(self) -> &'static str {
        match self {
            Kind::Calibration => "calibration",
            Kind::Fault => "fault",
            Kind::Loop => "loop",
            Kind::Quick => "quick",
            Kind::Slow => "slow",
            Kind::EmbedsFirst => "embeds_first",
            Kind::ForeignHeap => "foreign_heap",
            Kind::Program => "program",
        }
    }
}
