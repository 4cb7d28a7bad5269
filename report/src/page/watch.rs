//! The page of a watch: a table of what was seen, a chart for each kind of memory, and what was lost.

use anyhow::{Context as _, Result};
use bench_core::memory_metrics::{
    HEAP_ALLOC, HEAP_INUSE, HEAP_PEAK, HEAP_SYS, MAPPED_ANON, MAPPED_ANON_RESIDENT, MAPPED_FILE, PEAK_RSS,
    PSS, RSS, RSS_ANON, RSS_FILE, field,
};
use bench_core::metric::Unit;
use plotters::style::RGBColor;
use serde::Serialize;

use super::{STYLE, render, security};
use crate::chart::lines::{self, ChartLine};
use crate::chart::{ANON, BROKEN, Chart, FILE, HEAP, LIMIT};
use crate::quantity::human;
use crate::text::plural;
use crate::watch::{Series, SeriesRow, Watch};

/// All that the template may see.
#[derive(Serialize)]
struct WatchPage {
    title: String,
    policy: String,
    style: &'static str,
    target: String,
    lead: String,
    end: String,
    file: String,
    tiles: Vec<WatchTile>,
    rows: Vec<Vec<String>>,
    charts: Vec<Shown>,
    undrawn: Vec<String>,
    losses: Vec<[String; 2]>,
    more_losses: u64,
    notes: Vec<String>,
    command: String,
}

/// A number and what it means.
#[derive(Serialize)]
struct WatchTile {
    value: String,
    label: String,
    note: String,
}

/// A chart with the key to its colours.
#[derive(Serialize)]
struct Shown {
    chart: Chart,
    key: Vec<[String; 2]>,
}

/// Lines that share a chart: its title, and each name with its colour and the name of its swatch.
type SharedChart = (&'static str, &'static [(&'static str, RGBColor, &'static str)]);

const PANELS: [SharedChart; 3] = [
    (
        "Heap",
        &[
            (HEAP_ALLOC, HEAP, "heap"),
            (HEAP_INUSE, ANON, "anon"),
            (HEAP_SYS, FILE, "file"),
            (HEAP_PEAK, LIMIT, "limit"),
        ],
    ),
    (
        "Mappings",
        &[(MAPPED_ANON, HEAP, "heap"), (MAPPED_ANON_RESIDENT, ANON, "anon"), (MAPPED_FILE, FILE, "file")],
    ),
    (
        "Process",
        &[
            (RSS, HEAP, "heap"),
            (RSS_ANON, ANON, "anon"),
            (RSS_FILE, FILE, "file"),
            (PSS, BROKEN, "broken"),
            (PEAK_RSS, LIMIT, "limit"),
        ],
    ),
];
/// More charts than this make the page heavy; the rest stands in the table.
const OWN_CHARTS: usize = 12;

/// The page as HTML: one file that needs no network and has no script. `file` is the name of the file of
/// samples, which lies beside it.
///
/// # Errors
/// Only if a chart or the template cannot be rendered, which is a mistake in this crate.
pub fn watch_page(watch: &Watch, file: &str) -> Result<String> {
    let rows = watch.rows();
    let (charts, undrawn) = charts(watch)?;
    let page = WatchPage {
        title: format!("{} · memory over time", watch.target),
        policy: security::policy(STYLE, ""),
        style: STYLE,
        target: watch.target.clone(),
        lead: lead(watch),
        end: watch.end.clone(),
        file: file.to_string(),
        tiles: tiles(&rows),
        rows: rows.iter().map(SeriesRow::cells).collect(),
        charts,
        undrawn,
        losses: watch.lost.iter().map(|loss| [loss.timestamp.clone(), loss.reason.clone()]).collect(),
        more_losses: watch.lost_samples - watch.lost.len() as u64,
        notes: watch.notes.clone(),
        command: watch.command.clone(),
    };
    render("watch.html", &page).context("the page of the watch")
}

fn lead(watch: &Watch) -> String {
    let samples = plural(watch.samples as usize, "sample");
    let lost = match watch.lost_samples {
        0 => String::new(),
        lost => format!(", {} lost", lost),
    };
    let interval = human(watch.interval_s * 1e9, Unit::Nanoseconds);
    match &watch.between {
        Some((first, last)) => format!("{samples}{lost}, one every {interval}, from {first} to {last}."),
        None => format!("{samples}{lost}, one every {interval}."),
    }
}

/// The highest of the first rows: heap before process, as the rows come.
fn tiles(rows: &[SeriesRow]) -> Vec<WatchTile> {
    let bytes = rows.iter().filter(|row| row.unit == Unit::Bytes);
    let tile = |row: &SeriesRow| WatchTile {
        value: human(row.most, row.unit),
        label: format!("highest {}", row.title),
        note: row.growth_text(),
    };
    bytes.take(4).map(tile).collect()
}

/// The charts, and the names that have none because there are too many.
fn charts(watch: &Watch) -> Result<(Vec<Shown>, Vec<String>)> {
    let ends = watch.series.values().filter_map(|series| Some(series.points().last()?.end));
    let length = ends.fold(0.0, f64::max);
    let mut shown = Vec::new();
    for (index, (title, names)) in PANELS.iter().enumerate() {
        let present = names.iter().filter_map(|(name, colour, swatch)| {
            Some((field(name)?.title, watch.series.get(*name)?, *colour, *swatch))
        });
        let present: Vec<_> = present.collect();
        let lines: Vec<ChartLine> =
            present.iter().map(|(label, series, colour, _)| line(label, series, *colour)).collect();
        let input = lines::Input { title, unit: Unit::Bytes, length, lines: &lines };
        let key =
            present.iter().map(|(label, _, _, swatch)| [swatch.to_string(), label.to_string()]).collect();
        shown.extend(lines::chart(&format!("panel-{index}"), &input)?.map(|chart| Shown { chart, key }));
    }
    let own: Vec<_> = watch.series.iter().filter(|(name, _)| field(name).is_none()).collect();
    for (index, (name, series)) in own.iter().take(OWN_CHARTS).enumerate() {
        let lines = [line(name, series, HEAP)];
        let input = lines::Input { title: name, unit: watch.unit(name), length, lines: &lines };
        shown.extend(
            lines::chart(&format!("own-{index}"), &input)?.map(|chart| Shown { chart, key: Vec::new() }),
        );
    }
    Ok((shown, own.iter().skip(OWN_CHARTS).map(|(name, _)| name.to_string()).collect()))
}

fn line<'a>(label: &'a str, series: &Series, colour: RGBColor) -> ChartLine<'a> {
    let mut parts: Vec<Vec<(f64, f64)>> = Vec::new();
    for point in series.points() {
        let place = ((point.start + point.end) / 2.0, point.most);
        match parts.last_mut().filter(|_| !point.after_gap) {
            Some(part) => part.push(place),
            None => parts.push(vec![place]),
        }
    }
    ChartLine { label, colour, parts }
}
