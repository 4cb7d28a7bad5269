//! Which cases a command is about: filters, suites, tags, engines, and what is left out unless asked for.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow};
use bench_core::case::{CaseSpec, Kind, Mode};

use crate::cli::exit_code::{CodedError, NOTHING_MATCHED};
use crate::cli::flags::SelectionFlags;
use crate::run::filter::Filter;

/// Kinds of cases that a bench leaves out unless they are asked for by tag or by id.
const LEFT_OUT: [Kind; 2] = [Kind::Slow, Kind::Fault];

/// The selection flags, understood.
pub struct Selection {
    flags: SelectionFlags,
    filters: Vec<Filter>,
}

/// A case that a bench runs, and in which of the modes asked for.
#[derive(Debug, PartialEq)]
pub struct SelectedCase {
    /// The case.
    pub spec: CaseSpec,
    /// The modes that were asked for and that the case can be measured in.
    pub modes: Vec<Mode>,
}

impl Selection {
    /// Understands the flags. A regular expression that does not parse is a usage error.
    pub fn new(flags: &SelectionFlags) -> Result<Selection> {
        let texts = flags.filters.iter().chain(&flags.more_filters);
        let filters = texts.map(|text| Filter::new(text)).collect::<Result<Vec<Filter>>>()?;
        Ok(Selection { flags: flags.clone(), filters })
    }

    /// The cases that match, slow and fault ones included.
    ///
    /// Errors, with code [`NOTHING_MATCHED`]: no case matches, or a whole case id names no case.
    pub fn matching(&self, cases: &[CaseSpec]) -> Result<Vec<CaseSpec>> {
        self.ensure_ids_exist(cases)?;
        let found: Vec<CaseSpec> = cases.iter().filter(|spec| self.matches(spec)).cloned().collect();
        if found.is_empty() { Err(nothing(self.explain_nothing(cases))) } else { Ok(found) }
    }

    /// The cases that a bench runs in `modes`, in the order of `cases`. No modes mean all. Calibration cases
    /// are always part of modes heap and native.
    ///
    /// Errors, with code [`NOTHING_MATCHED`]: as [`Selection::matching`], or all that matches is left out.
    pub fn for_bench(&self, cases: &[CaseSpec], modes: &[Mode]) -> Result<Vec<SelectedCase>> {
        let matching = self.matching(cases)?;
        let is_kept = |spec: &CaseSpec| self.names(spec) || self.left_out_by(spec).is_none();
        if !matching.iter().any(is_kept) {
            let tags: BTreeSet<&str> = matching.iter().filter_map(|spec| self.left_out_by(spec)).collect();
            let tags: Vec<String> = tags.into_iter().map(|tag| format!("-t {tag}")).collect();
            return Err(nothing(format!(
                "{} of the cases match, but all are left out by their tags; ask for them with {} or by a whole \
                 case id, for example '{}'",
                matching.len(),
                tags.join(" or "),
                matching[0].id
            )));
        }
        let asked_for = |spec: &CaseSpec| matching.contains(spec) && is_kept(spec);
        let chosen = cases.iter().filter_map(|spec| {
            let (asked_for, calibrates) = (asked_for(spec), spec.is(Kind::Calibration));
            let modes = Mode::ALL.into_iter().filter(|mode| {
                let is_wanted = modes.is_empty() || modes.contains(mode);
                let checks_it = calibrates && matches!(mode, Mode::Heap | Mode::Native);
                is_wanted && !spec.absent_modes.contains_key(mode) && (asked_for || checks_it)
            });
            let modes: Vec<Mode> = modes.collect();
            // A case asked for that no mode can measure stays, so that the page says why; not so a
            // calibration of a mode that is no part of the bench.
            let stays = asked_for && (!calibrates || self.names(spec));
            (stays || !modes.is_empty()).then(|| SelectedCase { spec: spec.clone(), modes })
        });
        Ok(chosen.collect())
    }

    fn matches(&self, spec: &CaseSpec) -> bool {
        let flags = &self.flags;
        let named = self.names(spec);
        let engine = spec.id.param("engine");
        (self.filters.is_empty() || self.filters.iter().any(|filter| filter.matches(&spec.id)))
            && (flags.suite.is_empty() || flags.suite.contains(&spec.id.suite))
            && (flags.engine.is_empty() || flags.engine.iter().any(|name| engine == Some(name)))
            && (named || flags.tag.is_empty() || flags.tag.iter().any(|tag| spec.has_tag(tag)))
            && (named || !flags.quick || spec.is(Kind::Quick))
    }

    /// Whether a filter is this case's whole id.
    pub fn names(&self, spec: &CaseSpec) -> bool {
        self.filters.iter().any(|filter| filter.names(&spec.id))
    }

    /// The tag by which a bench leaves the case out.
    fn left_out_by(&self, spec: &CaseSpec) -> Option<&'static str> {
        let asked_for = |kind: Kind| {
            self.flags.tag.iter().any(|tag| tag == kind.tag()) || kind == Kind::Slow && self.flags.slow
        };
        LEFT_OUT.into_iter().find(|kind| spec.is(*kind) && !asked_for(*kind)).map(Kind::tag)
    }

    fn ensure_ids_exist(&self, cases: &[CaseSpec]) -> Result<()> {
        for filter in &self.filters {
            if let Some(id) = filter.case_id().filter(|_| !cases.iter().any(|spec| filter.matches(&spec.id)))
            {
                return Err(nothing(format!("unknown case {id}{}", did_you_mean(&filter.text, cases))));
            }
        }
        Ok(())
    }

    fn explain_nothing(&self, cases: &[CaseSpec]) -> String {
        let known_tags: BTreeSet<&str> =
            cases.iter().flat_map(|s| s.tags.iter().map(String::as_str)).collect();
        let known_engines: BTreeSet<&str> = cases.iter().filter_map(|s| s.id.param("engine")).collect();
        if let Some(tag) = self.flags.tag.iter().find(|tag| !known_tags.contains(tag.as_str())) {
            return format!("no case is tagged {tag:?}; tags are {}", join(known_tags));
        }
        if let Some(engine) = self.flags.engine.iter().find(|e| !known_engines.contains(e.as_str())) {
            return format!("no case runs on engine {engine:?}; engines are {}", join(known_engines));
        }
        let unmatched = self.filters.iter().find(|filter| !cases.iter().any(|spec| filter.matches(&spec.id)));
        match unmatched {
            Some(filter) => {
                format!("no case matches {:?}{}", filter.text, did_you_mean(&filter.text, cases))
            }
            None => {
                "no case matches all of the flags together; `cargo xtask list` shows what there is".into()
            }
        }
    }
}

/// The modes that a run is about: those asked for, or all; native is none where malloc cannot be interposed.
pub fn modes_of_run(asked_for: &[Mode], chosen: &[SelectedCase]) -> Vec<Mode> {
    if !asked_for.is_empty() {
        return asked_for.to_vec();
    }
    let runs = |mode: &Mode| chosen.iter().any(|case| case.modes.contains(mode));
    Mode::ALL.into_iter().filter(|mode| *mode != Mode::Native || runs(mode)).collect()
}

fn nothing(message: String) -> anyhow::Error {
    CodedError::new(NOTHING_MATCHED, anyhow!(message)).into()
}

fn join(words: BTreeSet<&str>) -> String {
    words.into_iter().collect::<Vec<&str>>().join(", ")
}

/// The ids nearest to `text`, as the end of an error message.
fn did_you_mean(text: &str, cases: &[CaseSpec]) -> String {
    let mut near: Vec<(f64, String)> = cases
        .iter()
        .flat_map(|spec| {
            let id = spec.id.to_string();
            let workload = format!("{}/{}", spec.id.suite, spec.id.workload);
            let parts = [id.as_str(), &workload, &spec.id.workload];
            let likeness = parts.iter().map(|part| strsim::normalized_damerau_levenshtein(text, part));
            let best = likeness.fold(0.0, f64::max);
            (best > 0.5).then_some((best, id))
        })
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let near: Vec<String> = near.into_iter().take(3).map(|(_, id)| format!("'{id}'")).collect();
    if near.is_empty() {
        "; `cargo xtask list` shows what there is".into()
    } else {
        format!("; did you mean {}?", near.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::Parser;

    use super::*;
    use crate::cli::commands::{Command, CommandLine};
    use crate::cli::exit_code::of_error;

    fn case(id: &str, tags: &str) -> CaseSpec {
        CaseSpec {
            id: id.parse().unwrap(),
            about: String::new(),
            tags: tags.split_whitespace().map(str::to_string).collect(),
            allocator: "system".into(),
            absent_modes: BTreeMap::new(),
            version: None,
        }
    }

    fn cases() -> Vec<CaseSpec> {
        let mut calibration = case("vectors/calibration{program=blocks}", "calibration");
        calibration.absent_modes.insert(Mode::Native, "Rust's heap".into());
        calibration.absent_modes.insert(Mode::Time, "counts, not time".into());
        vec![
            case("vectors/single_vector{dim=128}", "quick"),
            case("vectors/single_vector{dim=256}", ""),
            calibration,
            case("vectors/fault{kind=panic}", "fault"),
            case("ingest/batch{documents=1000}", "slow"),
            case("search/dense{engine=flat,threads=1}", "quick"),
        ]
    }

    fn selection(words: &[&str]) -> Result<Selection> {
        let words = ["cargo xtask", "bench"].iter().chain(words);
        match CommandLine::try_parse_from(words).unwrap().command {
            Command::Bench(flags) => Selection::new(&flags.selection),
            other => panic!("not bench: {other:?}"),
        }
    }

    /// The chosen cases as `workload[ modes that are not all]`.
    fn chosen(words: &[&str], modes: &[Mode]) -> Vec<String> {
        let chosen = selection(words).unwrap().for_bench(&cases(), modes).unwrap();
        let show = |c: &SelectedCase| {
            let modes: Vec<&str> = c.modes.iter().map(|mode| mode.name()).collect();
            format!("{} {}", c.spec.id, modes.join("+"))
        };
        chosen.iter().map(show).collect()
    }

    #[test]
    fn flags_choose_cases_and_calibration_is_part_of_mode_heap() {
        let single = |dim: u32| format!("vectors/single_vector{{dim={dim}}} heap");
        let blocks = "vectors/calibration{program=blocks} heap".to_string();
        let dense = "search/dense{engine=flat,threads=1} heap".to_string();
        let fault = "vectors/fault{kind=panic} heap".to_string();
        let batch = "ingest/batch{documents=1000} heap".to_string();
        let table: &[(&[&str], Vec<String>)] = &[
            (&[], vec![single(128), single(256), blocks.clone(), dense.clone()]),
            (&["--quick"], vec![single(128), blocks.clone(), dense.clone()]),
            (&["--slow"], vec![single(128), single(256), blocks.clone(), batch.clone(), dense.clone()]),
            (&["-t", "slow"], vec![blocks.clone(), batch.clone()]),
            (&["-t", "fault"], vec![blocks.clone(), fault.clone()]),
            (&["-s", "search"], vec![blocks.clone(), dense.clone()]),
            (&["-e", "flat"], vec![blocks.clone(), dense.clone()]),
            (&["single.*=2"], vec![single(256), blocks.clone()]),
            (&["dim=128", "-f", "dense"], vec![single(128), blocks.clone(), dense.clone()]),
            (&["vectors/fault{kind=panic}"], vec![blocks.clone(), fault]),
            (&["ingest/batch{documents=1000}", "--quick"], vec![blocks.clone(), batch]),
            (&["search/dense{threads=1,engine=flat}"], vec![blocks.clone(), dense.clone()]),
            (&["vectors/single_vector{dim=(128|256)}"], vec![single(128), single(256), blocks.clone()]),
            (&["search/dense{engine=(flat|usearch),threads=[1,2]}"], vec![blocks.clone(), dense.clone()]),
            (&["search/dense{engine=fl.*}"], vec![blocks.clone(), dense.clone()]),
            (&["search/dense{engine=*,threads=1}"], vec![blocks, dense]),
        ];
        for (words, expected) in table {
            assert_eq!(chosen(words, &[Mode::Heap]), *expected, "{words:?}");
        }
    }

    #[test]
    fn calibration_is_left_out_of_other_modes_and_absent_modes_are_skipped() {
        assert_eq!(chosen(&["dense"], &[Mode::Time]), ["search/dense{engine=flat,threads=1} time"]);
        assert_eq!(chosen(&["calibration"], &Mode::ALL), ["vectors/calibration{program=blocks} heap+sites"]);
        assert_eq!(
            chosen(&["dense"], &Mode::ALL)[0],
            "vectors/calibration{program=blocks} heap",
            "only its heap mode is part of every bench"
        );
    }

    #[test]
    fn every_mode_is_measured_unless_some_are_asked_for_or_it_cannot_be() {
        let without_native = [Mode::Heap, Mode::Sites, Mode::Time];
        let mut calibration = case("vectors/calibration{program=c_blocks}", "calibration");
        for mode in without_native {
            calibration.absent_modes.insert(mode, "the C heap".into());
        }
        let mut elsewhere = case("search/b", "");
        elsewhere.absent_modes.insert(Mode::Native, "malloc is not interposed here".into());
        let cases = [calibration, case("search/a", ""), elsewhere];
        let modes = |words: &[&str], asked_for: &[Mode]| {
            let chosen = selection(words).unwrap().for_bench(&cases, asked_for).unwrap();
            let show = |c: &SelectedCase| format!("{} {:?}", c.spec.id.workload, c.modes);
            (chosen.iter().map(show).collect::<Vec<_>>(), modes_of_run(asked_for, &chosen))
        };
        let native = vec![Mode::Native];
        let [a, b] = ["a [Heap, Native, Sites, Time]".to_string(), "b [Heap, Sites, Time]".into()];
        let calibration = "calibration [Native]".to_string();
        assert_eq!(modes(&[], &[]), (vec![calibration.clone(), a.clone(), b], Mode::ALL.to_vec()));
        assert_eq!(modes(&["search/a"], &[]), (vec![calibration.clone(), a], Mode::ALL.to_vec()));
        assert_eq!(modes(&["search/a"], &native), (vec![calibration, "a [Native]".into()], native));
    }

    #[test]
    fn what_matches_nothing_says_what_is_near() {
        for (words, reason) in [
            (
                &["vectors/single_vector{dim=129}"][..],
                "unknown case vectors/single_vector{dim=129}; did you mean 'vectors/single_vector{dim=128}'",
            ),
            (&["vectors/single_vektor"], "did you mean 'vectors/single_vector{dim=128}'"),
            (&["zzz"], "`cargo xtask list` shows"),
            (&["search/dense{engine=(a|b)}"], "no case matches \"search/dense{engine=(a|b)}\""),
            (&["search/dense{dim=.*}"], "no case matches"),
            (
                &["batch"],
                "ask for them with -t slow or by a whole case id, for example 'ingest/batch{documents=1000}'",
            ),
            (&["-t", "quik"], "no case is tagged \"quik\"; tags are calibration, fault, quick, slow"),
            (&["-e", "usearch"], "no case runs on engine \"usearch\"; engines are flat"),
            (&["-s", "search", "single"], "all of the flags together"),
        ] {
            let error = selection(words).unwrap().for_bench(&cases(), &[Mode::Heap]).unwrap_err();
            assert_eq!(of_error(&error), NOTHING_MATCHED, "{words:?}");
            assert!(error.to_string().contains(reason), "{words:?}: {error}");
        }
    }

    #[test]
    fn list_shows_what_a_bench_leaves_out() {
        let found = selection(&["batch|fault"]).unwrap().matching(&cases()).unwrap();
        assert_eq!(found.len(), 2);
    }
}
