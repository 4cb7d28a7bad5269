//! Memory that moves from a mapped file to the heap while RSS stays the same: what the kernel could take back
//! must stay now.

use serde_json::Value;

use crate::xtask_process::{Place, assert_code};

/// 1,000 blocks of 64 KiB in a mapped file, but for one on the heap for each thousandth of
/// `BENCH_FAULT_GROWTH`.
const MOVES: &str = "vectors/fault{kind=moves}";

#[test]
fn what_moves_from_a_file_to_the_heap_fails_the_gate_and_its_call_site_is_named() {
    let place = Place::new();
    let measured = |thousandths: u32, arguments: &[&str]| {
        let mut bench = place.judging("bench");
        bench.args([MOVES, "--profile", "dev", "--mode", "native,sites", "--message-format", "json"]);
        bench.args(arguments).env("BENCH_FAULT_GROWTH", thousandths.to_string()).output().unwrap()
    };
    assert_code(&measured(100, &[]), 0);
    assert_code(&place.judging("baseline").args(["save", "main", "--no-binaries"]).output().unwrap(), 0);
    assert_code(&measured(100, &["--baseline", "main"]), 0);

    let output = measured(300, &["--baseline", "main"]);
    assert_code(&output, 3);
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let comparison = &summary["comparison"];
    let changes = comparison["changes"].as_array().unwrap();
    let of = |metric: &str| {
        let found = |change: &&Value| {
            change["case"] == MOVES && change["metric"] == metric && change["phase"].is_null()
        };
        changes.iter().find(found).unwrap_or_else(|| panic!("no {metric} in {summary}"))
    };
    let bytes = |metric: &str, side: &str| of(metric)[side].as_f64().unwrap();
    // 200 blocks of 64 KiB.
    let moved = bytes("memory.anon", "new") - bytes("memory.anon", "old");
    assert!((13_107_200.0..13_200_000.0).contains(&moved), "{moved}");
    assert_eq!(
        (&of("memory.anon")["outcome"], &of("memory.anon")["verdict"]),
        (&"worse".into(), &"fail".into())
    );
    assert_eq!(bytes("memory.file", "old") - bytes("memory.file", "new"), 13_107_200.0);
    let all = bytes("memory.live", "new") - bytes("memory.live", "old");
    assert!(all.abs() < 100_000.0, "all memory is as it was: {all}");
    let sites = comparison["sites"].to_string();
    assert!(sites.contains("bench-vectors/src/fault.rs"), "{sites}");
}
