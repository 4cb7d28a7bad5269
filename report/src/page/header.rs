//! The page's header: the answer, in the first screen.

use bench_core::metric::Unit;
use bench_core::run::Run;
use serde::Serialize;

use crate::quantity::human;
use crate::report::Report;
use crate::text::capitalised;
use crate::text::plural;
use crate::verdict::Verdict;

/// What stands at the top of the page.
#[derive(Serialize)]
pub struct Header {
    verdict: &'static str,
    headline: String,
    partial: Option<String>,
    instruments_off: bool,
    tiles: Vec<Tile>,
    facts: Vec<Fact>,
    command: String,
}

/// A number and what it means.
#[derive(Serialize)]
pub struct Tile {
    /// The number.
    pub value: String,
    /// What it counts.
    pub label: String,
    /// More about it, in a few words; in parts between which a line may break.
    pub note: Vec<String>,
    /// `pass`, `warn` or `fail`, or nothing.
    pub mark: &'static str,
}

/// A named fact.
#[derive(Serialize)]
pub struct Fact {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The header of a run's page.
pub fn header(report: &Report) -> Header {
    Header {
        verdict: report.verdict().word(),
        headline: capitalised(&report.headline()),
        partial: report.run.partial.clone(),
        instruments_off: !report.judgement.calibration.is_empty(),
        tiles: tiles(report),
        facts: facts(report.run),
        command: report.run.command.clone(),
    }
}

fn tiles(report: &Report) -> Vec<Tile> {
    let counts = &report.counts;
    let cases = Tile {
        value: format!("{} of {}", counts.measured, counts.cases),
        label: "cases measured".into(),
        note: vec![match counts.failed_cases {
            0 => "none crashed or timed out".into(),
            failed => format!("{} failed", plural(failed, "case")),
        }],
        mark: if counts.failed_cases > 0 { Verdict::Fail.word() } else { Verdict::Pass.word() },
    };
    let limits = Tile {
        value: format!("{} of {}", counts.pass, counts.limits),
        label: "limits kept".into(),
        note: vec![match (counts.fail, counts.warn) {
            _ if counts.limits == 0 => "no rule applies".into(),
            (0, 0) => "none broken".into(),
            (0, warn) => format!("{warn} broken as a warning"),
            (fail, 0) => format!("{fail} broken"),
            (fail, warn) => format!("{fail} broken, {warn} as a warning"),
        }],
        mark: match (counts.fail, counts.warn, counts.limits) {
            (0, 0, 0) => "",
            (0, 0, _) => Verdict::Pass.word(),
            (0, _, _) => Verdict::Warn.word(),
            _ => Verdict::Fail.word(),
        },
    };
    let instruments = match (report.judgement.calibration_checks, report.judgement.calibration.len()) {
        (0, _) => Tile {
            value: "unchecked".into(),
            label: "instruments".into(),
            note: vec!["no calibration case was measured".into()],
            mark: "",
        },
        (checks, 0) => Tile {
            value: "exact".into(),
            label: "instruments".into(),
            note: vec![format!("{} as known beforehand", plural(checks, "count"))],
            mark: Verdict::Pass.word(),
        },
        (_, faults) => Tile {
            value: "off".into(),
            label: "instruments".into(),
            note: vec![format!("{} wrong: do not trust this run", plural(faults, "count"))],
            mark: Verdict::Fail.word(),
        },
    };
    vec![limits, cases, instruments]
}

fn facts(run: &Run) -> Vec<Fact> {
    let fact = |name: &str| run.host.facts.get(name).cloned();
    let revision = match &run.revision.commit {
        None => "not a git checkout".to_string(),
        Some(commit) => {
            let short: String = commit.chars().take(10).collect();
            let changed = if run.revision.dirty { ", with uncommitted changes" } else { "" };
            let subject = run.revision.subject.as_ref().map(|subject| format!(" “{subject}”"));
            format!("{short}{}{changed}", subject.unwrap_or_default())
        }
    };
    let ram = fact("ram_bytes").and_then(|text| text.parse::<f64>().ok());
    let parts = [
        fact("cpu"),
        fact("cores").map(|cores| if cores == "1" { "1 core".into() } else { format!("{cores} cores") }),
        ram.map(|bytes| format!("{} RAM", human(bytes, Unit::Bytes))),
        [fact("os"), fact("kernel")].into_iter().flatten().reduce(|os, kernel| format!("{os} {kernel}")),
    ];
    let host: Vec<String> = parts.into_iter().flatten().collect();
    let modes: Vec<&str> = run.settings.modes.iter().map(|mode| mode.name()).collect();
    let settings = format!(
        "modes {}; every case {} in mode heap, each time in a fresh process{}",
        modes.join(", "),
        plural(run.settings.repetitions as usize, "time"),
        if run.settings.quick { "; the quick grid" } else { "" }
    );
    let named = |name: &str, value: String| Fact { name: name.into(), value };
    vec![
        named("revision", revision),
        named("measured", run.started.replacen('T', " ", 1).replace('Z', " UTC")),
        named("host", if host.is_empty() { "unknown".into() } else { host.join(", ") }),
        named("how", settings),
    ]
}
