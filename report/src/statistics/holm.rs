//! Holm's correction: many tests at once, and the chance of one false alarm among all of them stays below
//! alpha.
//!
//! Sture Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics
//! 6 (1979).

/// The adjusted p-values in the order of `p`: a test is rejected at alpha when its adjusted value is at most
/// alpha.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut adjusted = vec![1.0; p.len()];
    let mut highest = 0.0_f64;
    for (rank, index) in order.into_iter().enumerate() {
        // A test is never rejected before one with a smaller p.
        highest = highest.max(p[index] * (p.len() - rank) as f64).min(1.0);
        adjusted[index] = highest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: `p.adjust(p, "holm")` of R by its definition, computed by hand.
    #[test]
    fn each_is_multiplied_by_what_is_left() {
        for (p, expected) in [
            (&[][..], &[][..]),
            (&[0.01], &[0.01]),
            (&[0.01, 0.04, 0.03], &[0.03, 0.06, 0.06]),
            (&[0.5, 0.001, 0.6], &[1.0, 0.003, 1.0]),
            (&[0.02, 0.02], &[0.04, 0.04]),
        ] {
            let found = holm(p);
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-15, "{p:?}: {found} instead of {expected}");
            }
        }
    }
}
