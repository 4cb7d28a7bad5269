//! What lies in a file that the user names: a profile, a run, or samples; told by its content, not by its name.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use bench_core::case::{CaseSpec, Mode};
use bench_core::dhat_profile::{self, SitesSummary};
use bench_core::foreign_json;
use bench_core::memory_metrics::{self, Sample};
use bench_core::run::{CaseRecord, Run};
use serde::Deserialize;

use crate::exit_code::usage;
use crate::flags::{ResultsFlags, SelectionFlags};
use crate::named_file;
use crate::results::{Results, read_run};
use crate::selection::Selection;
use crate::workspace::shown;

/// What was found.
pub enum Stored {
    /// A dhat profile.
    Profile(SitesSummary),
    /// A run, and its file.
    Run(Box<Run>, PathBuf),
    /// Samples of a watch.
    Samples(Vec<Sample>),
}

impl Stored {
    /// Reads a file, or the run of this id or folder below `results`.
    ///
    /// # Errors
    /// As bad usage, if there is no such file, or it is none of these, truncated, or of a newer version.
    pub fn read(name: &Path, results: Option<&Path>) -> Result<Stored> {
        let flags = ResultsFlags { results: results.map(Path::to_path_buf), thresholds: None };
        let path = match name {
            file if file.is_file() => file.to_path_buf(),
            _ => Results::new(&flags)?
                .find_run(Some(name))
                .map_err(|error| usage(anyhow!("{}: no such file; and {error:#}", name.display())))?,
        };
        /// What tells the formats apart.
        #[derive(Deserialize)]
        struct Head {
            #[serde(rename = "dhatFileVersion")]
            dhat: Option<u32>,
            schema: Option<u32>,
        }
        let text = read_text(&path)?;
        if text.trim_start().starts_with('[') {
            let samples = memory_metrics::parse(&text);
            return samples.map(Stored::Samples).map_err(|error| wrong(&path, error));
        }
        let head: Head =
            foreign_json::read(text.as_bytes()).map_err(|error| wrong(&path, error.context("not JSON")))?;
        match head {
            Head { dhat: Some(_), .. } => Ok(Stored::Profile(parse_profile(&path, &text)?)),
            Head { schema: Some(_), .. } => Ok(Stored::Run(Box::new(read_run(&path)?), path)),
            _ => Err(wrong(
                &path,
                anyhow!(
                    "neither a dhat profile (dhatFileVersion), nor a run (schema), nor samples of `monitor` (an array)"
                ),
            )),
        }
    }

    /// The files that it was read from, which is `name` unless it is a run: that has the profiles beside it.
    pub fn read_from(&self, name: &Path) -> Vec<PathBuf> {
        let Stored::Run(run, file) = self else { return vec![name.to_path_buf()] };
        let sites = run.cases.iter().filter_map(|case| case.measurement(Mode::Sites));
        let profiles = sites.flat_map(|sites| &sites.repetitions).filter_map(|it| it.dhat_file.as_deref());
        [file.clone()].into_iter().chain(profiles.map(|profile| file.with_file_name(profile))).collect()
    }
}

/// Reads a dhat profile with all its call sites.
pub fn read_profile(path: &Path) -> Result<SitesSummary> {
    parse_profile(path, &read_text(path)?)
}

fn parse_profile(path: &Path, text: &str) -> Result<SitesSummary> {
    dhat_profile::read(text).map_err(|error| wrong(path, error))
}

fn read_text(path: &Path) -> Result<String> {
    let read = || {
        let bytes = named_file::read(path)?;
        ensure!(
            !bytes.starts_with(&[0x1f, 0x8b]),
            "compressed: if it is a pprof file, open it with `go tool pprof`"
        );
        String::from_utf8(bytes).map_err(|_| anyhow!("no text in UTF-8"))
    };
    read().with_context(|| format!("cannot read {}", shown(path))).map_err(usage)
}

fn wrong(path: &Path, error: anyhow::Error) -> anyhow::Error {
    usage(error.context(shown(path)))
}

/// The cases of a run that a filter means, which is an id or a regular expression; all without one.
///
/// # Errors
/// As those of `bench` for a filter that matches nothing.
pub fn matching<'a>(run: &'a Run, filter: Option<&str>) -> Result<Vec<&'a CaseRecord>> {
    let Some(filter) = filter else { return Ok(run.cases.iter().collect()) };
    let flags = SelectionFlags { filters: vec![filter.to_string()], ..SelectionFlags::default() };
    let specs: Vec<CaseSpec> = run.cases.iter().map(|case| case.spec.clone()).collect();
    let matching = Selection::new(&flags)?.matching(&specs)?;
    Ok(run.cases.iter().filter(|case| matching.iter().any(|spec| spec.id == case.spec.id)).collect())
}

/// The call sites of a case: the whole profile beside the run, or what the run itself keeps of it. The flag says whether
/// they are all.
pub fn sites_of(case: &CaseRecord, run_file: &Path) -> Option<(SitesSummary, bool)> {
    let repetitions = &case.measurement(Mode::Sites)?.repetitions;
    let repetition = repetitions.iter().find(|repetition| repetition.evidence.is_some())?;
    let kept = repetition.evidence.as_ref()?.sites.clone()?;
    // A name from a file must not lead out of its folder.
    let name =
        repetition.dhat_file.as_deref().filter(|name| Path::new(name).file_name() == Some(name.as_ref()));
    let whole = name.and_then(|name| read_profile(&run_file.with_file_name(name)).ok());
    let all = kept.sites.len() as u64 == kept.site_count;
    Some(whole.map_or((kept, all), |whole| (whole, true)))
}
