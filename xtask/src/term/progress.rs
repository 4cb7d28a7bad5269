//! Progress on stderr: a bar on a terminal, one line per case elsewhere.

use std::cell::{Cell, RefCell};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use bench_core::case::CaseId;
use bench_core::run::CaseRecord;
use indicatif::{ProgressBar, ProgressStyle};

use crate::run::plan::Job;

/// Tells what is being done.
pub struct Progress {
    bar: Option<ProgressBar>,
    case: RefCell<String>,
    /// Cases done, and in all.
    done: Cell<usize>,
    total: usize,
    case_started: Cell<Instant>,
}

impl Progress {
    /// Progress over so many cases.
    pub fn new(total: usize) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total as u64);
            let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {elapsed_precise} {wide_msg}");
            bar.set_style(style.expect("the template is a constant"));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Progress {
            bar,
            case: RefCell::default(),
            done: Cell::new(0),
            total,
            case_started: Cell::new(Instant::now()),
        }
    }

    /// A case begins.
    pub fn case(&self, id: &CaseId) {
        *self.case.borrow_mut() = id.to_string();
        self.case_started.set(Instant::now());
    }

    /// The case's set-up begins in a process of its own.
    pub fn set_up(&self) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} set-up: embedding, once", self.case.borrow()));
        }
    }

    /// A process of the case begins.
    pub fn job(&self, job: &Job<'_>) {
        let Some(bar) = &self.bar else { return };
        let mut message = format!("{} {}", self.case.borrow(), job.mode);
        if job.repetition.1 > 1 {
            message.push_str(&format!(" {}/{}", job.repetition.0, job.repetition.1));
        }
        if job.scale > 1 {
            message.push_str(&format!(" scaled down by {}", job.scale));
        }
        bar.set_message(message);
    }

    /// A case is done.
    pub fn case_done(&self, record: &CaseRecord) {
        self.done.set(self.done.get() + 1);
        for line in failures(record) {
            self.say(&line);
        }
        match &self.bar {
            Some(bar) => bar.inc(1),
            None => eprintln!(
                "[{:>width$}/{}] {} {:.1} s",
                self.done.get(),
                self.total,
                self.case.borrow(),
                self.case_started.get().elapsed().as_secs_f64(),
                width = self.total.to_string().len()
            ),
        }
    }

    /// A case is not measured, as was said.
    pub fn passed_over(&self) {
        self.done.set(self.done.get() + 1);
        self.bar.iter().for_each(|bar| bar.inc(1));
    }

    /// A line that stays.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    /// Nothing more comes.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// One line per failed measurement. The reason comes with the result, once for all cases that share it.
fn failures(record: &CaseRecord) -> Vec<String> {
    let measurements = record.measurements.iter();
    let failures = measurements.flat_map(|m| m.failures().map(move |failure| (m.mode, failure)));
    failures.map(|(mode, failure)| format!("{} in mode {mode}: {}", record.spec.id, failure.kind)).collect()
}
