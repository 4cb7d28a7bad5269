//! `cargo xtask diff OLD NEW`: which call sites came, grew, shrank and went.

use std::path::Path;

use anyhow::{Result, anyhow, ensure};
use bench_core::case::Mode;
use bench_core::dhat_profile::SitesSummary;
use bench_core::evidence::Scaled;
use bench_core::metric::Unit;
use bench_core::run::{CaseRecord, Run};
use report::export::differential_flamegraph;
use report::quantity::human;
use report::{SiteChange, SiteCount, plural, site_difference};

use crate::exit_code::{PASS, usage};
use crate::flags::profile::{DiffFlags, ShownFlags};
use crate::named_files::NamedFiles;
use crate::output;
use crate::output_file::write_whole;
use crate::site_table::change_table;
use crate::stored::{Stored, matching, sites_of};
use crate::workspace::shown;

/// Why a graph of two runs is not drawn: half of the stacks would look like the whole.
const ONLY_THE_TOP: &str = "a flame graph needs every call site, and of one of the runs only the top is at hand: its profile \
                            (*.dhat.json) is not in its folder, and a baseline keeps none";

/// Runs the command.
pub fn run(flags: &DiffFlags) -> Result<u8> {
    let read = |name: &Path| Stored::read(name, flags.results.as_deref());
    let (old, new) = (read(&flags.old)?, read(&flags.new)?);
    let mut files = NamedFiles::default();
    flags.flamegraph.iter().for_each(|path| files.output("--flamegraph", path));
    old.read_from(&flags.old).into_iter().for_each(|file| files.input("OLD", file));
    new.read_from(&flags.new).into_iter().for_each(|file| files.input("NEW", file));
    files.ensure_apart()?;
    let text = match (old, new) {
        (Stored::Profile(old), Stored::Profile(new)) => {
            profiles(&old, &new, &flags.shown) + &flame_graph(&old, &new, &title(flags), flags)?
        }
        (Stored::Run(old, old_path), Stored::Run(new, new_path)) => {
            runs((&old, &old_path), (&new, &new_path), flags)?
        }
        _ => {
            return Err(usage(anyhow!(
                "{} and {}: two dhat profiles or two runs can be compared, nothing else",
                flags.old.display(),
                flags.new.display()
            )));
        }
    };
    output::print(&text)?;
    Ok(PASS)
}

fn profiles(old: &SitesSummary, new: &SitesSummary, flags: &ShownFlags) -> String {
    let changes = changes(old, new, flags);
    let bytes = |bytes: u64| human(bytes as f64, Unit::Bytes);
    let total = |what: &str, old: u64, new: u64| format!("{what} {} -> {}", bytes(old), bytes(new));
    let totals = [
        total("at the peak", old.peak_bytes, new.peak_bytes),
        total("in total", old.total_bytes, new.total_bytes),
        total("at the end", old.end_bytes, new.end_bytes),
    ];
    let table =
        if changes.is_empty() { "no call site differs\n".into() } else { change_table(&changes, flags) };
    format!("{}\n{table}", totals.join(", "))
}

/// The call sites whose count differs, or may differ.
fn changes(old: &SitesSummary, new: &SitesSummary, flags: &ShownFlags) -> Vec<SiteChange> {
    let count = SiteCount::from(flags.by);
    let mut changes = site_difference(old, new, count);
    changes.retain(|change| change.fate(count).is_some());
    changes
}

/// Writes the differential flame graph, if it was asked for; what comes back names the file.
fn flame_graph(old: &SitesSummary, new: &SitesSummary, title: &str, flags: &DiffFlags) -> Result<String> {
    let Some(path) = &flags.flamegraph else { return Ok(String::new()) };
    let svg = differential_flamegraph(&old.sites, &new.sites, SiteCount::from(flags.shown.by), title)?;
    write_whole(path, svg.as_bytes())?;
    Ok(format!("flame graph  {}\n", shown(path)))
}

/// The names of both files, without their folders, for which a picture has no room.
fn title(flags: &DiffFlags) -> String {
    let name = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let (old, new) = (name(&flags.old), name(&flags.new));
    if old == new { new } else { format!("{old} to {new}") }
}

/// Every case that both runs have call sites of; the others are named with the reason.
fn runs(old: (&Run, &Path), new: (&Run, &Path), flags: &DiffFlags) -> Result<String> {
    let cases = matching(new.0, flags.filter.as_deref())?;
    if flags.flamegraph.is_some() && cases.len() != 1 {
        return Err(usage(anyhow!("a flame graph is of one case: name it behind the runs")));
    }
    let (mut text, mut same, mut left_out) = (String::new(), 0usize, Vec::new());
    for case in cases {
        let id = &case.spec.id;
        let Some(before) = old.0.cases.iter().find(|case| case.spec.id == *id) else {
            left_out.push(format!("{id}: only in {}", new.0.id));
            continue;
        };
        if scaled(before) != scaled(case) {
            left_out.push(format!("{id}: not of the same size in both runs (scaled down under dhat)"));
            continue;
        }
        match (sites_of(before, old.1), sites_of(case, new.1)) {
            (Some((old, old_all)), Some((new, new_all))) => {
                if changes(&old, &new, &flags.shown).is_empty() {
                    ensure!(
                        flags.flamegraph.is_none(),
                        "{id}: no call site differs: there is nothing to draw"
                    );
                    same += 1;
                    continue;
                }
                text.push_str(&format!("{id}\n{}", profiles(&old, &new, &flags.shown)));
                let whole = old_all && new_all;
                if !whole {
                    text.push_str(
                        "only the top call sites are known: the profile beside the run is missing\n",
                    );
                }
                if flags.flamegraph.is_some() {
                    ensure!(whole, usage(anyhow!("{id}: {ONLY_THE_TOP}")));
                    text.push_str(&flame_graph(&old, &new, &id.to_string(), flags)?);
                }
                text.push('\n');
            }
            _ => left_out.push(format!("{id}: no call sites in one of the runs (mode sites)")),
        }
    }
    let gone = old.0.cases.iter().filter(|case| !new.0.cases.iter().any(|c| c.spec.id == case.spec.id));
    left_out.extend(gone.map(|case| format!("{}: only in {}", case.spec.id, old.0.id)));
    text.push_str(&format!("{} without a difference\n", plural(same, "case")));
    left_out.iter().for_each(|line| text.push_str(&format!("not compared: {line}\n")));
    Ok(text)
}

/// How far the case was scaled down under dhat.
fn scaled(case: &CaseRecord) -> Option<&Scaled> {
    case.measurement(Mode::Sites)?.evidence().next()?.scaled.as_ref()
}
