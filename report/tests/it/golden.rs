//! The page of a stored run, held against a golden file. `UPDATE_GOLDEN=1 cargo test -p report` writes it
//! anew.

use std::fs;
use std::path::PathBuf;

use bench_core::run::Run;
use report::compare::compare;
use report::{History, Report, Thresholds, judge, page};

use crate::sample;
use crate::sample::before::before;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// The page of a run that is held against its baseline.
pub fn page_of(run: &Run) -> String {
    let thresholds = Thresholds::parse(sample::THRESHOLDS, "results/thresholds.toml").unwrap();
    let comparison = compare("main", &before(), run, &thresholds, sample::TODAY);
    let history = History::of(run, sample::runs_before());
    let judgement = judge(run, &thresholds, sample::TODAY);
    page(&Report::new(run, judgement, Some(comparison), Some(history))).unwrap()
}

#[test]
fn a_stored_run_still_loads_and_gives_the_same_page() {
    let (run_path, page_path) = (golden("run.v1.json"), golden("report.html"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        // A file that still says the same stays: an older version wrote it, and it must load.
        let stored: Option<Run> =
            fs::read_to_string(&run_path).ok().and_then(|text| serde_json::from_str(&text).ok());
        if stored.as_ref() != Some(&sample::run()) {
            fs::write(&run_path, serde_json::to_string(&sample::run()).unwrap() + "\n").unwrap();
        }
        fs::write(&page_path, page_of(&sample::run())).unwrap();
    }
    let run: Run = serde_json::from_str(&fs::read_to_string(&run_path).unwrap()).unwrap();
    assert_eq!(run, sample::run(), "run.v1.json is not what the sample says");
    let (expected, found) = (fs::read_to_string(&page_path).unwrap(), page_of(&run));
    for (number, (expected, found)) in expected.lines().zip(found.lines()).enumerate() {
        assert_eq!(found, expected, "line {} of the page; UPDATE_GOLDEN=1 accepts it", number + 1);
    }
    assert_eq!(found.len(), expected.len(), "the page's length; UPDATE_GOLDEN=1 accepts it");
}
