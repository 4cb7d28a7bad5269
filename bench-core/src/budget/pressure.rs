//! Pressure: how near memory is to its limit, in four levels.

use std::fmt;

use super::Bytes;

/// How near memory is to its limit. The order is that of severity, so the worse of two is their `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pressure {
    /// Below 70 % of the limit.
    Normal,
    /// From 70 % of the limit, or below twice the minimum that must stay available: take less at once.
    Warning,
    /// From 90 %, or below 1.5 times the minimum: take nothing more that can wait.
    Critical,
    /// From 100 %, or below the minimum: stop.
    Emergency,
}

impl Pressure {
    /// Every level, the mildest first.
    pub const ALL: [Pressure; 4] =
        [Pressure::Normal, Pressure::Warning, Pressure::Critical, Pressure::Emergency];

    /// The level of what is used of a limit. A border belongs to the level above it.
    pub fn of_used(used: Bytes, limit: Bytes) -> Pressure {
        let (tenths, limit) = (u128::from(used.get()) * 10, u128::from(limit.get()));
        match tenths {
            _ if tenths >= limit * 10 => Pressure::Emergency,
            _ if tenths >= limit * 9 => Pressure::Critical,
            _ if tenths >= limit * 7 => Pressure::Warning,
            _ => Pressure::Normal,
        }
    }

    /// The level of what is available where a minimum must stay. A border belongs to the level of more
    /// memory.
    pub fn of_available(available: Bytes, minimum: Bytes) -> Pressure {
        let (halves, minimum) = (u128::from(available.get()) * 2, u128::from(minimum.get()));
        match halves {
            _ if halves < minimum * 2 => Pressure::Emergency,
            _ if halves < minimum * 3 => Pressure::Critical,
            _ if halves < minimum * 4 => Pressure::Warning,
            _ => Pressure::Normal,
        }
    }
}

impl fmt::Display for Pressure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pressure::Normal => "Normal",
            Pressure::Warning => "Warning",
            Pressure::Critical => "Critical",
            Pressure::Emergency => "Emergency",
        })
    }
}

/// How often each level was met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LevelCounts([u64; 4]);

impl LevelCounts {
    /// How often `level` was met.
    pub fn of(&self, level: Pressure) -> u64 {
        self.0[level as usize]
    }

    pub(super) fn add(&mut self, level: Pressure) {
        self.0[level as usize] += 1;
    }

    pub(super) fn add_all(&mut self, other: &LevelCounts) {
        self.0.iter_mut().zip(other.0).for_each(|(count, more)| *count += more);
    }
}

/// `Normal 12, Warning 3`: the levels that were met.
impl fmt::Display for LevelCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let met = Pressure::ALL.into_iter().filter(|level| self.of(*level) > 0);
        let mut separator = "";
        for level in met {
            write!(f, "{separator}{level} {}", self.of(level))?;
            separator = ", ";
        }
        if separator.is_empty() { f.write_str("no check") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Pressure::{Critical, Emergency, Normal, Warning};

    #[test]
    fn a_border_of_use_belongs_to_the_level_above() {
        for (used, limit, level) in [
            (0, 1000, Normal),
            (699, 1000, Normal),
            (700, 1000, Warning),
            (899, 1000, Warning),
            (900, 1000, Critical),
            (999, 1000, Critical),
            (1000, 1000, Emergency),
            (u64::MAX, 1000, Emergency),
            // No border is a whole number of bytes here.
            (2, 3, Normal),
            (u64::MAX / 10 * 7 - 1, u64::MAX / 10 * 10, Normal),
            (u64::MAX / 10 * 7, u64::MAX / 10 * 10, Warning),
        ] {
            assert_eq!(Pressure::of_used(Bytes::new(used), Bytes::new(limit)), level, "{used} of {limit}");
        }
    }

    #[test]
    fn a_border_of_what_is_available_belongs_to_more_memory() {
        for (available, minimum, level) in [
            (2000, 1000, Normal),
            (1999, 1000, Warning),
            (1500, 1000, Warning),
            (1499, 1000, Critical),
            (1000, 1000, Critical),
            (999, 1000, Emergency),
            (0, 1000, Emergency),
            // One and a half times 3 lies between 4 and 5.
            (5, 3, Warning),
            (4, 3, Critical),
            (u64::MAX, u64::MAX, Critical),
        ] {
            let pressure = Pressure::of_available(Bytes::new(available), Bytes::new(minimum));
            assert_eq!(pressure, level, "{available} with a minimum of {minimum}");
        }
    }

    #[test]
    fn the_levels_that_were_met_are_named() {
        let mut counts = LevelCounts::default();
        assert_eq!(counts.to_string(), "no check");
        [Normal, Critical, Normal].into_iter().for_each(|level| counts.add(level));
        assert_eq!(counts.to_string(), "Normal 2, Critical 1");
        assert_eq!(Pressure::ALL.map(|level| counts.of(level)), [2, 0, 1, 0]);
    }
}
