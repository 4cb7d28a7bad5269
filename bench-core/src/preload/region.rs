//! A mapped region of addresses and what it is backed by.

/// What backs a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Backing {
    /// Memory without a name: it must stay, or be swapped out.
    Anon = 0,
    /// A file: the kernel may take its pages back.
    File = 1,
}

/// Addresses that are mapped in one way, as they stand in a table of `layout.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Region {
    /// The first address.
    pub start: usize,
    /// The address behind the last.
    pub end: usize,
    /// What is there.
    pub backing: Backing,
}

/// The bytes of a region in a table.
pub const REGION_BYTES: usize = 24;

impl Region {
    /// Its length.
    pub fn bytes(&self) -> u64 {
        (self.end - self.start) as u64
    }

    /// The region that three numbers of a table say; `None` where they say none.
    pub fn of_words(start: u64, end: u64, backing: u64) -> Option<Region> {
        let backing = match backing {
            0 => Backing::Anon,
            1 => Backing::File,
            _ => return None,
        };
        let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
        (start <= end).then_some(Region { start, end, backing })
    }
}
