//! A straight line through points: intercept and slope with their 95 % intervals (ordinary least squares).

/// `y = intercept + slope * x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// `y` at `x = 0`.
    pub intercept: f64,
    /// Half the width of the intercept's 95 % interval; absent with two points, which leave no freedom.
    pub intercept_margin: Option<f64>,
    /// Rise of `y` per unit of `x`.
    pub slope: f64,
    /// Half the width of the slope's 95 % interval; absent with two points.
    pub slope_margin: Option<f64>,
}

/// Fits a line through `points`; nothing if fewer than two have different `x`.
pub fn fit(points: &[(f64, f64)]) -> Option<Fit> {
    let n = points.len() as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / n;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / n;
    let squares: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    if points.len() < 2 || squares <= 0.0 {
        return None;
    }
    let slope = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>() / squares;
    let intercept = mean_y - slope * mean_x;
    let residuals: f64 = points.iter().map(|(x, y)| (y - intercept - slope * x).powi(2)).sum();
    let margin = student_95(points.len().saturating_sub(2)).map(|t| {
        let deviation = (residuals / (n - 2.0)).sqrt();
        (t * deviation * (1.0 / n + mean_x.powi(2) / squares).sqrt(), t * deviation / squares.sqrt())
    });
    Some(Fit {
        intercept,
        intercept_margin: margin.map(|margin| margin.0),
        slope,
        slope_margin: margin.map(|margin| margin.1),
    })
}

/// Student's t for a two-sided 95 % interval (table in NIST/SEMATECH e-Handbook of Statistical Methods,
/// 1.3.6.7.2).
fn student_95(degrees_of_freedom: usize) -> Option<f64> {
    const TABLE: [f64; 10] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
    match degrees_of_freedom {
        0 => None,
        // Beyond the table its last row errs on the wide side.
        freedom => Some(TABLE[freedom.min(TABLE.len()) - 1]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_of_a_line_is_its_slope() {
        let line: Vec<(f64, f64)> = (1..6).map(|x| (f64::from(x), 7.0 + 3.0 * f64::from(x))).collect();
        let fit = fit(&line).unwrap();
        assert!((fit.slope - 3.0).abs() < 1e-12 && (fit.intercept - 7.0).abs() < 1e-12, "{fit:?}");
        assert!(fit.slope_margin.unwrap() < 1e-9);
    }

    /// Worked by hand: x 1 2 3 4, y 2 4 5 8: slope 1.9, intercept 0, residual sum of squares 0.7.
    #[test]
    fn the_intervals_are_students() {
        let fit = fit(&[(1.0, 2.0), (2.0, 4.0), (3.0, 5.0), (4.0, 8.0)]).unwrap();
        let deviation = (0.7f64 / 2.0).sqrt();
        assert!((fit.slope - 1.9).abs() < 1e-12 && fit.intercept.abs() < 1e-12);
        assert!((fit.slope_margin.unwrap() - 4.303 * deviation / 5f64.sqrt()).abs() < 1e-9);
        assert!((fit.intercept_margin.unwrap() - 4.303 * deviation * 1.5f64.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn too_few_points_make_no_line_or_no_interval() {
        assert_eq!(fit(&[]), None);
        assert_eq!(fit(&[(1.0, 2.0)]), None);
        assert_eq!(fit(&[(1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(fit(&[(1.0, 2.0), (2.0, 3.0)]).unwrap().slope_margin, None);
    }
}
