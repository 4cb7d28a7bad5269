//! Student's t distribution, for intervals far out in its tail, which tables leave out.
//!
//! For whole degrees of freedom the distribution is a finite sum: Abramowitz and Stegun, "Handbook of
//! Mathematical Functions", 26.7.3 and 26.7.4.

/// The chance of a value above `t`, which is at least 0, at so many degrees of freedom.
fn tail(t: f64, degrees: usize) -> f64 {
    let angle = (t / (degrees as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    // Each term is the one before times cosine^2 (k - 1) / k, for k = 3, 5, ... or 2, 4, ... below the
    // degrees.
    let series = |first: f64, from: usize| {
        let steps = (from..degrees).step_by(2);
        let terms = steps.scan(first, |term, k| {
            *term *= cosine * cosine * (k - 1) as f64 / k as f64;
            Some(*term)
        });
        first + terms.sum::<f64>()
    };
    let central = match degrees {
        1 => 2.0 / std::f64::consts::PI * angle,
        odd if odd % 2 == 1 => 2.0 / std::f64::consts::PI * (angle + sine * series(cosine, 3)),
        _ => sine * series(1.0, 2),
    };
    (1.0 - central) / 2.0
}

/// The `t` that a value exceeds with the chance `p`, which lies above 0 and is at most 0.5. At least one
/// degree of freedom.
pub fn student_quantile(p: f64, degrees: usize) -> f64 {
    let mut high = 1.0;
    while tail(high, degrees) > p {
        high *= 2.0;
    }
    let mut low = 0.0;
    // Each step halves what is left; 60 of them reach the last bit.
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if tail(middle, degrees) > p {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table in the NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
    #[test]
    fn quantiles_are_those_of_the_published_table() {
        for (p, degrees, expected) in [
            (0.05, 1, 6.314),
            (0.025, 2, 4.303),
            (0.025, 9, 2.262),
            (0.01, 3, 4.541),
            (0.005, 10, 3.169),
            (0.001, 29, 3.396),
            (0.001, 4, 7.173),
            (0.1, 100, 1.290),
        ] {
            let found = student_quantile(p, degrees);
            assert!((found - expected).abs() < 6e-4, "{p} at {degrees}: {found} instead of {expected}");
        }
        assert!(student_quantile(0.5, 7) < 1e-9);
    }

    /// At two degrees of freedom the tail is 1/2 - t / (2 sqrt(2 + t^2)), however far out.
    #[test]
    fn the_far_tail_is_right_too() {
        for p in [1e-3, 1e-5, 1e-7] {
            let t: f64 = student_quantile(p, 2);
            let chance = 0.5 - t / (2.0 * (2.0 + t * t).sqrt());
            assert!((chance / p - 1.0).abs() < 1e-6, "{p}: {chance}");
        }
    }
}
