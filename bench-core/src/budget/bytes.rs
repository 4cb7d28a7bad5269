//! A number of bytes that knows its unit.

use std::fmt;

use crate::metric::BINARY_SIZES;

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(u64);

impl Bytes {
    /// So many bytes.
    pub const fn new(bytes: u64) -> Bytes {
        Bytes(bytes)
    }

    /// So many KiB of 2^10 bytes.
    pub const fn kib(kib: u64) -> Bytes {
        Bytes(kib << 10)
    }

    /// So many MiB of 2^20 bytes.
    pub const fn mib(mib: u64) -> Bytes {
        Bytes(mib << 20)
    }

    /// The plain number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The sum, or the most there can be.
    pub const fn plus(self, more: Bytes) -> Bytes {
        Bytes(self.0.saturating_add(more.0))
    }

    /// The difference; 0 when there is less than that.
    pub const fn minus(self, less: Bytes) -> Bytes {
        Bytes(self.0.saturating_sub(less.0))
    }
}

/// `900 B`, `128 KiB`, `7.9 MiB`, `312 MiB`: with a digit behind the point where there are fewer than three
/// before it.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = ByteUnit::of(*self);
        write!(f, "{} {}", unit.number(*self, *self), unit.name)
    }
}

/// A unit for people.
#[derive(Clone, Copy)]
pub(super) struct ByteUnit {
    pub(super) name: &'static str,
    bytes: u64,
}

impl ByteUnit {
    /// The unit in which `bytes` reads well.
    pub(super) fn of(bytes: Bytes) -> ByteUnit {
        // A budget in GiB would hide what a batch takes of it.
        let [byte, kib, mib, ..] = BINARY_SIZES;
        let fits = [mib, kib].into_iter().find(|(size, _)| bytes.0 >= *size);
        let (bytes, name) = fits.unwrap_or(byte);
        ByteUnit { name, bytes }
    }

    /// `bytes` in this unit, as exactly as `like` needs it.
    pub(super) fn number(self, bytes: Bytes, like: Bytes) -> String {
        let in_unit = bytes.0 as f64 / self.bytes as f64;
        let is_whole = like.0 >= 100 * self.bytes || like.0.is_multiple_of(self.bytes) && bytes == like;
        if is_whole { format!("{in_unit:.0}") } else { format!("{in_unit:.1}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_bytes_reads_well() {
        for (bytes, text) in [
            (Bytes::new(0), "0 B"),
            (Bytes::new(900), "900 B"),
            (Bytes::kib(1), "1 KiB"),
            (Bytes::new(1536), "1.5 KiB"),
            (Bytes::mib(8), "8 MiB"),
            (Bytes::new(8 * 1_048_576 - 1), "8.0 MiB"),
            (Bytes::new(312 * 1_048_576 + 5), "312 MiB"),
        ] {
            assert_eq!(bytes.to_string(), text);
        }
    }
}
