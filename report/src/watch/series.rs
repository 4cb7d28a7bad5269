//! One value over time, in bounded memory: when there are too many points, neighbours merge and keep their
//! extremes.

use bench_core::fit::fit;

/// More points than this merge.
const MOST_POINTS: usize = 600;

/// A value over time.
#[derive(Clone, Debug)]
pub struct Series {
    /// The first value.
    pub first: f64,
    /// The last value.
    pub last: f64,
    /// The lowest value.
    pub least: f64,
    /// The highest value.
    pub most: f64,
    points: Vec<SeriesPoint>,
    readings_per_point: u64,
    interrupted: bool,
}

/// One or more neighbouring readings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeriesPoint {
    /// Time of the first reading, in seconds.
    pub start: f64,
    /// Time of the last reading.
    pub end: f64,
    /// The lowest value.
    pub least: f64,
    /// The highest value.
    pub most: f64,
    /// Whether samples were lost just before it.
    pub after_gap: bool,
    sum: f64,
    readings: u64,
}

/// The slope of a line fitted through a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FittedSlope {
    /// Rise per minute.
    pub per_minute: f64,
    /// Half the width of its 95 % interval; absent with two points.
    pub margin: Option<f64>,
}

impl Series {
    /// A series of one value.
    pub fn new(seconds: f64, value: f64) -> Series {
        let mut series = Series {
            first: value,
            last: value,
            least: value,
            most: value,
            points: Vec::new(),
            readings_per_point: 1,
            interrupted: false,
        };
        series.push(seconds, value);
        series
    }

    /// Adds a value.
    pub fn push(&mut self, seconds: f64, value: f64) {
        (self.last, self.least, self.most) = (value, self.least.min(value), self.most.max(value));
        let after_gap = std::mem::take(&mut self.interrupted);
        let reading = SeriesPoint {
            start: seconds,
            end: seconds,
            least: value,
            most: value,
            after_gap,
            sum: value,
            readings: 1,
        };
        match self.points.last_mut().filter(|last| last.readings < self.readings_per_point) {
            Some(last) => *last = last.with(reading),
            None => self.points.push(reading),
        }
        if self.points.len() > MOST_POINTS {
            self.readings_per_point *= 2;
            let pairs = self.points.chunks(2).map(|pair| pair[1..].iter().fold(pair[0], |a, b| a.with(*b)));
            self.points = pairs.collect();
        }
    }

    /// Marks that samples are lost here.
    pub fn interrupt(&mut self) {
        self.interrupted = true;
    }

    /// The points in the order of time.
    pub fn points(&self) -> &[SeriesPoint] {
        &self.points
    }

    /// The mean of all readings.
    pub fn mean(&self) -> f64 {
        let sums = self.points.iter().map(|point| point.sum).sum::<f64>();
        sums / self.points.iter().map(|point| point.readings as f64).sum::<f64>()
    }

    /// The slope of the line through all points; nothing if they lie at one instant.
    pub fn growth_per_minute(&self) -> Option<FittedSlope> {
        let middle =
            |point: &SeriesPoint| ((point.start + point.end) / 120.0, point.sum / point.readings as f64);
        let points: Vec<(f64, f64)> = self.points.iter().map(middle).collect();
        fit(&points).map(|line| FittedSlope { per_minute: line.slope, margin: line.slope_margin })
    }
}

impl SeriesPoint {
    fn with(self, next: SeriesPoint) -> SeriesPoint {
        SeriesPoint {
            start: self.start,
            end: next.end,
            least: self.least.min(next.least),
            most: self.most.max(next.most),
            after_gap: self.after_gap || next.after_gap,
            sum: self.sum + next.sum,
            readings: self.readings + next.readings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_series_stays_bounded_and_keeps_extremes_mean_and_slope() {
        for count in [1u64, 2, 600, 601, 1200, 5000, 100_000] {
            let value = |i: u64| if i == count / 2 { 1e9 } else { 1000.0 + i as f64 };
            let mut series = Series::new(0.0, value(0));
            for i in 1..count {
                series.push(i as f64 * 0.1, value(i));
                assert!(series.points().len() <= MOST_POINTS);
            }
            assert_eq!(series.points().iter().map(|point| point.most).fold(0.0, f64::max), 1e9, "{count}");
            assert_eq!((series.most, series.last), (1e9, value(count - 1)));
            assert_eq!(series.points()[0].start, 0.0);
            assert_eq!(series.points().last().unwrap().end, (count - 1) as f64 * 0.1);
            let mean = (0..count).map(value).sum::<f64>() / count as f64;
            assert!((series.mean() - mean).abs() < 1e-6 * mean, "{count}");
        }
        let mut line = Series::new(0.0, 0.0);
        (1..100_000).for_each(|i| line.push(f64::from(i), f64::from(i) * 5.0));
        let growth = line.growth_per_minute().unwrap();
        assert!((growth.per_minute - 300.0).abs() < 1e-6, "{growth:?}");
    }

    #[test]
    fn a_gap_survives_merging() {
        let mut series = Series::new(0.0, 1.0);
        for i in 1..5000 {
            if i == 700 {
                series.interrupt();
            }
            series.push(f64::from(i), 1.0);
        }
        assert_eq!(series.points().iter().filter(|point| point.after_gap).count(), 1);
    }
}
