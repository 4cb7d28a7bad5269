//! How much memory to buy: the forecasts of `xtask plan`, held against what the size takes once it is built.
#![cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]

mod floor;

use serde_json::Value;

use crate::xtask_process::{Place, assert_code, code_and_stderr};

fn plan(place: &Place, arguments: &[&str]) -> std::process::Output {
    place.judging("plan").args(["--cargo-profile", "dev"]).args(arguments).output().unwrap()
}

#[test]
fn a_plan_forecasts_what_the_size_takes_once_it_is_built() {
    let place = Place::new();
    let json = ["--message-format", "json", "--verify", "--vectors", "24k", "--up-to", "6k", "--dim", "64"];
    for engine in ["flat", "usearch"] {
        let output = plan(&place, &[&["--engine", engine], &json[..]].concat());
        assert_code(&output, 0);
        let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
        for what in ["stays", "peak of the build"] {
            let rows = plan["forecasts"].as_array().unwrap();
            let row = rows.iter().find(|row| row["what"] == what).unwrap();
            let (forecast, counted) = (&row["forecast"], row["counted"].as_f64().unwrap());
            let error = forecast["bytes"].as_f64().unwrap() / counted - 1.0;
            assert!(error.abs() < 0.02, "{engine}, {what}: {error}, {row:#}");
            let (low, high) = (forecast["low"].as_f64().unwrap(), forecast["high"].as_f64().unwrap());
            assert!(low <= counted && counted <= high, "{engine}, {what}: {row:#}");
        }
        assert!(plan["answer"].as_str().unwrap().starts_with("give the container "), "{plan:#}");
        assert!(plan["formulas"].as_array().unwrap().len() >= 10);
    }
    // The same from a run that is stored.
    let run = place.runs().remove(0);
    let arguments = ["--engine", "flat", "--vectors", "24k", "--dim", "64", "--run"];
    let output = plan(&place, &[&arguments[..], &[run.to_str().unwrap()]].concat());
    assert_code(&output, 0);
    let text = String::from_utf8(output.stdout).unwrap();
    for said in
        ["flat, 24,000 vectors of 64 components", "peak of the build", "Weaviate", "give the container "]
    {
        assert!(text.contains(said), "{said}: {text}");
    }
    // And of another dim there is nothing in it.
    let arguments = ["--engine", "flat", "--vectors", "24k", "--dim", "65", "--run"];
    let output = plan(&place, &[&arguments[..], &[run.to_str().unwrap()]].concat());
    let (code, said) = code_and_stderr(&output);
    assert!(code == 1 && said.contains("has no memory of an index by flat"), "{code}: {said}");
}

#[test]
fn what_cannot_be_planned_is_refused_before_anything_is_built() {
    let place = Place::new();
    for (arguments, code, said) in [
        (&["--engine", "flat"][..], 2, "--vectors <COUNT>"),
        (&["--engine", "flat", "--vectors", "10m"], 2, "expected a count, such as 100000, 100k or 10M"),
        (&["--engine", "flat", "--vectors", "500"], 2, "three sizes below 500"),
        (&["--engine", "flat", "--vectors", "1M", "--dim", "0"], 2, "0"),
        (&["--engine", "flat", "--vectors", "1M", "--index", "n=5"], 2, "--index is for `bench`"),
    ] {
        let (seen, stderr) = code_and_stderr(&plan(&place, arguments));
        assert!(seen == code && stderr.contains(said), "{arguments:?}: {seen}: {stderr}");
    }
    assert!(!place.results().join("runs").exists());
}

#[test]
fn an_engine_that_ignores_a_parameter_says_so() {
    let place = Place::new();
    let (code, stderr) =
        code_and_stderr(&plan(&place, &["--engine", "flat", "--vectors", "100k", "--m", "8"]));
    assert!(code != 0 && stderr.contains("flat has no parameter m"), "{code}: {stderr}");
    let (code, stderr) = code_and_stderr(&plan(&place, &["--engine", "nosuch", "--vectors", "100k"]));
    assert!(code != 0 && stderr.contains("nosuch"), "{code}: {stderr}");
}
