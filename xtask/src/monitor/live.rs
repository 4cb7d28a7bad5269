//! What a terminal shows while something is watched: the last values, and a small chart of the first of them.

use std::collections::VecDeque;
use std::io::IsTerminal;

use bench_core::memory_metrics::{FIELDS, PEAK_RSS, PROCESSES, Values, field};
use bench_core::metric::Unit;
use indicatif::{ProgressBar, ProgressStyle};
use report::quantity::human;

/// How many samples the small chart shows.
const WIDTH: usize = 32;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The line, if there is a terminal for it.
pub struct Live {
    bar: Option<ProgressBar>,
    recent: VecDeque<f64>,
    last_loss: Option<String>,
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
        Live { bar, recent: VecDeque::new(), last_loss: None }
    }

    /// Shows what was read.
    pub fn values(&mut self, values: &Values) {
        self.last_loss = None;
        let Some(bar) = &self.bar else { return };
        let chosen = chosen(values);
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

    /// Says why there is nothing; once for the same reason again and again.
    pub fn lost(&mut self, reason: &str) {
        if self.last_loss.as_deref() != Some(reason) {
            self.say(&format!("lost: {reason}"));
            self.last_loss = Some(reason.to_string());
        }
    }

    /// A line that stays.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
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
fn chosen(values: &Values) -> Vec<(&str, f64, Unit)> {
    const ROOM: usize = 4;
    let fixed = FIELDS.iter().filter(|field| ![PEAK_RSS, PROCESSES].contains(&field.name));
    let fixed = fixed.filter_map(|field| Some((field.title, values.get(field.name)?.as_f64()?)));
    let own = values.iter().filter(|(name, _)| field(name).is_none());
    let own = own.filter_map(|(name, value)| Some((name.as_str(), value.as_f64()?)));
    let unit = |title: &str| report::watch::unit(title);
    fixed
        .map(|(title, value)| (title, value, Unit::Bytes))
        .chain(own.map(|(name, value)| (name, value, unit(name))))
        .take(ROOM)
        .collect()
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
        let names: Vec<&str> = chosen(&values).iter().map(|(title, ..)| *title).collect();
        assert_eq!(names, ["heap sys", "RSS", "my_bytes", "zeta"]);
    }
}
