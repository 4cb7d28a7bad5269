//! Charts: plotters draws SVG text, which stands inside the page and takes its colours from the page's style.

pub mod bars;
mod compact;
pub mod flame;
pub mod history;
pub mod lines;
pub mod plane;
pub mod repetitions;
pub mod server_timeline;
pub mod timeline;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::Serialize;

use compact::compact;

/// Okabe and Ito's palette for colour-blind readers, and greys. plotters writes them as `#0072B2`; the page's
/// style gives each of these its colour in light, dark and print, and its dashes, so a line is told not by
/// colour alone.
pub const HEAP: RGBColor = RGBColor(0x00, 0x72, 0xB2);
/// RSS anon.
pub const ANON: RGBColor = RGBColor(0xE6, 0x9F, 0x00);
/// RSS file.
pub const FILE: RGBColor = RGBColor(0x00, 0x9E, 0x73);
/// A server's memory.
pub const SERVER: RGBColor = RGBColor(0x66, 0x33, 0x99);
/// A baseline's memory, under that of a new run.
pub const BASELINE: RGBColor = RGBColor(0x44, 0x44, 0x44);
/// A limit.
pub const LIMIT: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
/// A bar whose limit is broken.
pub const BROKEN: RGBColor = RGBColor(0xCC, 0x79, 0xA7);
/// Text.
pub const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);
/// Axes and what is less important.
pub const FAINT: RGBColor = RGBColor(0x66, 0x66, 0x66);
/// Grid lines.
pub const GRID: RGBColor = RGBColor(0xDD, 0xDD, 0xDD);
/// The bands behind phases: tints, with the phases' names above them. Phases of one name have one tint.
pub const PHASES: [RGBColor; 5] = [
    RGBColor(0xDC, 0xEB, 0xF7),
    RGBColor(0xFB, 0xE8, 0xCF),
    RGBColor(0xD9, 0xEF, 0xE4),
    RGBColor(0xF4, 0xE0, 0xEC),
    RGBColor(0xEF, 0xEB, 0xC0),
];

/// A drawn chart and the numbers behind it.
#[derive(Debug, Serialize)]
pub struct Chart {
    /// The SVG element, safe to stand in HTML.
    pub svg: String,
    /// What stands above it.
    pub title: String,
    /// The numbers for who cannot see it.
    pub numbers: Numbers,
}

/// A table behind a chart; every row has as many cells as `head`.
#[derive(Debug, Serialize)]
pub struct Numbers {
    /// The columns' names.
    pub head: Vec<String>,
    /// The cells, as text.
    pub rows: Vec<Vec<String>>,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws an SVG of `size` and gives it a name and a description for screen readers. `id` is unique in the
/// page.
fn draw(
    id: &str,
    size: (u32, u32),
    title: &str,
    description: &str,
    paint: impl FnOnce(&Area<'_>) -> Result<()>,
) -> Result<String> {
    Ok(svg(id, size, title, description, &body(size, paint)?))
}

/// An SVG element with a name and a description; `body` is what it holds and its closing tag.
fn svg(id: &str, (width, height): (u32, u32), title: &str, description: &str, body: &str) -> String {
    let (title, description) = (escape(title), escape(description));
    format!(
        "<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" \
         aria-labelledby=\"{id}-t {id}-d\"><title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{description}</desc>{body}"
    )
}

/// What is drawn, and the closing tag.
fn body(size: (u32, u32), paint: impl FnOnce(&Area<'_>) -> Result<()>) -> Result<String> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        paint(&area)?;
        area.present().map_err(|error| anyhow!("draw an SVG: {error}"))?;
    }
    // plotters' own head has no room for a title.
    Ok(compact(text.split_once('>').map_or("", |(_, body)| body)))
}

/// Text as it may stand between two tags.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A text style of so many pixels. plotters divides by 1.24 when it writes SVG.
fn font(pixels: f64, colour: &RGBColor, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    ("sans-serif", pixels * 1.24).into_font().color(colour).pos(Pos::new(horizontal, vertical))
}

#[cfg(test)]
mod tests {
    use bench_core::foreign_text::shortened;

    use super::*;

    #[test]
    fn names_in_a_chart_are_escaped() {
        let svg = draw("c", (10, 10), "<script>", "a & b", |area| {
            let style = font(12.0, &INK, HPos::Left, VPos::Top);
            Ok(area.draw(&Text::new("<b>x</b>", (0, 0), style))?)
        })
        .unwrap();
        assert!(!svg.contains("<script>") && !svg.contains("<b>"), "{svg}");
        assert!(svg.contains("&lt;b&gt;x") && svg.contains("a &amp; b") && svg.ends_with("</svg>"), "{svg}");
    }

    #[test]
    fn the_pages_style_knows_every_colour_of_the_charts() {
        let style = include_str!("../../templates/report.css");
        let colours = [HEAP, ANON, FILE, SERVER, BASELINE, LIMIT, BROKEN, INK, FAINT, GRID];
        for RGBColor(r, g, b) in colours.into_iter().chain(PHASES) {
            let colour = format!("#{r:02X}{g:02X}{b:02X}");
            assert!(style.contains(&format!("=\"{colour}\"]")), "{colour}");
        }
    }

    #[test]
    fn a_long_label_is_cut() {
        assert_eq!(shortened("abcdef", 6), "abcdef");
        assert_eq!(shortened("abcdefg", 6), "abcde…");
    }
}
