//! A diagram over time: axes, the phases' bands and names, limits, and a mark at the peak.

use anyhow::{Result, anyhow};
use bench_core::evidence::PhaseRecord;
use bench_core::metric::Unit;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::peak::Peak;
use super::{TimelineInput, WIDTH, phase_names};
use crate::chart::{Area, FAINT, GRID, HEAP, INK, LIMIT, PHASES, font};
use crate::quantity::{fitting, grouped, human};

/// The left and the right end of the plane in pixels.
pub(super) const PLANE: (i32, i32) = (56, WIDTH as i32 - 12);
/// The plane's upper end where the phases' names stand above it, and the line that these stand on.
const TOP: i32 = 46;
const NAMES: i32 = 34;
/// The least pixels of a phase's band.
const NARROWEST: f64 = 2.0;
/// How far the axis goes beyond the highest value: there is room for what stands above the peak.
const HEADROOM: f64 = 1.18;
/// A limit is drawn if it lies within this many times the highest value; beyond, it would flatten everything.
const LIMIT_WITHIN: f64 = 1.6;

/// A diagram: time on one axis, bytes on the other.
#[derive(Clone, Copy)]
pub(in crate::chart) struct Panel<'a> {
    pub(in crate::chart) caption: &'a str,
    pub(in crate::chart) length: f64,
    pub(in crate::chart) least: f64,
    pub(in crate::chart) most: f64,
    pub(in crate::chart) limit: Option<f64>,
    /// Whether the phases' names stand above it.
    pub(in crate::chart) named: bool,
    /// Whether the time axis stands below it.
    pub(in crate::chart) timed: bool,
}

type Plane<'a, 'b> = ChartContext<'b, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// A panel being painted: turns nanoseconds and bytes into the axes' units.
pub(in crate::chart) struct Painted<'a, 'b> {
    plane: Plane<'a, 'b>,
    time_scale: f64,
    byte_scale: f64,
}

impl Painted<'_, '_> {
    fn scaled(&self, points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
        let scaled = points.into_iter().map(|(x, y)| (x / self.time_scale, y / self.byte_scale));
        scaled.collect()
    }

    pub(in crate::chart) fn line(&mut self, points: Vec<(f64, f64)>, colour: &RGBColor) -> Result<()> {
        let points = self.scaled(points);
        let width = if *colour == FAINT { 1 } else { 2 };
        let line = PathElement::new(points, colour.stroke_width(width));
        self.plane.draw_series([line]).map_err(|error| anyhow!("draw a line: {error}"))?;
        Ok(())
    }

    /// A ring where the peak lies, and what it is.
    pub(super) fn mark(&mut self, peak: &Peak, length: f64) -> Result<()> {
        let at = (peak.time / self.time_scale, peak.bytes / self.byte_scale);
        let (side, x) = if peak.time > length / 2.0 { (HPos::Right, 6) } else { (HPos::Left, -6) };
        let text = Text::new(peak.in_words(), (x, -8), font(12.0, &INK, side, VPos::Bottom));
        let mark = EmptyElement::at(at) + Circle::new((0, 0), 4, INK.stroke_width(2)) + text;
        self.plane.draw_series([mark]).map_err(|error| anyhow!("mark the peak: {error}"))?;
        Ok(())
    }

    pub(super) fn area(&mut self, points: Vec<(f64, f64)>) -> Result<()> {
        let area = Polygon::new(self.scaled(points), HEAP.mix(0.25).filled());
        self.plane.draw_series([area]).map_err(|error| anyhow!("draw an area: {error}"))?;
        Ok(())
    }
}

impl Panel<'_> {
    fn drawn_limit(&self) -> Option<f64> {
        self.limit.filter(|limit| *limit <= self.most * LIMIT_WITHIN)
    }

    /// The upper end of the axis.
    pub(super) fn highest(&self) -> f64 {
        self.drawn_limit().map_or(self.most, |limit| limit.max(self.most)) * HEADROOM
    }

    /// Paints axes, phases, `content` and the limit.
    pub(in crate::chart) fn paint<'a>(
        &self,
        area: &Area<'a>,
        input: &TimelineInput,
        content: impl FnOnce(&mut Painted<'a, '_>) -> Result<()>,
    ) -> Result<()> {
        let (drawn, highest) = (self.drawn_limit(), self.highest());
        let (byte_scale, byte_name) = fitting(highest, Unit::Bytes);
        let (time_scale, time_name) = fitting(self.length, Unit::Nanoseconds);
        let (bottom, top) = (self.least / byte_scale, highest / byte_scale);
        let plane = ChartBuilder::on(area)
            .margin_right(WIDTH as i32 - PLANE.1)
            .margin_top(if self.named { TOP } else { 20 })
            .set_label_area_size(LabelAreaPosition::Left, PLANE.0)
            .set_label_area_size(LabelAreaPosition::Bottom, if self.timed { 36 } else { 8 })
            .build_cartesian_2d(0.0..self.length / time_scale, bottom..top)?;
        let mut painted = Painted { plane, time_scale, byte_scale };
        self.bands(&mut painted, input, (bottom, top))?;
        if self.named {
            self.names(area, input)?;
        }
        let label = font(12.0, &FAINT, HPos::Center, VPos::Center);
        let axis = format!("time in {time_name}");
        let time_tick = |value: &f64| tick(*value, self.length / time_scale);
        // The space keeps it off the axis: marks at the ticks would weigh more than the numbers.
        let byte_tick = |value: &f64| tick(*value, top) + "\u{a0}";
        let mut mesh = painted.plane.configure_mesh();
        mesh.disable_x_mesh()
            .y_labels(if self.timed { 4 } else { 5 })
            .x_labels(if self.timed { 9 } else { 0 })
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .label_style(label)
            .x_label_formatter(&time_tick)
            .y_label_formatter(&byte_tick)
            .set_all_tick_mark_size(0);
        if self.timed {
            mesh.x_desc(axis);
        }
        mesh.draw()?;
        content(&mut painted)?;
        if let Some(limit) = drawn {
            painted.line(vec![(0.0, limit), (self.length, limit)], &LIMIT)?;
        }
        let limit = match (self.limit, drawn) {
            (Some(limit), None) => format!(" · limit {} lies above", human(limit, Unit::Bytes)),
            (Some(limit), Some(_)) => format!(" · limit {}", human(limit, Unit::Bytes)),
            _ => String::new(),
        };
        let caption = format!("{}, {byte_name}{limit}", self.caption);
        area.draw(&Text::new(caption, (0, 2), font(12.0, &INK, HPos::Left, VPos::Top)))?;
        Ok(())
    }

    /// A band behind each phase; a short one is drawn wider than it is, so that it can be seen.
    fn bands(
        &self,
        painted: &mut Painted<'_, '_>,
        input: &TimelineInput,
        (bottom, top): (f64, f64),
    ) -> Result<()> {
        let narrowest = NARROWEST * self.length / f64::from(PLANE.1 - PLANE.0);
        for (index, phase) in input.phases.iter().enumerate() {
            let start = (phase.start_ns as f64).min(self.length - narrowest);
            let end = start + (phase.wall_ns as f64).max(narrowest);
            let corners = [(start / painted.time_scale, bottom), (end / painted.time_scale, top)];
            let band = Rectangle::new(corners, tint(input.phases, index).filled());
            painted.plane.draw_series([band])?;
        }
        Ok(())
    }

    /// The phases' names above their bands; a line leads from a name that had to give way.
    fn names(&self, area: &Area<'_>, input: &TimelineInput) -> Result<()> {
        for name in phase_names::placed(input.phases, input.labels, self.length, PLANE) {
            let style = font(12.0, &INK, HPos::Left, VPos::Bottom);
            area.draw(&Text::new(name.text, (name.left, NAMES), style))?;
            if let Some(from) = name.leader_from {
                let leader = [(from, NAMES + 1), (name.band, TOP)];
                area.draw(&PathElement::new(leader, FAINT.stroke_width(1)))?;
            }
        }
        Ok(())
    }
}

/// Phases of one name have one tint.
fn tint(phases: &[PhaseRecord], index: usize) -> RGBColor {
    let mut names: Vec<&str> = Vec::new();
    for phase in &phases[..=index] {
        if !names.contains(&phase.name.as_str()) {
            names.push(&phase.name);
        }
    }
    let place = names.iter().position(|name| *name == phases[index].name).unwrap_or_default();
    PHASES[place % PHASES.len()]
}

/// A tick's number with as many decimals as an axis that ends at `most` needs.
pub fn tick(value: f64, most: f64) -> String {
    let decimals = if most < 0.5 {
        2
    } else if most < 5.0 {
        1
    } else {
        0
    };
    grouped(value, decimals)
}
