//! From measured sizes to one that was not measured.
//!
//! The memory of an index is a constant (codebooks, threads' contexts), a part for each vector (vectors,
//! links), and arrays that double. What doubles is a staircase in n, and a straight line through any sizes
//! misses its next step by up to two. But it doubles with n: at n / 2, n / 4, n / 8 every such array stands
//! on the same place of its stair as at n, wherever its steps lie. Through those sizes a line is exact, so
//! they are the sizes that are measured ([`sizes_for`]); the sizes between them show whether there are
//! stairs.

use std::fmt;

use crate::statistics::student_quantile;

/// What was measured at one size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SizePoint {
    /// How many vectors.
    pub n: u64,
    /// Bytes.
    pub bytes: f64,
}

/// What is expected at a size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Bytes.
    pub bytes: f64,
    /// The least that is to be expected.
    pub low: f64,
    /// The most that is to be expected.
    pub high: f64,
    /// The part that does not grow with n, in bytes.
    pub constant: f64,
    /// What one vector more takes on average, in bytes.
    pub per_vector: f64,
    /// How memory grows.
    pub shape: GrowthShape,
}

/// How memory grows with the number of vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrowthShape {
    /// Hardly at all.
    Constant,
    /// In a line.
    Linear,
    /// In a line, and in arrays that double.
    Doubling,
    /// The sizes do not tell: they are in no line, or none lies between two that the forecast is made from.
    Unknown,
}

impl fmt::Display for GrowthShape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            GrowthShape::Constant => "the same at every size",
            GrowthShape::Linear => "in a line",
            GrowthShape::Doubling => "in a line and in arrays that double",
            GrowthShape::Unknown => "not told by these sizes",
        })
    }
}

/// Why there is no forecast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoForecast {
    /// Fewer than three sizes.
    TooFewSizes(usize),
    /// Nothing smaller than what is asked for.
    NothingSmaller(u64),
}

impl fmt::Display for NoForecast {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoForecast::TooFewSizes(sizes) => {
                write!(out, "a forecast needs at least three sizes, and there is a number for {sizes}")
            }
            NoForecast::NothingSmaller(n) => write!(out, "every size that was measured is above {n}"),
        }
    }
}

impl std::error::Error for NoForecast {}

/// Below this many vectors, what does not grow hides what does.
const LEAST: u64 = 300;
/// How many halvings are measured.
const HALVINGS: usize = 5;
/// A line that is missed by less is a line.
const STRAIGHT: f64 = 0.01;
/// No forecast is held for surer than this share of itself.
const LEAST_MARGIN: f64 = 0.005;
/// The share of forecasts that the interval is to cover, if what is left is chance.
const CONFIDENCE: f64 = 0.95;

/// The sizes to measure for a forecast at `at`, none above `largest`: halvings of it, and two between them.
/// Ascending. `at` alone where it is no larger.
pub fn sizes_for(at: u64, largest: u64) -> Vec<u64> {
    let halved = |k: u32| at.div_ceil(1 << k);
    let first = (0..63).find(|k| halved(*k) <= largest).unwrap_or(63);
    let halvings = (first..63).map(halved).take_while(|n| *n >= LEAST.min(at)).take(HALVINGS);
    let mut sizes: Vec<u64> = halvings.collect();
    let between = sizes.iter().take(2).map(|n| n * 71 / 100).filter(|n| *n >= LEAST);
    sizes.extend(between.collect::<Vec<_>>());
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// What is to be expected at `at` vectors, from sizes that were measured in any order.
///
/// # Errors
/// When there are fewer than three sizes below `at`.
pub fn forecast(points: &[SizePoint], at: u64) -> Result<Forecast, NoForecast> {
    let mut points: Vec<SizePoint> = points.iter().copied().filter(|point| point.n <= at).collect();
    points.sort_by_key(|point| point.n);
    points.dedup_by_key(|point| point.n);
    if points.is_empty() {
        return Err(NoForecast::NothingSmaller(at));
    }
    if points.len() < 3 {
        return Err(NoForecast::TooFewSizes(points.len()));
    }
    let halvings: Vec<SizePoint> = points.iter().copied().filter(|point| is_halving(point.n, at)).collect();
    let is_aligned = halvings.len() >= 3;
    // Small indexes may follow another rule: below the size of a batch nothing doubles.
    let used = if is_aligned { longest_straight_tail(&halvings) } else { &points };
    let line = FittedLine::through(used);
    // What the largest sizes say is nearest to what comes; how far the others disagree is how sure that is.
    let tail = FittedLine::through(&used[used.len() - 3..]);
    let secant = FittedLine::through(&used[used.len() - 2..]);
    let anchor = used[used.len() - 1];
    let by_slope = |slope: f64| anchor.bytes + slope * (at - anchor.n) as f64;
    let bytes = if is_aligned { by_slope(tail.slope) } else { line.at(at) };
    let candidates = [by_slope(secant.slope), by_slope(tail.slope), tail.at(at), line.at(at)];
    let apart = candidates.iter().map(|other| (other - bytes).abs()).fold(0.0, f64::max);
    let chance = line.margin(used, at);
    // Stairs that the sizes do not stand on: the forecast may be at either end of one.
    let stairs = if is_aligned { 0.0 } else { line.worst_miss(&points) * bytes.abs() };
    let margin = apart.max(chance).max(stairs).max(LEAST_MARGIN * bytes.abs());
    let between: Vec<SizePoint> =
        points.iter().copied().filter(|point| point.n >= used[0].n && !is_halving(point.n, at)).collect();
    let first = used[0];
    let shape = if (anchor.bytes - first.bytes).abs() <= STRAIGHT * anchor.bytes.abs() {
        GrowthShape::Constant
    } else if line.worst_miss(used) > STRAIGHT || (is_aligned && between.is_empty()) {
        GrowthShape::Unknown
    } else if is_aligned && line.worst_miss(&between) > STRAIGHT {
        GrowthShape::Doubling
    } else {
        GrowthShape::Linear
    };
    let (low, high) = ((bytes - margin).max(0.0), bytes + margin);
    Ok(Forecast { bytes, low, high, constant: line.constant, per_vector: tail.slope, shape })
}

/// The most of the largest sizes, three at least, that a line goes through.
fn longest_straight_tail(points: &[SizePoint]) -> &[SizePoint] {
    let tails = (0..=points.len() - 3).map(|from| &points[from..]);
    let is_straight = |tail: &&[SizePoint]| FittedLine::through(tail).worst_miss(tail) <= STRAIGHT;
    tails.clone().find(is_straight).unwrap_or(&points[points.len() - 3..])
}

/// Whether `at` was halved some times, and rounded up, to `n`.
fn is_halving(n: u64, at: u64) -> bool {
    (0..63).any(|k| at.div_ceil(1 << k) == n)
}

/// Bytes as a line of n, fitted so that every size counts by its relative error.
struct FittedLine {
    constant: f64,
    slope: f64,
}

impl FittedLine {
    /// Weighted least squares; weights 1 / n^2. At least two different sizes.
    fn through(points: &[SizePoint]) -> FittedLine {
        let sum = |of: fn(f64, f64) -> f64| -> f64 {
            points.iter().map(|point| of(point.n as f64, point.bytes) / (point.n as f64).powi(2)).sum()
        };
        let (w, x, y) = (sum(|_, _| 1.0), sum(|n, _| n), sum(|_, bytes| bytes));
        let (xx, xy) = (sum(|n, _| n * n), sum(|n, bytes| n * bytes));
        let slope = (w * xy - x * y) / (w * xx - x * x);
        FittedLine { constant: (y - slope * x) / w, slope }
    }

    fn at(&self, n: u64) -> f64 {
        self.constant + self.slope * n as f64
    }

    /// The largest share by which it misses one of these.
    fn worst_miss(&self, points: &[SizePoint]) -> f64 {
        let miss = |point: &SizePoint| (point.bytes - self.at(point.n)).abs() / point.bytes.abs().max(1.0);
        points.iter().map(miss).fold(0.0, f64::max)
    }

    /// Half of the prediction interval at `at`, of relative errors that are alike and independent.
    fn margin(&self, points: &[SizePoint], at: u64) -> f64 {
        let freedom = points.len().saturating_sub(2);
        if freedom == 0 {
            return 0.0;
        }
        let squares: f64 =
            points.iter().map(|point| ((point.bytes - self.at(point.n)) / point.n as f64).powi(2)).sum();
        let spread = (squares / freedom as f64).sqrt() * at as f64;
        spread
            * student_quantile((1.0 - CONFIDENCE) / 2.0, freedom)
            * (1.0 + 1.0 / points.len() as f64).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(at: u64, bytes: impl Fn(u64) -> f64) -> Vec<SizePoint> {
        sizes_for(at, 10_000).into_iter().map(|n| SizePoint { n, bytes: bytes(n) }).collect()
    }

    /// An array of entries that doubles from `first` on.
    fn doubled(n: u64, first: f64, entry: f64) -> f64 {
        let mut room = first;
        while room < n as f64 {
            room *= 2.0;
        }
        room * entry
    }

    #[test]
    fn the_sizes_are_halvings_and_two_between_them() {
        for (at, largest, sizes) in [
            (100_000, 10_000, vec![391, 782, 1563, 2218, 3125, 4437, 6250]),
            (10_000_000, 10_000, vec![611, 1221, 2442, 3466, 4883, 6933, 9766]),
            (8000, 10_000, vec![500, 1000, 2000, 2840, 4000, 5680, 8000]),
            (500, 10_000, vec![355, 500]),
            (100, 10_000, vec![100]),
        ] {
            assert_eq!(sizes_for(at, largest), sizes, "{at}");
        }
    }

    #[test]
    fn every_shape_is_forecast_from_a_tenth_of_its_size() {
        type Growth = (&'static str, GrowthShape, fn(u64) -> f64);
        let shapes: [Growth; 7] = [
            ("a line", GrowthShape::Linear, |n| 1600.0 * n as f64),
            ("a line on a constant", GrowthShape::Linear, |n| 5e6 + 1600.0 * n as f64),
            ("a doubling array", GrowthShape::Doubling, |n| doubled(n, 1000.0, 1544.0)),
            ("a line and two doubling arrays", GrowthShape::Doubling, |n| {
                1536.0 * n as f64 + doubled(n, 700.0, 300.0) + doubled(n, 64.0, 80.0)
            }),
            ("batches of 1,000 in an array that doubles", GrowthShape::Doubling, |n| {
                if n < 1000 { n as f64 * 1544.0 } else { doubled(n, 1000.0, 1544.0) }
            }),
            ("a constant", GrowthShape::Constant, |_| 3e6),
            ("blocks of 1,024 rows", GrowthShape::Linear, |n| (n.div_ceil(16) * 16) as f64 * 1536.0),
        ];
        for (name, shape, bytes) in shapes {
            for at in [100_000, 123_457, 1_000_000, 10_000_000] {
                let forecast = forecast(&measured(at, bytes), at).unwrap();
                let (error, truth) = (forecast.bytes / bytes(at) - 1.0, bytes(at));
                assert!(error.abs() < 0.01, "{name} at {at}: {forecast:?} for {truth}");
                assert!(
                    forecast.low <= truth && truth <= forecast.high,
                    "{name} at {at}: {forecast:?} for {truth}"
                );
                assert_eq!(forecast.shape, shape, "{name} at {at}: {forecast:?}");
            }
        }
    }

    #[test]
    fn sizes_that_are_no_halvings_give_an_interval_that_holds_a_stair() {
        let bytes = |n| doubled(n, 1000.0, 1544.0);
        let points: Vec<SizePoint> =
            [1000, 3000, 5000, 7000, 10_000].map(|n| SizePoint { n, bytes: bytes(n) }).into();
        for at in [100_000, 127_000, 129_000] {
            let forecast = forecast(&points, at).unwrap();
            assert!(
                forecast.low <= bytes(at) && bytes(at) <= forecast.high,
                "{at}: {forecast:?}, {}",
                bytes(at)
            );
        }
    }

    #[test]
    fn noise_widens_the_interval() {
        let quiet = measured(100_000, |n| 1600.0 * n as f64);
        let noisy: Vec<SizePoint> = quiet
            .iter()
            .enumerate()
            .map(|(at, point)| SizePoint { bytes: point.bytes * [1.05, 0.96, 1.0][at % 3], ..*point })
            .collect();
        let width = |points: &[SizePoint]| {
            let forecast = forecast(points, 100_000).unwrap();
            (forecast.high - forecast.low) / forecast.bytes
        };
        assert!(width(&noisy) > 5.0 * width(&quiet), "{} {}", width(&noisy), width(&quiet));
    }

    #[test]
    fn what_cannot_be_forecast_says_why() {
        let point = |n| SizePoint { n, bytes: 1.0 };
        for (points, error) in [
            (vec![], NoForecast::NothingSmaller(1000)),
            (vec![point(2000)], NoForecast::NothingSmaller(1000)),
            (vec![point(500), point(1000)], NoForecast::TooFewSizes(2)),
            (vec![point(500), point(500), point(500)], NoForecast::TooFewSizes(1)),
        ] {
            assert_eq!(forecast(&points, 1000), Err(error));
        }
    }
}
