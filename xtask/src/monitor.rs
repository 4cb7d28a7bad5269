//! `cargo xtask monitor`: the memory of a live process or server, sample by sample, to a file and a page.
//!
//! ```text
//!  flags --> source (process_tree | command | endpoint)
//!               | every interval
//!               v
//!            sample --> metrics_file (JSON), live (terminal), report::Watch --> page, summary
//! ```

mod asked_for;
mod command;
mod endpoint;
mod fetch;
pub mod flags;
mod heap;
mod live;
mod metrics_file;
mod process_tree;
mod reasons;
mod source;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use bench_core::memory_metrics::Sample;
use jiff::Timestamp;
use report::watch::{SeriesRow, Watch};
use report::{plural, watch_page};

use crate::build::workspace::{display_path, root};
use crate::cli::command_line;
use crate::cli::exit_code::usage;
use crate::run::interrupt::Interrupt;
use crate::store::output_file::{stdout_is_stderr, write_new};
use crate::term::output;
use crate::term::text_table::{Align, text_table};
use flags::MonitorFlags;
use live::Live;
use metrics_file::MetricsFile;
use source::{Cause, SourceReading, WatchedSource};

/// The ending of the page's name.
const PAGE: &str = "html";
/// As many reasons of lost samples stand in the summary; the page has more.
const MOST_REASONS: usize = 10;
/// How often to look whether the process has ended or Ctrl-C was pressed.
const POLL: Duration = Duration::from_millis(20);

/// Runs the command.
pub fn run(flags: &MonitorFlags) -> Result<u8> {
    let interrupt = Interrupt::install()?;
    // Whatever could be wrong with it, nothing has been started yet.
    let command = command_line::of_this_process();
    let path = file_path(flags)?;
    let page = page_path(&path)?;
    let mut file = MetricsFile::create(&path).map_err(usage)?;
    let opened = WatchedSource::open(flags, &interrupt);
    let (mut source, target) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            // Nothing was watched: nothing is left behind.
            file.finish()?;
            fs::remove_file(&path).with_context(|| format!("remove {}", display_path(&path)))?;
            return Err(error);
        }
    };
    let mut watch = Watch::new(target, command, flags.interval.as_secs_f64());
    watch.units = source.units();
    let mut live = Live::new(matches!(source, WatchedSource::Command(..)));
    live.say(&format!("watching {} every {:?}, to {}", watch.target, flags.interval, display_path(&path)));
    let sampled = sample_until_the_end(flags, &interrupt, &mut source, &mut watch, &mut file, &mut live);
    // Whatever ended it: the line and the hidden copy go.
    live.finish();
    let finished = file.finish();
    let cause = match source {
        WatchedSource::Command(..) => sampled.context("the command is not watched any more, and runs on")?,
        _ => sampled?,
    };
    let (end, code) = source.end(cause)?;
    finished?;
    watch.end = end;
    // Each note was told at once on stderr; in one place with that it is not told again.
    let is_told = matches!(source, WatchedSource::Command(..)) || stdout_is_stderr();
    let told_notes = if is_told { source.notes().len() } else { 0 };
    watch.notes = source.notes();
    watch.notes.extend(source.conclusions());
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let written = write_new(&page, watch_page(&watch, &name)?.as_bytes());
    let mut summary = summary(&watch, is_told, told_notes);
    summary.push_str(&format!("file  {}\n", display_path(&path)));
    if written.is_ok() {
        summary.push_str(&format!("page  {}\n", display_path(&page)));
    }
    if matches!(source, WatchedSource::Command(..)) {
        anstream::eprint!("{summary}")
    } else {
        output::print(&summary)?
    }
    written?;
    ensure!(watch.samples > 0 || cause != Cause::Duration, "no sample could be taken in all that time");
    Ok(code)
}

/// Where the samples go; the folder is made.
fn file_path(flags: &MonitorFlags) -> Result<PathBuf> {
    if let Some(path) = &flags.file {
        ensure!(path.file_name().is_some(), usage(anyhow!("--file {}: a file has a name", path.display())));
        return Ok(path.clone());
    }
    let folder = match &flags.results {
        Some(folder) => folder.clone(),
        None => root()?.join("results"),
    };
    fs::create_dir_all(&folder)
        .with_context(|| {
            format!("cannot write results to {}; name a folder with --results", display_path(&folder))
        })
        .map_err(usage)?;
    let time = Timestamp::now().strftime("%Y-%m-%dT%H%M%SZ");
    let numbered = |number: u32| match number {
        1 => folder.join(format!("memory_metrics_{time}.json")),
        number => folder.join(format!("memory_metrics_{time}-{number}.json")),
    };
    let is_free = |path: &PathBuf| !path.exists() && !path.with_extension(PAGE).exists();
    (1..1000).map(numbered).find(is_free).context("1000 watches began in this second")
}

/// Where the page goes: beside the samples.
///
/// # Errors
/// If that is where the samples go, or something is there.
fn page_path(path: &Path) -> Result<PathBuf> {
    let is_page = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(PAGE));
    ensure!(
        !is_page,
        usage(anyhow!("--file {}: the page gets this name; name a file with another ending", path.display()))
    );
    let page = path.with_extension(PAGE);
    // Also a link that leads nowhere.
    ensure!(
        fs::symlink_metadata(&page).is_err(),
        usage(anyhow!(
            "{} is there already, and the page gets this name: name another --file",
            display_path(&page)
        ))
    );
    Ok(page)
}

/// Takes a sample at the start of every interval.
fn sample_until_the_end(
    flags: &MonitorFlags,
    interrupt: &Interrupt,
    source: &mut WatchedSource,
    watch: &mut Watch,
    file: &mut MetricsFile,
    live: &mut Live,
) -> Result<Cause> {
    let started = Instant::now();
    let whole_seconds = flags.interval.subsec_nanos() == 0;
    let mut told = 0;
    loop {
        let seconds = started.elapsed().as_secs_f64();
        let timestamp = timestamp(whole_seconds);
        let reading = source.read();
        let notes = source.notes();
        notes.iter().skip(told).for_each(|note| live.say(note));
        told = notes.len();
        match reading {
            SourceReading::Values(values) => {
                watch.add(seconds, &timestamp, &values);
                live.values(&values, watch);
                file.append(&Sample { timestamp, values })?;
            }
            SourceReading::Lost(reason) => {
                live.lost(&reason);
                watch.lose(&timestamp, &reason);
            }
            SourceReading::Ended => return Ok(Cause::Ended),
        }
        // A look that took longer than an interval leaves out what is past.
        let intervals = started.elapsed().as_nanos() / flags.interval.as_nanos() + 1;
        let next = flags.interval * u32::try_from(intervals).context("watched for too long")?;
        if let Some(cause) = wait_until(started + next, started, flags.duration, interrupt, source)? {
            return Ok(cause);
        }
    }
}

/// Waits; what comes back is why there is nothing to wait for any more.
fn wait_until(
    next: Instant,
    started: Instant,
    duration: Option<Duration>,
    interrupt: &Interrupt,
    source: &mut WatchedSource,
) -> Result<Option<Cause>> {
    loop {
        if source.has_ended()? {
            return Ok(Some(if interrupt.is_set() { Cause::Interrupt } else { Cause::Ended }));
        }
        if interrupt.is_set() && source.interrupt() {
            return Ok(Some(Cause::Interrupt));
        }
        if duration.is_some_and(|duration| started.elapsed() >= duration) {
            return Ok(Some(Cause::Duration));
        }
        let now = Instant::now();
        if now >= next {
            return Ok(None);
        }
        thread::sleep(POLL.min(next - now));
    }
}

/// As the field's readers expect it: whole seconds where the interval has no parts of them.
fn timestamp(whole_seconds: bool) -> String {
    let format = if whole_seconds { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S.%3fZ" };
    Timestamp::now().strftime(format).to_string()
}

/// What was seen, for people. `is_told` says that it appears in one place with what was told while it was
/// watched, and `told_notes` how many of the notes, from the first, stand there.
fn summary(watch: &Watch, is_told: bool, told_notes: usize) -> String {
    let rows = watch.rows();
    let mut text = String::new();
    if !rows.is_empty() {
        let cells: Vec<Vec<String>> = rows.iter().map(SeriesRow::cells).collect();
        text.push_str(&text_table(&SeriesRow::HEAD, &cells, &[Align::Left]));
    }
    text.push_str(&format!("\n{}: {}", watch.end, plural(watch.samples as usize, "sample")));
    if watch.lost_samples > 0 {
        text.push_str(&format!(", {} lost", watch.lost_samples));
    }
    let losses = watch.losses();
    if !losses.is_empty() && is_told && losses.len() <= live::MOST_REASONS {
        text.push_str(", why is told above");
    } else {
        for (reason, count) in losses.iter().take(MOST_REASONS) {
            text.push_str(&format!("\n  lost {count}: {reason}"));
        }
        let others =
            watch.lost_samples - losses.iter().take(MOST_REASONS).map(|(_, count)| count).sum::<u64>();
        if others > 0 {
            text.push_str(&format!("\n  lost {others} for other reasons, see the page"));
        }
    }
    text.push('\n');
    for note in watch.notes.iter().skip(told_notes) {
        text.push_str(&format!("  {note}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lossy(reasons: usize) -> Watch {
        let mut watch = Watch::new("x", "y", 1.0);
        for index in 0..reasons * 50 {
            watch.lose("t", &format!("reason {}", index % reasons));
        }
        watch
    }

    #[test]
    fn every_loss_is_counted_in_the_summary() {
        assert!(
            summary(&lossy(2), false, 0).contains("100 lost\n  lost 50: reason 0\n  lost 50: reason 1\n")
        );
        let many = summary(&lossy(12), false, 0);
        assert!(many.contains("600 lost\n") && many.contains("\n  lost 100 for other reasons"), "{many}");
        // As many reasons as are told at once, and one more.
        let told = summary(&lossy(live::MOST_REASONS), true, 0);
        assert!(told.ends_with("1000 lost, why is told above\n"), "{told}");
        let more = summary(&lossy(live::MOST_REASONS + 1), true, 0);
        assert!(!more.contains("told above") && more.contains("lost 50: reason 0"), "{more}");
    }

    #[test]
    fn what_is_new_at_the_end_is_told_and_the_rest_once() {
        let mut watch = Watch::new("x", "y", 1.0);
        watch.notes = vec!["a is NaN".into(), "a: in 0 of 2 samples".into()];
        assert!(summary(&watch, true, 1).ends_with("0 samples\n  a: in 0 of 2 samples\n"));
        assert!(summary(&watch, false, 0).ends_with("0 samples\n  a is NaN\n  a: in 0 of 2 samples\n"));
    }
}
