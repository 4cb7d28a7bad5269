//! `cargo xtask diff OLD NEW`: which call sites came, grew, shrank and went.

use std::path::Path;

use anyhow::{Result, anyhow};
use bench_core::case::Mode;
use bench_core::dhat_profile::SitesSummary;
use bench_core::evidence::Scaled;
use bench_core::metric::Unit;
use bench_core::run::{CaseRecord, Run};
use report::quantity::human;
use report::{SiteCount, plural, site_difference};

use crate::exit_code::{PASS, usage};
use crate::flags::profile::{DiffFlags, ShownFlags};
use crate::output;
use crate::site_table::change_table;
use crate::stored::{Stored, matching, sites_of};

/// Runs the command.
pub fn run(flags: &DiffFlags) -> Result<u8> {
    let read = |name: &str| Stored::read(name, flags.results.as_deref());
    let text = match (read(&flags.old)?, read(&flags.new)?) {
        (Stored::Profile(old), Stored::Profile(new)) => profiles(&old, &new, &flags.shown),
        (Stored::Run(old, old_path), Stored::Run(new, new_path)) => {
            runs((&old, &old_path), (&new, &new_path), flags)?
        }
        _ => {
            return Err(usage(anyhow!(
                "{} and {}: two dhat profiles or two runs can be compared, nothing else",
                flags.old,
                flags.new
            )));
        }
    };
    output::print(&text)?;
    Ok(PASS)
}

fn profiles(old: &SitesSummary, new: &SitesSummary, flags: &ShownFlags) -> String {
    let changes = site_difference(&old.sites, &new.sites, SiteCount::from(flags.by));
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

/// Every case that both runs have call sites of; the others are named with the reason.
fn runs(old: (&Run, &Path), new: (&Run, &Path), flags: &DiffFlags) -> Result<String> {
    let cases = matching(new.0, flags.filter.as_deref())?;
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
                let differ =
                    !site_difference(&old.sites, &new.sites, SiteCount::from(flags.shown.by)).is_empty();
                if !differ {
                    same += 1;
                    continue;
                }
                text.push_str(&format!("{id}\n{}", profiles(&old, &new, &flags.shown)));
                if !(old_all && new_all) {
                    text.push_str(
                        "only the top call sites are known: the profile beside the run is missing\n",
                    );
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
