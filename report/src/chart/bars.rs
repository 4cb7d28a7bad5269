//! One metric of a suite's cases as horizontal bars, grouped by workload, with each case's limit as a mark.

use anyhow::Result;
use bench_core::metric::Metric;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::{Area, BROKEN, Chart, FAINT, GRID, HEAP, INK, LIMIT, Numbers, draw, font};
use crate::quantity::human;
use crate::text::capitalised;
use crate::text::plural;
use bench_core::foreign_text::shortened;

/// The bars of one workload.
pub struct Group {
    /// The workload and its axes: `multi_concept (n)`.
    pub title: String,
    /// One bar per case.
    pub bars: Vec<Bar>,
}

/// One case's bar.
pub struct Bar {
    /// The values of its parameters: `1000`.
    pub label: String,
    /// The whole name of the case, for the table behind the chart.
    pub case: String,
    /// The value in the metric's unit, or why there is none.
    pub value: Result<f64, String>,
    /// The case's limit in the metric's unit.
    pub limit: Option<f64>,
    /// Whether the limit is broken.
    pub broken: bool,
}

const WIDTH: i32 = 440;
const ROW: i32 = 20;
const GROUP: i32 = 26;
const LABEL: i32 = 172;
const VALUE: i32 = 94;
/// Beyond this quotient of the largest and the smallest value, bars on a linear scale show nothing.
const LINEAR_UP_TO: f64 = 200.0;

/// Draws the bars of `metric`. On a logarithmic scale the length of a bar would mean nothing, so dots stand
/// there.
pub fn chart(id: &str, metric: &Metric, groups: &[Group]) -> Result<Chart> {
    let bars = || groups.iter().flat_map(|group| &group.bars);
    let values: Vec<f64> = bars().filter_map(|bar| bar.value.as_ref().ok().copied()).collect();
    let scale = Scale::fit(&values);
    let height = groups.iter().map(|group| GROUP + ROW * group.bars.len() as i32).sum::<i32>() + 6;
    let kind = if matches!(scale, Scale::Logarithmic { .. }) { ", logarithmic scale" } else { "" };
    let title = format!("{}{kind}", capitalised(metric.title));
    let description = format!(
        "{} of {}{}",
        capitalised(metric.title),
        plural(values.len(), "case"),
        extremes(metric, &values).map(|text| format!(": {text}")).unwrap_or_default()
    );
    let svg = draw(id, (WIDTH as u32, height.max(GROUP) as u32), &title, &description, |area| {
        let mut y = 0;
        for group in groups {
            let style = font(12.0, &INK, HPos::Left, VPos::Center);
            area.draw(&Text::new(shortened(&group.title, 56), (0, y + GROUP / 2 + 2), style))?;
            y += GROUP;
            for bar in &group.bars {
                row(area, metric, &scale, bar, y)?;
                y += ROW;
            }
        }
        Ok(())
    })?;
    let rows = bars().map(|bar| {
        let value = bar.value.as_ref().map_or_else(Clone::clone, |value| human(*value, metric.unit));
        vec![bar.case.clone(), value, bar.limit.map_or(String::new(), |limit| human(limit, metric.unit))]
    });
    let head = ["case", metric.title, "limit"].map(String::from).to_vec();
    Ok(Chart { svg, title, numbers: Numbers { head, rows: rows.collect() } })
}

fn row(area: &Area<'_>, metric: &Metric, scale: &Scale, bar: &Bar, y: i32) -> Result<()> {
    let middle = y + ROW / 2;
    let label = font(11.5, &FAINT, HPos::Right, VPos::Center);
    area.draw(&Text::new(shortened(&bar.label, 25), (LABEL - 8, middle), label))?;
    area.draw(&PathElement::new([(LABEL, y), (LABEL, y + ROW)], GRID.stroke_width(1)))?;
    let value = match &bar.value {
        Ok(value) => *value,
        Err(reason) => {
            let absent = font(11.0, &FAINT, HPos::Left, VPos::Center).transform(FontTransform::None);
            area.draw(&Text::new(shortened(reason, 40), (LABEL + 6, middle), absent))?;
            return Ok(());
        }
    };
    let colour = if bar.broken { BROKEN } else { HEAP };
    let end = LABEL + scale.place(value, WIDTH - LABEL - VALUE);
    match scale {
        Scale::Linear { .. } => {
            let end = end.max(LABEL + 1);
            area.draw(&Rectangle::new([(LABEL, y + 4), (end, y + ROW - 4)], colour.filled()))?;
        }
        Scale::Logarithmic { .. } => {
            area.draw(&PathElement::new([(LABEL, middle), (end, middle)], GRID.stroke_width(2)))?;
            area.draw(&Circle::new((end, middle), 5, colour.filled()))?;
        }
    }
    let mut text = end + 9;
    if let Some(limit) = bar.limit.filter(|limit| scale.shows(*limit)) {
        let x = LABEL + scale.place(limit, WIDTH - LABEL - VALUE);
        area.draw(&PathElement::new([(x, y + 2), (x, y + ROW - 2)], LIMIT.stroke_width(2)))?;
        if (text - 4..text + 60).contains(&x) {
            text = x + 6;
        }
    }
    let style = font(11.5, &INK, HPos::Left, VPos::Center);
    // Said in words too, for who cannot tell the colours apart.
    let over = if bar.broken { " over" } else { "" };
    area.draw(&Text::new(format!("{}{over}", human(value, metric.unit)), (text, middle), style))?;
    Ok(())
}

/// From values to pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    /// From 0 to `most`; what is below 0 has no length.
    Linear { most: f64 },
    /// From `least` to `most`, both above 0.
    Logarithmic { least: f64, most: f64 },
}

impl Scale {
    fn fit(values: &[f64]) -> Scale {
        let most = values.iter().copied().fold(0.0, f64::max);
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        if least > 0.0 && most / least > LINEAR_UP_TO {
            // A little room at the lower end, so that the least has a line before its dot.
            Scale::Logarithmic { least: least / 2.0, most }
        } else {
            Scale::Linear { most }
        }
    }

    fn place(&self, value: f64, width: i32) -> i32 {
        let share = match self {
            Scale::Linear { most } if *most > 0.0 => value / most,
            Scale::Linear { .. } => 0.0,
            Scale::Logarithmic { least, most } => (value / least).ln() / (most / least).ln(),
        };
        (share.clamp(0.0, 1.0) * f64::from(width)).round() as i32
    }

    /// Whether a limit lies within the chart.
    fn shows(&self, limit: f64) -> bool {
        match self {
            Scale::Linear { most } => (0.0..=*most).contains(&limit),
            Scale::Logarithmic { least, most } => (*least..=*most).contains(&limit),
        }
    }
}

fn extremes(metric: &Metric, values: &[f64]) -> Option<String> {
    let least = values.iter().copied().min_by(f64::total_cmp)?;
    let most = values.iter().copied().max_by(f64::total_cmp)?;
    Some(format!("from {} to {}", human(least, metric.unit), human(most, metric.unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_far_apart_get_a_logarithmic_scale() {
        assert_eq!(Scale::fit(&[1.0, 200.0]), Scale::Linear { most: 200.0 });
        assert_eq!(Scale::fit(&[1.0, 201.0]), Scale::Logarithmic { least: 0.5, most: 201.0 });
        assert_eq!(Scale::fit(&[0.0, 1000.0]), Scale::Linear { most: 1000.0 });
        assert_eq!(Scale::fit(&[-5.0, 1000.0]), Scale::Linear { most: 1000.0 });
        assert_eq!(Scale::fit(&[]), Scale::Linear { most: 0.0 });
    }

    #[test]
    fn a_value_has_its_place() {
        let linear = Scale::Linear { most: 200.0 };
        let logarithmic = Scale::Logarithmic { least: 1.0, most: 10000.0 };
        for (scale, value, expected) in [
            (linear, 0.0, 0),
            (linear, 50.0, 25),
            (linear, 200.0, 100),
            (linear, -7.0, 0),
            (logarithmic, 100.0, 50),
            (logarithmic, 10000.0, 100),
            (Scale::Linear { most: 0.0 }, 0.0, 0),
        ] {
            assert_eq!(scale.place(value, 100), expected, "{value}");
        }
    }
}
