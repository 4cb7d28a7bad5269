//! What lies in a file that the user names: a profile, a run, or samples; told by its content, not by its
//! name.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use bench_core::case::{CaseSpec, Mode};
use bench_core::dhat_profile::{self, SitesSummary};
use bench_core::file_kind::FileKind;
use bench_core::foreign_text::without_byte_order_mark;
use bench_core::memory_metrics::{self, Sample};
use bench_core::run::{CaseRecord, Run};
use bench_core::untrusted_json;
use report::plural;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::build::workspace::display_path;
use crate::cli::exit_code::{CodedError, NOTHING_MATCHED, of_error, usage};
use crate::cli::flags::{ResultsFlags, SelectionFlags};
use crate::run::selection::Selection;
use crate::store::bounded_read;
use crate::store::results::Results;

/// What is said to a file of another kind.
const EXPECTED: &str = "expected a dhat profile, a run.json or samples of `monitor`";

/// Means what another program writes to stdin.
const STDIN: &str = "-";

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
    /// Reads a file, stdin (`-`), a baseline of this name, or the run of this id or folder below `results`.
    ///
    /// # Errors
    /// As bad usage, if there is no such file, or it is none of these, truncated, or of a newer version.
    pub fn read(name: &Path, results: Option<&Path>) -> Result<Stored> {
        let path = match is_stdin(name) {
            true => PathBuf::from("stdin"),
            false => find(name, results)?,
        };
        let bytes =
            if is_stdin(name) { bounded_read::read_stdin() } else { bounded_read::read_or_pipe(&path) };
        let bytes = bytes.with_context(|| format!("cannot read {}", display_path(&path))).map_err(usage)?;
        Stored::parse(&bytes, path)
    }

    fn parse(bytes: &[u8], path: PathBuf) -> Result<Stored> {
        /// What tells the formats apart.
        #[derive(Deserialize)]
        struct FormatHead {
            #[serde(rename = "dhatFileVersion")]
            dhat: Option<IgnoredAny>,
            schema: Option<IgnoredAny>,
        }
        let text = text_of(bytes).map_err(|error| wrong(&path, error))?;
        let start = without_byte_order_mark(bytes).trim_ascii_start();
        if start.starts_with(b"[") {
            let samples = memory_metrics::parse(text);
            return samples.map(Stored::Samples).map_err(|error| wrong(&path, error));
        }
        let head: FormatHead =
            untrusted_json::read(bytes).map_err(|error| wrong(&path, error.context("not JSON")))?;
        match head {
            FormatHead { dhat: Some(_), .. } => Ok(Stored::Profile(parse_profile(&path, text)?)),
            FormatHead { schema: Some(_), .. } => {
                let run = Run::parse(bytes).map_err(|error| wrong(&path, error))?;
                Ok(Stored::Run(Box::new(run), path))
            }
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

/// Whether stdin is meant.
pub fn is_stdin(name: &Path) -> bool {
    name == Path::new(STDIN)
}

/// The file that a name means.
fn find(name: &Path, results: Option<&Path>) -> Result<PathBuf> {
    // A pipe of another name may have nobody who writes to it.
    let is_of_the_shell = ["/dev/stdin", "/dev/fd", "/proc/self/fd"].iter().any(|it| name.starts_with(it));
    if is_of_the_shell && name.exists() {
        return Ok(name.to_path_buf());
    }
    match Results::new(&ResultsFlags { results: results.map(Path::to_path_buf), thresholds: None }) {
        Ok(results) => results.find(Some(name)),
        // Outside of a workspace there are no results, so a name can only be a file's.
        Err(_) if name.is_file() => Ok(name.to_path_buf()),
        Err(error) => Err(error),
    }
}

/// Reads a dhat profile with all its call sites.
pub fn read_profile(path: &Path) -> Result<SitesSummary> {
    let bytes = bounded_read::read(path)
        .with_context(|| format!("cannot read {}", display_path(path)))
        .map_err(usage)?;
    parse_profile(path, text_of(&bytes).map_err(|error| wrong(path, error))?)
}

fn parse_profile(path: &Path, text: &str) -> Result<SitesSummary> {
    dhat_profile::read(text).map_err(|error| wrong(path, error))
}

/// The text of a file, unless it is of another kind, which is named.
fn text_of(bytes: &[u8]) -> Result<&str> {
    match FileKind::of(bytes) {
        Some(kind @ FileKind::Compressed { .. }) => {
            bail!("{kind}; a pprof file is for `go tool pprof`; {EXPECTED}")
        }
        Some(kind) => bail!("{kind}; {EXPECTED}"),
        None => {}
    }
    std::str::from_utf8(bytes).map_err(|_| anyhow!("not valid UTF-8 text"))
}

fn wrong(path: &Path, error: anyhow::Error) -> anyhow::Error {
    usage(error.context(display_path(path)))
}

/// The cases of a run that a filter means, which is an id or a regular expression; all without one.
///
/// # Errors
/// If the run has no such case, with those that it has; as bad usage, if the filter is neither.
pub fn matching<'a>(run: &'a Run, filter: Option<&str>) -> Result<Vec<&'a CaseRecord>> {
    let found = cases_of(run, filter)?;
    match filter {
        Some(filter) if found.is_empty() => Err(no_case(filter, &[run])),
        _ => Ok(found),
    }
}

/// The same, perhaps none.
pub fn cases_of<'a>(run: &'a Run, filter: Option<&str>) -> Result<Vec<&'a CaseRecord>> {
    let Some(filter) = filter else { return Ok(run.cases.iter().collect()) };
    let flags = SelectionFlags { filters: vec![filter.to_string()], ..SelectionFlags::default() };
    let specs: Vec<CaseSpec> = run.cases.iter().map(|case| case.spec.clone()).collect();
    let matching = match Selection::new(&flags)?.matching(&specs) {
        Err(error) if of_error(&error) == NOTHING_MATCHED => Vec::new(),
        matching => matching?,
    };
    Ok(run.cases.iter().filter(|case| matching.iter().any(|spec| spec.id == case.spec.id)).collect())
}

/// That none of the runs has such a case, and which they have: those nearest to the filter first.
pub fn no_case(filter: &str, runs: &[&Run]) -> anyhow::Error {
    const NAMED: usize = 5;
    let has = runs.iter().map(|run| {
        let mut ids: Vec<String> = run.cases.iter().map(|case| case.spec.id.to_string()).collect();
        let likeness = |id: &str| strsim::normalized_damerau_levenshtein(filter, id);
        ids.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
        let named: Vec<String> = ids.iter().take(NAMED).map(|id| format!("'{id}'")).collect();
        let more = ids.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        match ids.is_empty() {
            true => format!("{} has no case at all", run.id),
            false => format!("{} has {}: {}{more}", run.id, plural(ids.len(), "case"), named.join(", ")),
        }
    });
    let has: Vec<String> = has.collect();
    CodedError::new(NOTHING_MATCHED, anyhow!("no case matches {filter:?}; run {}", has.join("; run "))).into()
}

/// The call sites of a case: the whole profile beside the run, or what the run itself keeps of it. The flag
/// says whether they are all.
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
