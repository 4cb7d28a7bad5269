//! `run.json` and baselines: a file is a run that can be judged, compared, shown and exported, or it is
//! refused.

use bench_core::run::Run;
use report::compare::compare;
use report::export::{Format, export};
use report::{Report, Thresholds, comparison_json, judge, page, summary_json};

use crate::assert_readable;

/// Limits of some metrics, absolute and relative.
const THRESHOLDS: &str = r#"
schema = 1
[[rule]]
id = "**"
metric = "heap.peak"
max = { warn = "1kB", fail = "100MB" }
[[rule]]
id = "**"
metric = "heap.blocks"
vs_baseline = { warn = "0.5%", fail = "3%" }
"#;
const TODAY: &str = "2026-11-21";

/// Whatever is read is judged, compared with itself and with what a baseline keeps of it, exported and shown
/// without a panic, and nothing in it becomes a script.
pub fn run(json: &[u8]) {
    let run = match Run::parse(json) {
        Ok(run) => run,
        Err(error) => return assert_readable(&error),
    };
    let thresholds = Thresholds::parse(THRESHOLDS, "thresholds.toml").expect("the table is well");
    let baseline = report::baseline_of(&run);
    let comparison = compare("main", &baseline, &run, &thresholds, TODAY);
    comparison_json(&comparison);
    let report = Report::new(&run, judge(&run, &thresholds, TODAY), Some(comparison), None);
    summary_json(&report, "run.json", "index.html");
    for format in Format::ALL {
        let text = export(format, &report);
        if matches!(format, Format::Bencher | Format::SmallerIsBetter) {
            serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
        }
    }
    let page = page(&report).expect("a page");
    assert_eq!(page.matches("<script").count(), 1, "only the page's own script");
    // What is written is read again, and says the same.
    let written = serde_json::to_vec(&run).expect("a run is JSON");
    let again = Run::parse(&written).expect("what we write, we read");
    assert_eq!(serde_json::to_vec(&again).expect("JSON"), written);
}
