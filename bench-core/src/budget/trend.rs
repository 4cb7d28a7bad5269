//! The trend of a long run: by how much a quantity grows, from a bounded number of points.

use std::fmt;
use std::time::Duration;

use super::Bytes;
use crate::fit::fit;
use crate::instrument::{Point, PointBuffer};

/// How many points a trend keeps: 6 KiB of memory, and enough that one strange reading does not turn the
/// line.
const MOST_POINTS: usize = 256;

/// Readings of one quantity over time. However long the run, its memory is the same: when 256 points are
/// kept, neighbours become their mean, so the whole run stays in sight, each full point with the same weight.
/// What is lost is the course within a point, of which a straight line needs none.
pub struct ThinnedReadings {
    points: PointBuffer<Mean, MOST_POINTS>,
    first: Option<(Duration, Bytes)>,
    last: Option<(Duration, Bytes)>,
}

/// By how much a quantity grew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// From the first reading to the last.
    pub over: Duration,
    /// The last reading minus the first.
    pub bytes: i64,
    /// Slope of the straight line through all points (least squares). A few minutes of a program that is
    /// still warming up are no trend: judge it over a time in which the program repeats its work.
    pub bytes_per_minute: f64,
}

impl ThinnedReadings {
    /// No reading yet.
    pub const fn new() -> ThinnedReadings {
        ThinnedReadings { points: PointBuffer::new(), first: None, last: None }
    }

    /// Adds a reading, `at` after the start of the run.
    pub fn add(&mut self, at: Duration, bytes: Bytes) {
        self.points.push(Mean { readings: 1.0, seconds: at.as_secs_f64(), bytes: bytes.get() as f64 });
        self.first.get_or_insert((at, bytes));
        self.last = Some((at, bytes));
    }

    /// The growth so far; nothing before two readings at different times.
    pub fn growth(&self) -> Option<Growth> {
        let ((start, first), (end, last)) = self.first.zip(self.last)?;
        let means: Vec<(f64, f64)> = self.points.points().iter().map(Mean::mean).collect();
        Some(Growth {
            over: end.saturating_sub(start),
            bytes: last.get().wrapping_sub(first.get()) as i64,
            bytes_per_minute: fit(&means)?.slope * 60.0,
        })
    }
}

impl Default for ThinnedReadings {
    fn default() -> ThinnedReadings {
        ThinnedReadings::new()
    }
}

/// `12.0 MB in 3.0 min, 4.0 MB per minute`; MB is 10^6 bytes.
impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (grown, per_minute) = (self.bytes as f64 / 1e6, self.bytes_per_minute / 1e6);
        write!(f, "{grown:.1} MB in {:.1} min, {per_minute:.1} MB per minute", self.over.as_secs_f64() / 60.0)
    }
}

/// Sums over readings that became one point.
#[derive(Clone, Copy)]
struct Mean {
    readings: f64,
    seconds: f64,
    bytes: f64,
}

impl Mean {
    fn mean(&self) -> (f64, f64) {
        (self.seconds / self.readings, self.bytes / self.readings)
    }
}

impl Point for Mean {
    const EMPTY: Mean = Mean { readings: 0.0, seconds: 0.0, bytes: 0.0 };

    fn merged(&self, next: &Mean) -> Mean {
        Mean {
            readings: self.readings + next.readings,
            seconds: self.seconds + next.seconds,
            bytes: self.bytes + next.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trend(readings: impl IntoIterator<Item = (u64, u64)>) -> Option<Growth> {
        let mut trend = ThinnedReadings::new();
        readings
            .into_iter()
            .for_each(|(second, bytes)| trend.add(Duration::from_secs(second), Bytes::new(bytes)));
        assert!(trend.points.points().len() <= MOST_POINTS);
        trend.growth()
    }

    #[test]
    fn a_straight_line_keeps_its_slope_however_long_the_run() {
        for readings in [2, 3, 255, 256, 257, 1000, 100_000] {
            let growth = trend((0..readings).map(|i| (i, 5_000_000 + 1_000 * i))).unwrap();
            assert!((growth.bytes_per_minute - 60_000.0).abs() < 1e-3, "{readings}: {growth:?}");
            assert_eq!(growth.over, Duration::from_secs(readings - 1));
            assert_eq!(growth.bytes, 1_000 * (readings as i64 - 1));
        }
    }

    #[test]
    fn what_comes_and_goes_is_no_growth() {
        // An hour of work that takes 50 MB and gives them back, every 20 seconds.
        let growth = trend((0..3600).map(|i| (i, 10_000_000 + i % 20 * 2_500_000))).unwrap();
        assert!(growth.bytes_per_minute.abs() < 20_000.0, "{growth:?}");
        let leak = trend((0..3600).map(|i| (i, 10_000_000 + i % 20 * 2_500_000 + i * 5_000))).unwrap();
        assert!((leak.bytes_per_minute - 300_000.0).abs() < 20_000.0, "{leak:?}");
    }

    #[test]
    fn shrinking_is_negative() {
        let growth = trend([(0, 9_000_000), (60, 6_000_000), (120, 3_000_000)]).unwrap();
        assert_eq!(growth.to_string(), "-6.0 MB in 2.0 min, -3.0 MB per minute");
    }

    #[test]
    fn without_two_times_there_is_no_growth() {
        assert_eq!(trend([]), None);
        assert_eq!(trend([(1, 7)]), None);
        assert_eq!(trend([(1, 7), (1, 9)]), None);
    }
}
