//! What a watch of a process or a server saw: its samples as series, bounded in memory however long it lasts.

mod series;

use std::collections::BTreeMap;

use bench_core::foreign_text::shortened;
use bench_core::memory_metrics::{FIELDS, HEAP_PEAK, PEAK_RSS, PROCESSES, Values, field};
use bench_core::metric::Unit;
use bench_core::prometheus::Selector;

pub use series::{FittedSlope, Series, SeriesPoint};

use crate::quantity::human;

/// How many lost samples are told with their time and reason, and of how many more the reason is told if it
/// is new.
const TOLD_LOSSES: usize = 100;
/// As many different reasons are counted: a server may answer something else every time.
const COUNTED_REASONS: usize = 100;

/// As much of a server's own name as a row shows.
const MOST_CHARACTERS: usize = 200;

/// A watch, told of every sample as it is taken.
#[derive(Clone, Debug)]
pub struct Watch {
    /// What is watched, in one line.
    pub target: String,
    /// The command that repeats it.
    pub command: String,
    /// The interval that was asked for, in seconds.
    pub interval_s: f64,
    /// Timestamps of the first and the last sample, lost ones included.
    pub between: Option<(String, String)>,
    /// Why the watch ended.
    pub end: String,
    /// Samples that hold something.
    pub samples: u64,
    /// The values by their name.
    pub series: BTreeMap<String, Series>,
    /// Samples that hold nothing, in order; of very many the first, and the first for each reason that is
    /// counted.
    pub lost: Vec<Loss>,
    /// How many samples hold nothing.
    pub lost_samples: u64,
    /// How many hold nothing for each reason; of very many reasons the first.
    reasons: BTreeMap<String, u64>,
    /// What is absent throughout, and why.
    pub notes: Vec<String>,
    /// What the numbers of some names are, where the names do not say it.
    pub units: BTreeMap<String, Unit>,
}

/// A sample that could not be taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// When it was due.
    pub timestamp: String,
    /// Why there is none.
    pub reason: String,
}

/// One series as a row of a table: every number in `unit`.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesRow {
    /// What people call it.
    pub title: String,
    /// What it means; empty for a name of the server's own.
    pub about: &'static str,
    /// What the numbers are.
    pub unit: Unit,
    /// The first value.
    pub first: f64,
    /// The last value.
    pub last: f64,
    /// The lowest value.
    pub least: f64,
    /// The mean of all samples that have it.
    pub mean: f64,
    /// The highest value.
    pub most: f64,
    /// The slope of the line fitted through it; nothing for a single sample, a peak, or a number of
    /// processes.
    pub growth: Option<FittedSlope>,
}

impl Watch {
    /// A watch that has seen nothing yet.
    pub fn new(target: impl Into<String>, command: impl Into<String>, interval_s: f64) -> Watch {
        Watch {
            target: target.into(),
            command: command.into(),
            interval_s,
            between: None,
            end: String::new(),
            samples: 0,
            series: BTreeMap::new(),
            lost: Vec::new(),
            lost_samples: 0,
            reasons: BTreeMap::new(),
            notes: Vec::new(),
            units: BTreeMap::new(),
        }
    }

    /// Takes what was read `seconds` after the watch began.
    pub fn add(&mut self, seconds: f64, timestamp: &str, values: &Values) {
        self.stretch(timestamp);
        self.samples += 1;
        for (name, value) in values.iter().filter_map(|(name, value)| Some((name, value.as_f64()?))) {
            let (value, _) = self.measured(name, value);
            match self.series.get_mut(name) {
                Some(series) => series.push(seconds, value),
                None => {
                    self.series.insert(name.clone(), Series::new(seconds, value));
                }
            }
        }
    }

    /// A value in the unit in which it is shown, and that unit: seconds, as Prometheus has times, become
    /// nanoseconds.
    pub fn measured(&self, name: &str, value: f64) -> (f64, Unit) {
        let unit = self.unit(name);
        (if unit == Unit::Nanoseconds { value * 1e9 } else { value }, unit)
    }

    /// What the numbers of a name are shown in.
    pub fn unit(&self, name: &str) -> Unit {
        self.units.get(name).copied().unwrap_or_else(|| unit(name))
    }

    /// Takes that nothing could be read, and why. Lines have a gap there.
    pub fn lose(&mut self, timestamp: &str, reason: &str) {
        self.stretch(timestamp);
        self.lost_samples += 1;
        let is_new = !self.reasons.contains_key(reason);
        let is_counted = !is_new || self.reasons.len() < COUNTED_REASONS;
        if is_counted {
            *self.reasons.entry(reason.into()).or_default() += 1;
        }
        if self.lost.len() < TOLD_LOSSES || is_new && is_counted {
            self.lost.push(Loss { timestamp: timestamp.into(), reason: reason.into() });
        }
        self.series.values_mut().for_each(Series::interrupt);
    }

    /// What has been seen, a row for each name: those with a fixed meaning first, in their order.
    pub fn rows(&self) -> Vec<SeriesRow> {
        let fixed = FIELDS.iter().filter_map(|field| self.series.get_key_value(field.name));
        let own = self.series.iter().filter(|(name, _)| field(name).is_none());
        fixed.chain(own).map(|(name, series)| row(name, series, self.unit(name))).collect()
    }

    /// The lost samples by their reason, the most frequent first. Of very many reasons those that came first:
    /// together they are then fewer than [`Watch::lost_samples`].
    pub fn losses(&self) -> Vec<(&str, u64)> {
        let mut counts: Vec<_> =
            self.reasons.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts
    }

    fn stretch(&mut self, timestamp: &str) {
        let first = self.between.take().map_or_else(|| timestamp.to_string(), |(first, _)| first);
        self.between = Some((first, timestamp.to_string()));
    }
}

impl SeriesRow {
    /// What stands above [`SeriesRow::cells`].
    pub const HEAD: [&str; 7] = ["value", "first", "last", "lowest", "mean", "highest", "growth"];

    /// The row as text for people.
    pub fn cells(&self) -> Vec<String> {
        let values = [self.first, self.last, self.least, self.mean, self.most];
        let values = values.map(|value| human(value, self.unit));
        [self.title.clone()].into_iter().chain(values).chain([self.growth_text()]).collect()
    }

    /// `+1.20 MiB ± 34 KiB a minute`.
    pub fn growth_text(&self) -> String {
        let Some(growth) = self.growth else { return "–".into() };
        let sign = if growth.per_minute > 0.0 { "+" } else { "" };
        let margin =
            growth.margin.map(|margin| format!(" ± {}", human(margin, self.unit))).unwrap_or_default();
        format!("{sign}{}{margin} a minute", human(growth.per_minute, self.unit))
    }
}

fn row(name: &str, series: &Series, unit: Unit) -> SeriesRow {
    let field = field(name);
    SeriesRow {
        title: field.map_or_else(|| shortened(name, MOST_CHARACTERS), |field| field.title.to_string()),
        about: field.map_or("", |field| field.about),
        unit,
        first: series.first,
        last: series.last,
        least: series.least,
        mean: series.mean(),
        most: series.most,
        growth: series.growth_per_minute().filter(|_| ![HEAP_PEAK, PEAK_RSS, PROCESSES].contains(&name)),
    }
}

/// What may stand behind the unit in a name: what was done with the values.
const AFTER_THE_UNIT: [&str; 11] =
    ["total", "sum", "max", "min", "avg", "mean", "used", "free", "limit", "committed", "init"];

/// What the numbers of a name are, with labels or without, by Prometheus' rule: the unit ends it, before what
/// was done with the values, as in `x_bytes_sum`. [`Unit::Nanoseconds`] stands for seconds, in which such a
/// name's values are given.
pub fn unit(name: &str) -> Unit {
    let selector = Selector::parse(name).ok();
    let bare = selector.as_ref().map_or(name, |selector| selector.name()).to_lowercase();
    let mut words: Vec<&str> = bare.split(|c: char| !c.is_alphanumeric()).collect();
    while words.last().is_some_and(|word| AFTER_THE_UNIT.contains(word)) {
        words.pop();
    }
    match words[..] {
        [.., "bytes", "per", "second"] => Unit::BytesPerSecond,
        [.., "bytes"] => Unit::Bytes,
        [.., "seconds"] => Unit::Nanoseconds,
        _ => Unit::Count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(values: &[(&str, u64)]) -> Values {
        values.iter().map(|(name, value)| (name.to_string(), (*value).into())).collect()
    }

    #[test]
    fn rows_hold_what_was_seen_and_nothing_else() {
        let mut watch = Watch::new("process 1", "cargo xtask monitor --pid 1", 60.0);
        watch.add(0.0, "a", &values(&[("rss_bytes", 100), ("zeta", 5), ("heap_alloc_bytes", 7)]));
        watch.lose("b", "connection refused");
        watch.add(120.0, "c", &values(&[("rss_bytes", 300), ("my{x=\"1\"}", 1), ("heap_alloc_bytes", 9)]));
        let rows = watch.rows();
        let titles: Vec<&str> = rows.iter().map(|row| row.title.as_str()).collect();
        assert_eq!(titles, ["heap alloc", "RSS", "my{x=\"1\"}", "zeta"]);
        let rss = &rows[1];
        assert_eq!((rss.first, rss.last, rss.least, rss.mean, rss.most), (100.0, 300.0, 100.0, 200.0, 300.0));
        assert_eq!(rss.growth.unwrap().per_minute, 100.0);
        assert_eq!((rss.unit, rows[2].unit, rows[3].unit), (Unit::Bytes, Unit::Count, Unit::Count));
        assert_eq!(rows[3].growth, None, "one sample has no slope");
        assert_eq!((watch.samples, watch.lost_samples), (2, 1));
        assert_eq!(watch.between, Some(("a".into(), "c".into())));
    }

    #[test]
    fn a_name_says_what_its_numbers_are() {
        for (name, expected) in [
            ("rss_bytes", Unit::Bytes),
            ("x_bytes_sum{le=\"a_seconds\"}", Unit::Bytes),
            ("x_bytes_total", Unit::Bytes),
            ("jvm_memory_bytes_used", Unit::Bytes),
            ("job:x_bytes:sum", Unit::Bytes),
            ("{\"my.heap.bytes\",\"a\"=\"b\"}", Unit::Bytes),
            ("bytes", Unit::Bytes),
            ("x_bytes_per_second", Unit::BytesPerSecond),
            ("process_cpu_seconds_total", Unit::Nanoseconds),
            ("x_bytes_count", Unit::Count),
            ("x_bytes_bucket{le=\"1\"}", Unit::Count),
            ("cache_ratio", Unit::Count),
            ("kilobytes", Unit::Count),
            ("processes", Unit::Count),
            ("total", Unit::Count),
            ("", Unit::Count),
        ] {
            assert_eq!(unit(name), expected, "{name}");
        }
        let mut watch = Watch::new("x", "y", 1.0);
        watch.units.insert("mine".into(), Unit::Bytes);
        watch.add(
            0.0,
            "a",
            &[("mine".to_string(), 2048.into()), ("pause_seconds".to_string(), 2.into())].into(),
        );
        let cells: Vec<Vec<String>> = watch.rows().iter().map(SeriesRow::cells).collect();
        assert_eq!((cells[0][1].as_str(), cells[1][1].as_str()), ("2.00 KiB", "2.00 s"));
    }

    #[test]
    fn losses_are_counted_by_their_reason_however_many_there_are() {
        let mut watch = Watch::new("x", "y", 1.0);
        for index in 0..250 {
            watch.lose("t", if index % 3 == 0 { "HTTP 500" } else { "connection refused" });
        }
        assert_eq!((watch.lost_samples, watch.lost.len()), (250, TOLD_LOSSES));
        assert_eq!(watch.losses(), [("connection refused", 166), ("HTTP 500", 84)]);
        // A reason that comes late is told, too.
        watch.lose("u", "no answer");
        watch.lose("v", "no answer");
        assert_eq!(watch.losses()[2], ("no answer", 2));
        assert_eq!(watch.lost[TOLD_LOSSES..], [Loss { timestamp: "u".into(), reason: "no answer".into() }]);
        for index in 0..1000 {
            watch.lose("t", &format!("line {index}"));
        }
        assert_eq!((watch.lost_samples, watch.losses().len()), (1252, COUNTED_REASONS));
        assert!(watch.lost.len() < TOLD_LOSSES + COUNTED_REASONS);
    }
}
