//! Theil and Sen's line: the median of all slopes between two points, which no outlier moves far.

use serde::{Deserialize, Serialize};

use super::{Z_95, variance_of_s};
use crate::median::median_of_sorted;

/// `y = intercept + slope * x`, with the slope's 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TheilSenLine {
    /// `y` at `x = 0`: the median of `y - slope * x` (Conover, *Practical Nonparametric Statistics*, 1980,
    /// 5.5).
    pub intercept: f64,
    /// Rise of `y` per unit of `x`.
    pub slope: f64,
    /// The slope's 95 % interval.
    pub slope_interval: (f64, f64),
}

/// The line through `points`; `None` if no two of them differ in `x`.
///
/// Slope: Theil 1950; Sen, *Estimates of the regression coefficient based on Kendall's tau*, Journal of the
/// American Statistical Association 63 (1968). Interval: Sen 1968 as in Gilbert, *Statistical Methods for
/// Environmental Pollution Monitoring* (1987), 16.5: the slopes whose ranks lie `z * sqrt(variance of S)`
/// apart around the middle, rounded outwards; with fewer than ten points, for which that is no good
/// approximation, all slopes. Takes time and room by the square of the points.
pub fn theil_sen(points: &[(f64, f64)]) -> Option<TheilSenLine> {
    let pairs = points.iter().enumerate().flat_map(|(i, a)| points[i + 1..].iter().map(move |b| (a, b)));
    let mut slopes: Vec<f64> =
        pairs.filter(|(a, b)| a.0 != b.0).map(|(a, b)| (b.1 - a.1) / (b.0 - a.0)).collect();
    slopes.sort_by(f64::total_cmp);
    let slope = median_of_sorted(&slopes)?;
    let mut rest: Vec<f64> = points.iter().map(|(x, y)| y - slope * x).collect();
    rest.sort_by(f64::total_cmp);
    Some(TheilSenLine {
        intercept: median_of_sorted(&rest)?,
        slope,
        slope_interval: interval(&slopes, points),
    })
}

fn interval(sorted_slopes: &[f64], points: &[(f64, f64)]) -> (f64, f64) {
    let (count, last) = (sorted_slopes.len() as f64, sorted_slopes.len() - 1);
    let values: Vec<f64> = points.iter().map(|point| point.1).collect();
    let spread = if points.len() < 10 { count } else { Z_95 * variance_of_s(&values).max(0.0).sqrt() };
    // Gilbert's ranks count from 1: the M1-th and the (M2 + 1)-th slope.
    let lower = ((count - spread) / 2.0).floor() - 1.0;
    let upper = ((count + spread) / 2.0).ceil();
    let at = |place: f64| sorted_slopes[(place.max(0.0) as usize).min(last)];
    (at(lower), at(upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: impl IntoIterator<Item = f64>) -> Vec<(f64, f64)> {
        values.into_iter().enumerate().map(|(i, value)| (i as f64, value)).collect()
    }

    #[test]
    fn the_slope_of_a_line_is_its_slope() {
        for slope in [-3.0, 0.0, 0.125, 8.0, 1e6] {
            let line = theil_sen(&series((0..24).map(|i| 5000.0 + slope * f64::from(i)))).unwrap();
            assert_eq!((line.slope, line.intercept), (slope, 5000.0));
            assert_eq!(line.slope_interval, (slope, slope));
        }
    }

    /// Sen's own point: outliers in less than 29 % of the points leave the slope where it is.
    #[test]
    fn outliers_do_not_move_the_slope() {
        let values = (0..24).map(|i| if i % 5 == 3 { 1e9 } else { 2.0 * f64::from(i) });
        let line = theil_sen(&series(values)).unwrap();
        assert!((line.slope - 2.0).abs() < 0.2, "{line:?}");
    }

    /// Worked by hand: points 0 1, 1 3, 2 4, 4 10 give slopes 2, 1.5, 2.25, 1, 7/3 and 3.
    #[test]
    fn the_slope_is_the_median_of_all_slopes() {
        let line = theil_sen(&[(0.0, 1.0), (1.0, 3.0), (2.0, 4.0), (4.0, 10.0)]).unwrap();
        assert!((line.slope - 2.125).abs() < 1e-12, "{line:?}");
        assert_eq!(line.slope_interval, (1.0, 3.0), "four points: all slopes");
    }

    #[test]
    fn the_interval_holds_the_slope_and_narrows_with_more_points() {
        let noise = |i: i32| f64::from(i * 7919 % 101);
        let width = |n: i32| {
            let line = theil_sen(&series((0..n).map(|i| 10.0 * f64::from(i) + noise(i)))).unwrap();
            let (low, high) = line.slope_interval;
            assert!(low <= 10.0 && 10.0 <= high && low <= line.slope && line.slope <= high, "{line:?}");
            high - low
        };
        assert!(width(24) > 2.0 * width(96), "{} {}", width(24), width(96));
    }

    #[test]
    fn points_that_differ_in_nothing_make_no_line() {
        assert_eq!(theil_sen(&[]), None);
        assert_eq!(theil_sen(&[(1.0, 2.0)]), None);
        assert_eq!(theil_sen(&[(1.0, 2.0), (1.0, 3.0)]), None);
    }
}
