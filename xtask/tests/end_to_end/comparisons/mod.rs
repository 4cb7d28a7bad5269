//! A workload that is made bigger by a known amount behind a hidden switch: the gate finds it, and fires on
//! nothing else.

mod baselines;
mod composition;
mod confirmations;
mod history;
mod side_by_side;
mod snapshots;
mod stale_baselines;

use std::process::Output;

use serde_json::Value;

use crate::xtask_process::{Place, assert_code};

/// 1,000 blocks of 64 KiB, and one more for each thousandth of `BENCH_FAULT_GROWTH`.
const GROWS: &str = "vectors/fault{kind=grows}";

/// Measures the workload in two processes, made bigger by so many thousandths.
fn measured(place: &Place, thousandths: u32, arguments: &[&str]) -> Output {
    let mut bench = place.judging("bench");
    bench.args([GROWS, "--profile", "dev", "--mode", "heap", "--repetitions", "2"]).args(arguments);
    bench.env("BENCH_FAULT_GROWTH", thousandths.to_string()).output().unwrap()
}

fn save(place: &Place, name: &str) {
    assert_code(&place.judging("baseline").args(["save", name]).output().unwrap(), 0);
}

/// The change of a metric of the whole workload in a comparison's JSON.
fn change<'a>(comparison: &'a Value, metric: &str) -> &'a Value {
    let changes = comparison["changes"].as_array().unwrap();
    let found =
        |change: &&Value| change["case"] == GROWS && change["metric"] == metric && change["phase"].is_null();
    changes.iter().find(found).unwrap_or_else(|| panic!("no {metric} in {comparison}"))
}

#[test]
fn a_workload_that_grew_by_a_known_amount_is_found_and_an_equal_one_is_not() {
    let place = Place::new();
    assert_code(&measured(&place, 0, &[]), 0);
    save(&place, "main");
    for (thousandths, code, outcome) in
        [(0, 0, "same"), (0, 0, "same"), (10, 3, "worse"), (30, 3, "worse"), (50, 3, "worse")]
    {
        let output = measured(&place, thousandths, &["--baseline", "main", "--message-format", "json"]);
        assert_code(&output, code);
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        let comparison = &summary["comparison"];
        let peak = change(comparison, "heap.peak");
        // A block and its place in the Vec of all blocks.
        let bytes = f64::from(thousandths * ((64 << 10) + 24));
        assert_eq!((&peak["outcome"], &peak["change"]), (&outcome.into(), &bytes.into()), "{peak}");
        assert_eq!(change(comparison, "heap.blocks")["change"], f64::from(thousandths));
        assert_eq!(summary["verdict"], if code == 0 { "pass" } else { "fail" });
        // Calibration cases are compared, too, and nothing else has changed.
        let fails = |change: &&Value| change["verdict"] == "fail" && change["case"] != GROWS;
        assert_eq!(comparison["changes"].as_array().unwrap().iter().find(fails), None);
    }

    // The newest run is the one that grew by 5 %.
    let compare = |arguments: &[&str]| place.judging("compare").args(arguments).output().unwrap();
    let output = compare(&["main"]);
    assert_code(&output, 3);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [GROWS, "heap.peak", "+3.13 MiB", "+5.00", "fail: worse", "FAIL  against main"] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let runs = place.runs();
    let id = |index: usize| runs[index].file_name().unwrap().to_str().unwrap();
    assert_code(&compare(&[id(0), id(1)]), 0);
    assert_code(&compare(&[id(0), "latest"]), 3);
    assert_code(&compare(&[runs[0].to_str().unwrap(), runs[3].join("run.json").to_str().unwrap()]), 3);
    assert_code(&compare(&["latest", id(0)]), 0);
    // Two repetitions are enough for exact metrics and too few for noisy ones, which only --strict minds.
    assert_code(&compare(&[id(0), id(1), "--strict"]), 5);
    assert_code(&compare(&["main", "--filter", "no_such_case"]), 4);
    assert_code(&compare(&["main", "--filter", "calibration"]), 0);

    // A stored run is judged again with its baseline; without one nothing is compared.
    let report = |arguments: &[&str]| place.judging("report").args(arguments).output().unwrap();
    assert_code(&report(&["--baseline", "main"]), 3);
    assert_code(&report(&[]), 0);
}

#[test]
fn check_takes_the_baseline_main_and_rules_say_how_much_is_too_much() {
    let rule = |limit: &str| {
        format!(
            "schema = 1\n[[rule]]\nid = \"vectors/fault{{kind=grows}}\"\nmetric = \"heap.peak\"\nvs_baseline = {limit}\n\
             [[rule]]\nid = \"vectors/fault\"\nmetric = \"heap.peak_per_item\"\nvs_baseline = \"5%\"\n\
             [[rule]]\nid = \"vectors/fault\"\nmetric = \"heap.allocated\"\nvs_baseline = \"5%\"\n\
             [[rule]]\nid = \"vectors/fault\"\nmetric = \"heap.blocks\"\nvs_baseline = \"5%\"\n\
             [[rule]]\nid = \"vectors/fault\"\nmetric = \"heap.growth\"\nvs_baseline = \"5%\"\n\
             [[rule]]\nid = \"vectors/fault\"\nmetric = \"heap.live\"\nvs_baseline = \"5%\"\n\
             [[rule]]\nid = \"vectors/fault\"\nmetric = \"heap.live_blocks\"\nvs_baseline = \"5%\"\n\
             [[rule]]\nid = \"vectors/fault\"\nmetric = \"heap.live_per_item\"\nvs_baseline = \"5%\"\n"
        )
    };
    let check = |place: &Place, thousandths: u32| {
        let mut check = place.judging("check");
        check.args([GROWS, "--profile", "dev", "--mode", "heap", "--repetitions", "2"]);
        check.env("BENCH_FAULT_GROWTH", thousandths.to_string()).output().unwrap()
    };
    let place = Place::with_thresholds(&rule("\"2%\""));
    let output = check(&place, 0);
    assert_code(&output, 0);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("there is no baseline \"main\", so nothing is compared"), "{stderr}");
    save(&place, "main");
    assert_code(&check(&place, 10), 0);
    let output = check(&place, 30);
    assert_code(&output, 3);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("at most 2% worse than the baseline in"), "{text}");
    assert!(text.contains("thresholds.toml:3"), "{text}");

    let explain = place.judging("thresholds").args(["explain", GROWS]).output().unwrap();
    assert_code(&explain, 0);
    let text = String::from_utf8(explain.stdout).unwrap();
    let expected = "vectors/fault{kind=grows} heap.peak: at most 2% worse than the baseline";
    assert!(text.contains(expected), "{text}");
    let suggest = place.judging("thresholds").arg("suggest").output().unwrap();
    assert_code(&suggest, 0);
    let table = String::from_utf8(suggest.stdout).unwrap();
    assert!(
        table.contains("id = \"vectors/fault{kind=grows}\"\nmetric = \"heap.peak\"\nmax = \"67526"),
        "{table}"
    );
    std::fs::write(place.thresholds(), table).unwrap();
    assert_code(&place.judging("report").output().unwrap(), 0);
    let mut check = place.judging("thresholds");
    assert_code(&check.args(["check", "--profile", "dev"]).output().unwrap(), 0);
}
