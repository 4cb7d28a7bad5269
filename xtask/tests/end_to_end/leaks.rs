//! `cargo xtask leaks`: loops, measuring tools, and the known leaks that must be found.

use std::process::Output;

use serde_json::Value;

use crate::xtask_process::{Place, assert_code};

const LOOP: &str = "search/loop{engine=flat,of=dense,dataset=corpus,n=1000}";

fn leaks(place: &Place, arguments: &[&str]) -> Output {
    place.judging("leaks").args(["--profile", "dev"]).args(arguments).output().unwrap()
}

#[test]
fn a_clean_loop_and_the_measuring_tools_pass_and_known_leaks_are_found() {
    let place = Place::new();
    let output = leaks(&place, &[LOOP, "--message-format", "json"]);
    assert_code(&output, 0);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["verdict"], "pass");
    let [clean, known] = &report["loops"].as_array().unwrap()[..] else { panic!("{report}") };
    assert_eq!((&clean["name"], &clean["iterations"]), (&LOOP.into(), &100.into()));
    assert_eq!(clean["trend"]["line"]["slope"], 0.0, "{clean}");
    assert_eq!(
        (&known["name"], &known["reason"]),
        (&"vectors/fault{kind=leak}".into(), &"a known leak, found".into())
    );
    assert_eq!(known["trend"]["line"]["slope"], 8.0, "{known}");
    let tools = report["tools"].as_array().unwrap();
    assert!(tools.len() >= 10, "{tools:?}");
    let known: Vec<&Value> = tools.iter().filter(|tool| tool["leaks_on_purpose"] == true).collect();
    assert_eq!(known.len(), 1, "{known:?}");
    assert!(known[0]["reason"].as_str().unwrap().contains("8.0 B stay from each iteration"), "{}", known[0]);
    assert!(place.runs().is_empty(), "nothing is stored");
}

#[test]
fn a_loop_that_leaks_fails_the_gate() {
    let output = leaks(&Place::new(), &["vectors/fault{kind=drip}"]);
    assert_code(&output, 3);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("fail  vectors/fault{kind=drip}: a leak"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colour off a terminal");
}

#[test]
fn a_filter_that_matches_nothing_says_so() {
    assert_code(&leaks(&Place::new(), &["-s", "vectors"]), 4);
}
