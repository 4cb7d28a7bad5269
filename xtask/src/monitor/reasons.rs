//! Why a page of metrics has no value for a name, and which names it has instead.

use bench_core::foreign_text::shortened;
use bench_core::metric::Unit;
use bench_core::prometheus::ExposedValue;
use report::watch;

use crate::cli::command_line;

/// As much of a name, or of a line, as a note repeats.
const MOST_CHARACTERS: usize = 100;
/// As many names as a note proposes.
const MOST_NAMES: usize = 6;

/// Why several series are no value, and how to say which is meant.
pub fn choose(name: &str, field: &str, several: &[&ExposedValue]) -> String {
    let (first, times) = (several[0], several.len());
    let name = short(name);
    if several.iter().all(|series| series.labels == first.labels) {
        return format!("{name} stands there {times} times, with the same labels and different values");
    }
    let flag = command_line::quoted([format!("{field}={first}")]);
    format!("{name} stands there {times} times: choose one by its labels, as in --metric {}", short(&flag))
}

/// That a metric, `wanted` in the user's words, is not there, and what is like it.
pub fn absent(wanted: &str, name: &str, series: &[ExposedValue]) -> String {
    let wanted = short(wanted);
    if let Some(other) = series.iter().find(|series| series.name == name) {
        return format!(
            "{wanted} is not on the page with these labels; there is {}",
            short(&other.to_string())
        );
    }
    let near = |other: &str| {
        let (longer, shorter) = (other.len().max(name.len()), other.len().min(name.len()));
        longer < 2 * shorter + 4 && strsim::jaro_winkler(other, name) > 0.85
    };
    let near = listed(names(series).into_iter().filter(|other| near(other)).collect());
    let near = near.map(|near| format!("; like it: {near}")).unwrap_or_default();
    format!("{wanted} is not among the {} series of the page{near}", series.len())
}

/// That nothing is known of a page, and which names look like memory.
pub fn nothing_known(series: &[ExposedValue]) -> String {
    // The words that stand for memory in names come before units.
    let of_memory = |word: &str| {
        (word.starts_with("mem") && !word.starts_with("member")) || word.contains("heap") || word == "rss"
    };
    let rank = |name: &str| name.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(of_memory);
    let mut like: Vec<&str> =
        names(series).into_iter().filter(|name| rank(name) || watch::unit(name) == Unit::Bytes).collect();
    like.sort_by_key(|name| !rank(name));
    let instead = listed(like).map(|names| format!("; name one with --metric, for example {names}"));
    format!("no known memory metric among {} series{}", series.len(), instead.unwrap_or_default())
}

/// The names of all series, each once, in their order.
fn names(series: &[ExposedValue]) -> Vec<&str> {
    let mut names: Vec<&str> = series.iter().map(|series| series.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The first of some names, if there are any.
fn listed(names: Vec<&str>) -> Option<String> {
    let more = if names.len() > MOST_NAMES { ", ..." } else { "" };
    let first: Vec<String> = names.iter().take(MOST_NAMES).map(|name| short(name)).collect();
    (!first.is_empty()).then(|| first.join(", ") + more)
}

/// As much of a stranger's text as a reason repeats.
pub fn short(text: &str) -> String {
    shortened(text, MOST_CHARACTERS)
}
