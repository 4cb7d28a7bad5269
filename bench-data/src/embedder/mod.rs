//! Embedders: what turns a text into a vector.

mod hashing;
mod kept;
#[cfg(feature = "minilm")]
pub mod minilm;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use bench_core::inputs::{Inputs, MINILM_TOKENS};

pub use hashing::Hashing;
pub use kept::embed_once;

/// Turns texts into vectors of equal dim, near each other for similar texts.
pub trait Embedder {
    /// The embedder's name.
    fn name(&self) -> &'static str;

    /// The number of components of each vector.
    fn dim(&self) -> usize;

    /// The vectors of the texts in one block, row-major, each of length 1.
    ///
    /// # Errors
    /// When the model fails.
    fn embed(&self, texts: &[&str]) -> Result<Vec<f32>>;
}

/// An embedder of this build, known by its name.
pub struct Entry {
    /// The embedder's name: its value of the axis `embedder`.
    pub name: &'static str,
    /// Makes it ready, with all that it loads.
    pub open: fn(&Inputs) -> Result<Box<dyn Embedder>>,
    /// Of a model, which takes a tenth of a second for a text: all that decides about a vector beside the
    /// text.
    pub identity: Option<fn() -> String>,
}

/// Every embedder of this build.
pub const ALL: &[Entry] = &[
    Entry { name: "hashing", open: |_| Ok(Box::new(Hashing::default())), identity: None },
    #[cfg(feature = "minilm")]
    Entry {
        name: "minilm",
        open: |inputs| Ok(Box::new(minilm::open(inputs)?)),
        identity: Some(minilm::identity),
    },
];

/// The names of the embedders, for the axis `embedder`.
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|entry| entry.name).collect()
}

/// The names of those that are models: slow, and better at meaning.
pub fn models() -> Vec<&'static str> {
    ALL.iter().filter(|entry| entry.identity.is_some()).map(|entry| entry.name).collect()
}

/// Makes the embedder called `name` ready.
///
/// # Errors
/// When there is no such embedder in this build, or it cannot load what it needs.
pub fn open(name: &str, inputs: &Inputs) -> Result<Box<dyn Embedder>> {
    (find(name)?.open)(inputs).with_context(|| format!("make the embedder {name} ready"))
}

fn find(name: &str) -> Result<&'static Entry> {
    let entry = ALL.iter().find(|entry| entry.name == name);
    entry.with_context(|| format!("no embedder {name:?} in this build; there is {}", names().join(", ")))
}

/// Refuses a model that the user named, if this build has none or a look at the folder tells that it is not
/// the one. Quick: what the files hold is looked at when they are read.
///
/// # Errors
/// When a model is named and the feature `minilm` is off, or a file is missing or of another size.
pub fn ensure_model_is_there(inputs: &Inputs) -> Result<()> {
    let Some(folder) = &inputs.user.model else { return Ok(()) };
    // Its token table needs no inference, and is looked at where the data set is opened.
    let is_for_tokens = inputs.user.dataset.as_deref() == Some(Path::new(MINILM_TOKENS));
    if !cfg!(feature = "minilm") && is_for_tokens {
        return Ok(());
    }
    ensure!(
        cfg!(feature = "minilm"),
        "this build has no embedding model to use with --model {}: add --features minilm",
        folder.display()
    );
    #[cfg(feature = "minilm")]
    minilm::look_at(folder)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use bench_core::harness::UserInputs;

    use super::*;

    #[test]
    fn every_embedder_opens_by_its_own_name() {
        let model = std::env::var_os("MINILM_DIR").map(Into::into);
        for entry in ALL {
            if entry.name == "minilm" && model.is_none() {
                println!("skipped: no model; set MINILM_DIR");
                continue;
            }
            let inputs: Inputs = UserInputs { model: model.clone(), ..UserInputs::default() }.into();
            let embedder = open(entry.name, &inputs).unwrap();
            assert_eq!(embedder.name(), entry.name);
            assert_eq!(embedder.embed(&["one", "two"]).unwrap().len(), 2 * embedder.dim());
        }
    }

    #[test]
    fn an_unknown_embedder_is_named_with_those_there_are() {
        let error = open("word2vec", &Inputs::default()).err().unwrap().to_string();
        assert!(error.contains("no embedder \"word2vec\" in this build; there is hashing"), "{error}");
    }
}
