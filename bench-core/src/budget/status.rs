//! What memory is at an instant, against its limits: the pressure, and a line for a log.

use std::fmt;
use std::time::Instant;

use super::bytes::ByteUnit;
use super::{Bytes, Pressure};

/// How much memory may be used. What has no limit never decides; it is read to be shown, by a status, and not
/// by a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub(super) heap: Option<Bytes>,
    pub(super) process: Option<Bytes>,
    pub(super) system_available: Option<Bytes>,
}

impl Limits {
    /// The most live bytes of Rust's heap, as
    /// [`CountingAllocator`](crate::instrument::CountingAllocator) counts them.
    pub fn heap(mut self, most: Bytes) -> Limits {
        self.heap = Some(most);
        self
    }

    /// The most resident memory (RSS) of the process: what C and C++ code allocates and what the allocator
    /// keeps included.
    pub fn process(mut self, most: Bytes) -> Limits {
        self.process = Some(most);
        self
    }

    /// What must stay available to the system, or within the limit of the container that the process runs in.
    pub fn system_available(mut self, least: Bytes) -> Limits {
        self.system_available = Some(least);
        self
    }

    /// Each limit that is set, with its name.
    pub(super) fn set(&self) -> impl Iterator<Item = (&'static str, Bytes)> {
        let named = [("heap", self.heap), ("process", self.process), ("system", self.system_available)];
        named.into_iter().filter_map(|(name, limit)| Some((name, limit?)))
    }
}

/// What was read. What was not or could not be read is absent, never 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// Live bytes of Rust's heap.
    pub heap: Option<Bytes>,
    /// Resident memory of the process.
    pub process: Option<Bytes>,
    /// What can still be allocated in the system or the container.
    pub system_available: Option<Bytes>,
}

impl Readings {
    /// As it would be with `more` bytes allocated and touched.
    pub(super) fn with(self, more: Bytes) -> Readings {
        Readings {
            heap: self.heap.map(|used| used.plus(more)),
            process: self.process.map(|used| used.plus(more)),
            system_available: self.system_available.map(|available| available.minus(more)),
        }
    }
}

/// Readings against limits.
#[derive(Clone, Copy, Debug)]
pub struct Status {
    /// The limits of the budget.
    pub limits: Limits,
    /// What was read.
    pub readings: Readings,
    /// When it was read.
    pub read_at: Instant,
}

impl Status {
    /// The worst level of all that has a limit and could be read; nothing if there is no such thing.
    pub fn pressure(&self) -> Option<Pressure> {
        pressure(&self.limits, &self.readings)
    }
}

/// The worst level of all that has a limit and could be read.
pub(super) fn pressure(limits: &Limits, readings: &Readings) -> Option<Pressure> {
    let used = |used: Option<Bytes>, limit: Option<Bytes>| Some(Pressure::of_used(used?, limit?));
    let available =
        |available: Option<Bytes>, minimum: Option<Bytes>| Some(Pressure::of_available(available?, minimum?));
    let levels = [
        used(readings.heap, limits.heap),
        used(readings.process, limits.process),
        available(readings.system_available, limits.system_available),
    ];
    levels.into_iter().flatten().max()
}

/// One line: `heap 312/500 MiB 62 % | process 640 MiB | system absent, minimum 512 MiB: Normal`.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (limits, readings) = (&self.limits, &self.readings);
        write!(f, "heap {}", use_of(readings.heap, limits.heap))?;
        write!(f, " | process {}", use_of(readings.process, limits.process))?;
        match readings.system_available {
            Some(available) => write!(f, " | system {available} available")?,
            None => f.write_str(" | system absent")?,
        }
        if let Some(minimum) = limits.system_available {
            write!(f, ", minimum {minimum}")?;
        }
        match self.pressure() {
            Some(pressure) => write!(f, ": {pressure}"),
            None => f.write_str(": nothing that has a limit can be read"),
        }
    }
}

fn use_of(used: Option<Bytes>, limit: Option<Bytes>) -> String {
    match (used, limit) {
        (Some(used), Some(limit)) => {
            let unit = ByteUnit::of(limit);
            // Rounded down, so that 70 % is never said of a level below it.
            let percent = u128::from(used.get()) * 100 / u128::from(limit.get());
            format!("{}/{} {} {percent} %", unit.number(used, limit), unit.number(limit, limit), unit.name)
        }
        (Some(used), None) => used.to_string(),
        (None, Some(limit)) => format!("absent, limit {limit}"),
        (None, None) => "absent".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Pressure::{Critical, Emergency, Normal, Warning};

    fn readings(heap: Option<u64>, process: Option<u64>, system_available: Option<u64>) -> Readings {
        Readings {
            heap: heap.map(Bytes::mib),
            process: process.map(Bytes::mib),
            system_available: system_available.map(Bytes::mib),
        }
    }

    fn limits() -> Limits {
        Limits::default().heap(Bytes::mib(100)).process(Bytes::mib(200)).system_available(Bytes::mib(100))
    }

    #[test]
    fn the_worst_of_what_can_be_read_wins() {
        for (heap, process, system, level) in [
            (Some(10), Some(20), Some(900), Some(Normal)),
            (Some(70), Some(20), Some(900), Some(Warning)),
            (Some(10), Some(180), Some(900), Some(Critical)),
            (Some(70), Some(180), Some(99), Some(Emergency)),
            (Some(100), Some(180), Some(140), Some(Emergency)),
            (None, Some(140), Some(149), Some(Critical)),
            (None, None, Some(199), Some(Warning)),
            (Some(90), None, None, Some(Critical)),
            (None, None, None, None),
        ] {
            assert_eq!(
                pressure(&limits(), &readings(heap, process, system)),
                level,
                "{heap:?} {process:?} {system:?}"
            );
        }
    }

    /// Every combination of readings around the borders.
    #[test]
    fn more_used_or_less_available_is_never_milder() {
        let steps = [0, 69, 70, 71, 89, 90, 99, 100, 139, 140, 180, 199, 200, 1000];
        for heap in steps {
            for process in steps {
                for available in steps {
                    let now = readings(Some(heap), Some(process), Some(available));
                    let level = pressure(&limits(), &now).unwrap();
                    for more in steps {
                        let worse = pressure(&limits(), &now.with(Bytes::mib(more))).unwrap();
                        assert!(worse >= level, "{now:?} with {more} MiB more: {worse} after {level}");
                    }
                    let each = [
                        readings(Some(heap), None, None),
                        readings(None, Some(process), None),
                        readings(None, None, Some(available)),
                    ];
                    let worst = each.iter().filter_map(|alone| pressure(&limits(), alone)).max();
                    assert_eq!(worst, Some(level), "{now:?}");
                }
            }
        }
    }

    #[test]
    fn what_has_no_limit_does_not_decide() {
        let heap_only = Limits::default().heap(Bytes::mib(100));
        assert_eq!(pressure(&heap_only, &readings(Some(1), Some(99_999), Some(0))), Some(Normal));
        assert_eq!(pressure(&heap_only, &readings(None, Some(1), Some(1))), None);
        assert_eq!(pressure(&Limits::default(), &readings(Some(1), Some(1), Some(1))), None);
    }

    #[test]
    fn a_status_is_one_line_that_says_what_is_absent() {
        let line = |limits, readings| Status { limits, readings, read_at: Instant::now() }.to_string();
        let limits = Limits::default().heap(Bytes::mib(500)).process(Bytes::mib(1024));
        let limits = limits.system_available(Bytes::mib(512));
        assert_eq!(
            line(limits, readings(Some(312), Some(812), Some(1000))),
            "heap 312/500 MiB 62 % | process 812/1024 MiB 79 % | system 1000 MiB available, minimum 512 MiB: Warning"
        );
        assert_eq!(
            line(limits, readings(None, Some(812), None)),
            "heap absent, limit 500 MiB | process 812/1024 MiB 79 % | system absent, minimum 512 MiB: Warning"
        );
        assert_eq!(
            line(Limits::default().heap(Bytes::mib(8)), readings(Some(8), None, Some(2000))),
            "heap 8/8 MiB 100 % | process absent | system 2000 MiB available: Emergency"
        );
        assert_eq!(
            line(Limits::default().heap(Bytes::mib(8)), readings(None, Some(5), None)),
            "heap absent, limit 8 MiB | process 5 MiB | system absent: nothing that has a limit can be read"
        );
    }
}
