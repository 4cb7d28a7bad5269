//! The embedding model agrees with an independent implementation, alone and in batches.
//!
//! Runs where MINILM_DIR names the model's folder; `fixtures/minilm_reference.py` says where the numbers come
//! from. Run it in release: candle without optimisation takes minutes.
#![cfg(feature = "minilm")]

use std::fs;
use std::path::{Path, PathBuf};

use bench_core::harness::{Inputs, UserInputs};
use bench_data::embedder::minilm::{self, DIM, MAX_TOKENS, MiniLm};
use bench_data::embedder::{self, Embedder};
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
    minilm::open(&UserInputs { model: Some(folder), ..UserInputs::default() }.into()).unwrap()
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
        user: UserInputs { model: Some(model.into()), ..UserInputs::default() },
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
        let model = Some(copy.path().into());
        let inputs = UserInputs { model, ..UserInputs::default() }.into();
        minilm::open(&inputs).err().unwrap().to_string()
    };
    let error = refused();
    assert!(error.contains(weights.to_str().unwrap()) && error.contains("SHA-256"), "{error}");
    fs::write(&weights, &bytes[..last]).unwrap();
    assert!(refused().contains("cut short"), "{}", refused());
}
