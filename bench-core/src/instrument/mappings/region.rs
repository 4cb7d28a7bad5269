//! A mapped region of addresses and what it is backed by.

/// What backs a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backing {
    /// Memory without a name: it must stay, or be swapped out.
    Anon,
    /// A file: the kernel may take its pages back.
    File,
}

/// Addresses that are mapped in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) backing: Backing,
}

impl Region {
    /// Its length.
    pub(super) fn bytes(&self) -> u64 {
        (self.end - self.start) as u64
    }
}
