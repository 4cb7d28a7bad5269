//! One metric's repetitions as a row of dots, from the lowest to the highest.
//!
//! A page has some thousand of them beside the numbers that say the same, so they are a few bytes each:
//! colours and sizes stand in the style sheet (`.dots`), and screen readers pass them by.

use std::collections::BTreeSet;
use std::fmt::Write;

const WIDTH: i32 = 120;
const HEIGHT: i32 = 14;
const EDGE: i32 = 6;

/// Draws the dots and, as a taller mark, the median; what falls on one place is one dot. `None` unless at
/// least two samples differ.
pub fn strip(samples: &[f64], median: f64) -> Option<String> {
    let least = samples.iter().copied().fold(f64::INFINITY, f64::min);
    let most = samples.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if least >= most {
        return None;
    }
    let x =
        |value: f64| EDGE + ((value - least) / (most - least) * f64::from(WIDTH - 2 * EDGE)).round() as i32;
    let places: BTreeSet<i32> = samples.iter().map(|sample| x(*sample)).collect();
    let dots = places.into_iter().fold(String::new(), |mut dots, place| {
        // A line of no length with round ends. Writing into a String cannot fail.
        let _ = write!(dots, "M{place} {}h0", HEIGHT / 2);
        dots
    });
    Some(format!(
        "<svg class=\"dots\" aria-hidden=\"true\"><path d=\"M{} 1V{}\"/><path d=\"{dots}\"/></svg>",
        x(median),
        HEIGHT - 1
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_dot_for_each_place_if_they_differ() {
        let dots = |samples: &[f64]| strip(samples, samples[0]).map(|svg| svg.matches("h0").count());
        assert_eq!(dots(&[1.0, 2.0, 3.0]), Some(3));
        assert_eq!(dots(&[1.0, 2.0, 2.0]), Some(2));
        assert_eq!(dots(&[2.0, 2.0]), None);
        assert_eq!(dots(&[2.0]), None);
    }
}
