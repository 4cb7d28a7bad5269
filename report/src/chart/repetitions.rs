//! One metric's repetitions as a row of dots, from the lowest to the highest.

use anyhow::Result;
use plotters::prelude::*;

use super::{FAINT, GRID, HEAP, draw};

const WIDTH: i32 = 120;
const HEIGHT: i32 = 14;
const EDGE: i32 = 6;

/// Draws the dots and, as a taller mark, the median. `None` unless at least two samples differ.
pub fn strip(
    id: &str,
    title: &str,
    description: &str,
    samples: &[f64],
    median: f64,
) -> Result<Option<String>> {
    let least = samples.iter().copied().fold(f64::INFINITY, f64::min);
    let most = samples.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if least >= most {
        return Ok(None);
    }
    let x =
        |value: f64| EDGE + ((value - least) / (most - least) * f64::from(WIDTH - 2 * EDGE)).round() as i32;
    let middle = HEIGHT / 2;
    draw(id, (WIDTH as u32, HEIGHT as u32), title, description, |area| {
        area.draw(&PathElement::new([(EDGE, middle), (WIDTH - EDGE, middle)], GRID.stroke_width(1)))?;
        area.draw(&PathElement::new([(x(median), 1), (x(median), HEIGHT - 1)], FAINT.stroke_width(2)))?;
        for sample in samples {
            area.draw(&Circle::new((x(*sample), middle), 4, HEAP.mix(0.6).filled()))?;
        }
        Ok(())
    })
    .map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_dot_for_each_repetition_if_they_differ() {
        let dots = |samples: &[f64]| {
            let svg = strip("s", "t", "d", samples, samples[0]).unwrap();
            svg.map(|svg| svg.matches("<circle").count())
        };
        assert_eq!(dots(&[1.0, 2.0, 2.0]), Some(3));
        assert_eq!(dots(&[2.0, 2.0]), None);
        assert_eq!(dots(&[2.0]), None);
    }
}
