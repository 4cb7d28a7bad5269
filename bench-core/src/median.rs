//! The median: the middle of numbers, which no odd one out moves far.

/// The median of `samples` in any order; `None` of no samples.
pub fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    median_of_sorted(&sorted)
}

/// The middle value of `sorted`; of an even number, the mean of the two in the middle. `None` of no values.
pub fn median_of_sorted(sorted: &[f64]) -> Option<f64> {
    let (lower, upper) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    // Halved before they are added: the sum of two large numbers may be none.
    Some(lower / 2.0 + upper / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        for (samples, expected) in [
            (&[][..], None),
            (&[3.0], Some(3.0)),
            (&[3.0, 1.0], Some(2.0)),
            (&[9.0, 1.0, 2.0], Some(2.0)),
            (&[f64::MAX, f64::MAX], Some(f64::MAX)),
        ] {
            assert_eq!(median(samples), expected);
        }
    }
}
