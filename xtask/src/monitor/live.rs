//! What a terminal shows while something is watched: the last values, and a small chart of the first of them.

use std::collections::{BTreeSet, VecDeque};
use std::io::{IsTerminal, Write};

use bench_core::foreign_text::shortened;
use bench_core::memory_metrics::{FIELDS, PEAK_RSS, PROCESSES, Values, field};
use bench_core::metric::Unit;
use indicatif::{ProgressBar, ProgressStyle};
use report::quantity::human;
use report::watch::Watch;

/// How many samples the small chart shows.
const WIDTH: usize = 32;
/// As many reasons are told at once; the summary counts them all.
pub const MOST_REASONS: usize = 20;
/// Characters of a name.
const MOST_CHARACTERS: usize = 40;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The line, if there is a terminal for it.
pub struct Live {
    bar: Option<ProgressBar>,
    recent: VecDeque<f64>,
    /// The reasons that were told.
    told: BTreeSet<String>,
}

impl Live {
    /// A line on stderr if that is a terminal; never beside a command, which has the terminal for itself.
    pub fn new(beside_a_command: bool) -> Live {
        let shown = !beside_a_command && std::io::stderr().is_terminal();
        let bar = shown.then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(
                ProgressStyle::with_template("{elapsed_precise} {wide_msg}")
                    .expect("the template is a constant"),
            );
            bar
        });
        Live { bar, recent: VecDeque::new(), told: BTreeSet::new() }
    }

    /// Shows what was read.
    pub fn values(&mut self, values: &Values, watch: &Watch) {
        let Some(bar) = &self.bar else { return };
        let chosen = chosen(values, watch);
        if let Some((_, value, _)) = chosen.first() {
            if self.recent.len() == WIDTH {
                self.recent.pop_front();
            }
            self.recent.push_back(*value);
        }
        let texts: Vec<String> =
            chosen.iter().map(|(title, value, unit)| format!("{title} {}", human(*value, *unit))).collect();
        bar.set_message(format!("{}  {}", sparkline(&self.recent), texts.join("  ")));
        bar.tick();
    }

    /// Says why there is nothing: each reason once, however often it comes back.
    pub fn lost(&mut self, reason: &str) {
        if self.told.len() < MOST_REASONS && self.told.insert(reason.to_string()) {
            self.say(&format!("lost: {reason}"));
        }
    }

    /// A line that stays.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            // Nobody there to read is no reason to stop.
            None => drop(writeln!(std::io::stderr(), "{line}")),
        }
    }

    /// Takes the line away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The values that have room in a line: title, value, unit. Those with a fixed meaning first.
fn chosen(values: &Values, watch: &Watch) -> Vec<(String, f64, Unit)> {
    const ROOM: usize = 4;
    let fixed = FIELDS.iter().filter(|field| ![PEAK_RSS, PROCESSES].contains(&field.name));
    let fixed = fixed.filter_map(|field| Some((field.title, field.name, values.get(field.name)?.as_f64()?)));
    let own = values.iter().filter(|(name, _)| field(name).is_none());
    let own = own.filter_map(|(name, value)| Some((name.as_str(), name.as_str(), value.as_f64()?)));
    let shown = |(title, name, value)| {
        let (value, unit) = watch.measured(name, value);
        (shortened(title, MOST_CHARACTERS), value, unit)
    };
    fixed.chain(own).take(ROOM).map(shown).collect()
}

/// A bar for each value between the lowest and the highest; a flat line for what does not change.
fn sparkline(values: &VecDeque<f64>) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let bar = |value: &f64| {
        let share = if most > least { (value - least) / (most - least) } else { 0.0 };
        BARS[(share * (BARS.len() - 1) as f64).round() as usize]
    };
    values.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_chart_spans_what_it_shows() {
        assert_eq!(sparkline(&VecDeque::from([1.0, 1.0])), "▁▁");
        assert_eq!(sparkline(&VecDeque::from([0.0, 1.0, 7.0])), "▁▂█");
        assert_eq!(sparkline(&VecDeque::new()), "");
    }

    #[test]
    fn a_line_has_room_for_the_first_fields() {
        let values: Values = ["zeta", "processes", "rss_bytes", "heap_sys_bytes", "my_bytes"]
            .iter()
            .map(|name| (name.to_string(), 5.into()))
            .collect();
        let watch = Watch::new("x", "y", 1.0);
        let names: Vec<String> = chosen(&values, &watch).into_iter().map(|(title, ..)| title).collect();
        assert_eq!(names, ["heap sys", "RSS", "my_bytes", "zeta"]);
    }
}
