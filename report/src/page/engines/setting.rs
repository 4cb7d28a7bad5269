//! What cases of engines must have in common so that their costs compare: data set, dim and number of
//! vectors.

use bench_core::run::CaseRecord;

use super::size;

/// The dim of a case that names none: that of the corpus' embeddings.
const DEFAULT_DIM: &str = "384";
/// The parameters that a compared case has. Those with another (M, threads, an allocator) are in the engine's
/// own table: twenty points between a recall of 0.98 and 1 cannot be told apart.
const PLAIN: [&str; 4] = ["engine", "dataset", "n", "dim"];

/// What all compared cases have in common; costs per vector of different dims or data sets do not compare.
#[derive(Clone, Copy, PartialEq)]
pub struct Setting<'a> {
    /// The data set.
    pub dataset: &'a str,
    /// The dim.
    pub dim: &'a str,
    /// How many vectors.
    pub n: u64,
}

impl Setting<'_> {
    /// `n = 1000, dim = 384`; the dim where any of `cases` names one.
    pub fn in_words(&self, cases: &[&CaseRecord]) -> String {
        let named = cases.iter().any(|case| case.spec.id.param("dim").is_some());
        let dim = if named { format!(", dim = {}", self.dim) } else { String::new() };
        format!("n = {}{dim}", self.n)
    }
}

/// The setting that most engines share, and their cases; among equals, that with most vectors. `is_measured`
/// says of which cases there is anything to compare.
pub fn common<'a>(
    cases: &[&'a CaseRecord],
    is_measured: impl Fn(&CaseRecord) -> bool,
) -> Option<(Setting<'a>, Vec<&'a CaseRecord>)> {
    let measured: Vec<&CaseRecord> =
        cases.iter().copied().filter(|case| is_plain(case) && is_measured(case)).collect();
    let within = |wanted: Setting| -> Vec<&'a CaseRecord> {
        measured.iter().copied().filter(|case| setting(case) == Some(wanted)).collect()
    };
    let settings = measured.iter().filter_map(|case| setting(case));
    let common = settings.max_by_key(|setting| (within(*setting).len(), setting.n))?;
    Some((common, within(common)))
}

fn is_plain(case: &CaseRecord) -> bool {
    case.spec.id.params.iter().all(|(axis, _)| PLAIN.contains(&axis.as_str()))
}

/// The setting of a case that has a number of vectors.
pub fn setting(case: &CaseRecord) -> Option<Setting<'_>> {
    let id = &case.spec.id;
    let dataset = id.param("dataset").unwrap_or("");
    Some(Setting { dataset, dim: id.param("dim").unwrap_or(DEFAULT_DIM), n: size(case)? })
}
