//! The rule that calls a series of readings a leak, or does not.
//!
//! On exact live bytes: [`WARM_UP`] iterations are not looked at. A stretch of [`MEASURED`] readings that
//! rises makes a suspect, and the readings behind it have to confirm it: fresh data, so that chance would
//! have to strike twice. Where nothing jitters this finds 8 bytes per iteration always.
//!
//! On RSS one process proves nothing, because resident memory ratchets: see [`rss_rises`].

use serde::{Deserialize, Serialize};

use super::{TheilSenLine, mann_kendall, theil_sen};
use crate::median::median_of_sorted;

/// Iterations before the first reading that counts: caches fill, buffers reach their size.
pub const WARM_UP: usize = 8;
/// Readings of a stretch that can make a suspect.
pub const MEASURED: usize = 24;
/// Readings that confirm a suspect, where more iterations can be had.
pub const CONFIRMED: usize = 48;
/// The fewest readings that can confirm a suspect.
pub const LEAST_CONFIRMED: usize = 12;
/// A stretch rises when the chance of its order without a trend is less.
pub const P_LEAK: f64 = 1e-3;
/// Fresh processes that must agree on RSS.
pub const PROCESSES: usize = 5;
/// The median slope of RSS, in bytes per iteration, that is called a leak when exceeded.
pub const LEAST_RSS_SLOPE: f64 = 512.0;

/// What the readings behind the warm-up look like.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// The line through them: bytes over iterations, the first counted as 0.
    pub line: TheilSenLine,
    /// The chance of so much order without a rising trend.
    pub p: f64,
    /// Median of the last third over the median of the first third, minus 1.
    pub growth: f64,
}

/// What a series of readings is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Diagnosis {
    /// No stretch rises, or none that the readings behind it confirm.
    Clean,
    /// The last stretch rises, and there are too few readings behind it to tell.
    Suspect,
    /// A confirmed rise.
    Leak(Shape),
}

/// How a leak shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Something stays from iteration to iteration.
    Line,
    /// A collection that only grows: it doubles its room ever more rarely.
    Doubling,
}

/// The trend of `readings`, the live bytes at each iteration's end from the first; `None` with fewer than
/// [`WARM_UP`] + [`MEASURED`] of them.
pub fn trend(readings: &[u64]) -> Option<Trend> {
    let values = behind_warm_up(readings)?;
    Some(Trend {
        line: theil_sen(&numbered(&values))?,
        p: mann_kendall(&values)?.p,
        growth: growth_of(&values)?,
    })
}

/// Growth over the readings behind the warm-up: the median of their last third over that of their first
/// third, minus 1. Medians of thirds, so that one high or low iteration is no growth.
pub fn growth(readings: &[u64]) -> Option<f64> {
    growth_of(&behind_warm_up(readings)?)
}

/// Judges `readings`, the live bytes at each iteration's end from the first. `allowed` is a slope in bytes
/// per iteration that is no leak; usually 0. `None` with fewer than [`WARM_UP`] + [`MEASURED`] readings.
pub fn judge(readings: &[u64], allowed: f64) -> Option<Diagnosis> {
    let values: Vec<f64> =
        behind_warm_up(readings)?.iter().enumerate().map(|(i, value)| value - allowed * i as f64).collect();
    let mut suspect = false;
    for start in (0..=values.len() - MEASURED).step_by(MEASURED) {
        let (stretch, behind) = values[start..].split_at(MEASURED);
        if !rises(stretch) {
            continue;
        }
        if behind.len() < LEAST_CONFIRMED {
            suspect = true;
        } else if rises(behind) {
            return Some(Diagnosis::Leak(Shape::Line));
        }
    }
    if doubles(&values) {
        return Some(Diagnosis::Leak(Shape::Doubling));
    }
    suspect |= values.len() < MEASURED + CONFIRMED && only_rises(&values);
    Some(if suspect { Diagnosis::Suspect } else { Diagnosis::Clean })
}

/// Whether RSS rises, by the Theil-Sen slopes of [`PROCESSES`] fresh processes, each read after
/// `malloc_trim`: all must rise, and the median by more than [`LEAST_RSS_SLOPE`]. `None` with fewer
/// processes.
///
/// Measured before it was chosen: the test of one process raises 5.7 to 15 % false alarms at a nominal 0.1 %;
/// this one none in 1,000 runs, and it finds 1 KiB per iteration. The size that RSS shows may be up to 100
/// times the leak's.
pub fn rss_rises(slopes: &[f64]) -> Option<bool> {
    let mut sorted = slopes.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = median_of_sorted(&sorted).filter(|_| slopes.len() >= PROCESSES)?;
    Some(sorted[0] > 0.0 && median > LEAST_RSS_SLOPE)
}

fn behind_warm_up(readings: &[u64]) -> Option<Vec<f64>> {
    let behind = readings.get(WARM_UP..).filter(|behind| behind.len() >= MEASURED)?;
    // Exact below 2^53 bytes.
    Some(behind.iter().map(|bytes| *bytes as f64).collect())
}

fn growth_of(values: &[f64]) -> Option<f64> {
    let third = values.len() / 3;
    let of = |values: &[f64]| {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        median_of_sorted(&sorted)
    };
    let (first, last) = (of(&values[..third])?, of(&values[values.len() - third..])?);
    (first > 0.0).then(|| last / first - 1.0)
}

fn numbered(values: &[f64]) -> Vec<(f64, f64)> {
    values.iter().enumerate().map(|(i, value)| (i as f64, *value)).collect()
}

/// A rising Theil-Sen slope, and a rising trend by Mann and Kendall.
fn rises(values: &[f64]) -> bool {
    let rising = mann_kendall(values).is_some_and(|test| test.p < P_LEAK);
    rising && theil_sen(&numbered(values)).is_some_and(|line| line.slope > 0.0)
}

fn only_rises(values: &[f64]) -> bool {
    values.is_sorted() && values.first() < values.last()
}

/// Whether the values never fall and rise in at least three steps, each twice the one before: what a `Vec`, a
/// `String` or a `HashMap` does that is never cleared (`alloc::raw_vec` and hashbrown double their room). The
/// lines between such steps are flat, so their median slope is 0. A buffer that keeps the greatest size it
/// was asked for rises in steps, too, but not in doubling ones.
fn doubles(values: &[f64]) -> bool {
    let steps: Vec<f64> =
        values.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step != 0.0).collect();
    let twice = |pair: &[f64]| (1.9..=2.1).contains(&(pair[1] / pair[0]));
    steps.len() >= 3 && steps[0] > 0.0 && steps.windows(2).all(twice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(n: usize, of: impl Fn(usize) -> u64) -> Vec<u64> {
        (0..n).map(of).collect()
    }

    fn found(readings: &[u64]) -> Diagnosis {
        judge(readings, 0.0).unwrap()
    }

    #[test]
    fn eight_bytes_per_iteration_are_suspect_then_a_leak() {
        let leaking = |i| 100_000 + 8 * i as u64;
        assert_eq!(judge(&readings(31, leaking), 0.0), None, "too few to tell");
        assert_eq!(found(&readings(32, leaking)), Diagnosis::Suspect);
        for n in [50, 80, 100, 1000] {
            assert_eq!(found(&readings(n, leaking)), Diagnosis::Leak(Shape::Line), "{n}");
        }
        let trend = trend(&readings(100, leaking)).unwrap();
        assert_eq!((trend.line.slope, trend.line.slope_interval), (8.0, (8.0, 8.0)));
        assert!(trend.p < 1e-9 && (trend.growth - 8.0 * 62.0 / 100_180.0).abs() < 1e-9, "{trend:?}");
    }

    #[test]
    fn a_slope_that_is_allowed_is_no_leak() {
        let leaking = readings(100, |i| 100_000 + 8 * i as u64);
        for (allowed, expected) in
            [(7.9, Diagnosis::Leak(Shape::Line)), (8.0, Diagnosis::Clean), (64.0, Diagnosis::Clean)]
        {
            assert_eq!(judge(&leaking, allowed), Some(expected), "{allowed}");
        }
    }

    #[test]
    fn what_only_warms_up_or_steps_once_is_clean() {
        for (name, of) in [
            ("constant", (|_| 5000) as fn(usize) -> u64),
            ("warm-up", |i| 5000 + 1000 * i.min(7) as u64),
            ("one step", |i| if i < 40 { 5000 } else { 9000 }),
            ("falling", |i| 100_000 - 8 * i as u64),
            ("a cache that is cleared", |i| 5000 + 100 * (i % 10) as u64),
        ] {
            assert_eq!(found(&readings(100, of)), Diagnosis::Clean, "{name}");
        }
    }

    /// A `Vec<u64>` with one push per iteration, measured at its capacity.
    #[test]
    fn a_collection_that_only_grows_is_a_leak() {
        let vec = |i: usize| 5000 + 8 * ((i + 1).next_power_of_two().max(4) as u64);
        assert_eq!(found(&readings(32, vec)), Diagnosis::Suspect, "look longer");
        assert_eq!(found(&readings(80, vec)), Diagnosis::Leak(Shape::Doubling));
        let grown_once = |i: usize| 5000 + 8 * ((i + 1).next_power_of_two().min(32) as u64);
        assert_eq!(found(&readings(80, grown_once)), Diagnosis::Clean);
        let high_water = |i: usize| {
            5000 + if i < 20 {
                0
            } else if i < 40 {
                700
            } else if i < 60 {
                900
            } else {
                950
            }
        };
        assert_eq!(found(&readings(80, high_water)), Diagnosis::Clean);
    }

    #[test]
    fn a_leak_that_begins_late_is_found() {
        let late = readings(100, |i| 5000 + 16 * i.saturating_sub(30) as u64);
        assert_eq!(found(&late), Diagnosis::Leak(Shape::Line));
    }

    #[test]
    fn rss_needs_five_processes_that_all_rise() {
        for (slopes, expected) in [
            (&[9000.0; 4][..], None),
            (&[600.0, 700.0, 513.0, 1e6, 1.0], Some(true)),
            (&[600.0, 700.0, 513.0, 1e6, 0.0], Some(false)),
            (&[600.0, 500.0, 512.0, 1e6, 1.0], Some(false)),
        ] {
            assert_eq!(rss_rises(slopes), expected, "{slopes:?}");
        }
    }
}
