//! I3: what does it cost to embed one text, and how does the peak grow with their number and length?

use std::rc::Rc;

use anyhow::{Context, Result, bail, ensure};
use bench_core::case::Mode;
use bench_core::harness::{Axis, Case, Phases, Prepared, Suite, Workload};

use bench_data::corpus::Corpus;
use bench_data::embedder::{self, Embedder};

pub(crate) fn add(suite: &mut Suite) {
    let about = "texts of one length, embedded at once by an embedder that is loaded";
    for embedder in embedder::names() {
        let workload = Workload::new("embedding", about)
            .axis(Axis::new("embedder", [embedder]))
            .axis(Axis::new("texts", [1, 4, 20, 64]).quick([1, 20]))
            .axis(Axis::new("length", ["100B", "1KB", "10KB"]).quick(["1KB"]))
            .size_axis("texts");
        // A model takes seconds for so many, criterion a dozen times that.
        let large = if embedder::models().contains(&embedder) { &["20", "64"][..] } else { &[] };
        let untimed = |workload: Workload, texts: &&str| {
            workload.absent_for(
                "texts",
                texts,
                &[Mode::Time],
                "a model takes too long for criterion's repetitions",
            )
        };
        suite.add(large.iter().fold(workload, untimed), prepare);
    }
}

/// The bytes of a text: KB is 1000.
fn bytes(length: &str) -> Result<usize> {
    Ok(match length {
        "100B" => 100,
        "1KB" => 1000,
        "10KB" => 10_000,
        _ => bail!("length {length:?} is none of 100B, 1KB, 10KB"),
    })
}

fn prepare(case: &Case) -> Result<Prepared> {
    let embedder: Rc<dyn Embedder> = embedder::open(case.text("embedder")?, case.inputs())?.into();
    let (count, bytes) = (case.count("texts")?, bytes(case.text("length")?)?);
    let documents = Corpus::open(case.inputs())?.documents(count, bytes)?;
    let (texts, hash) = (Rc::new(documents.texts), documents.hash);
    let payload = texts.iter().map(String::len).sum();
    let run = {
        let (embedder, texts) = (Rc::clone(&embedder), Rc::clone(&texts));
        move |phases: &mut Phases| {
            phases.measure("embed", || {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                embedder.embed(&texts)
            })
        }
    };
    let check = move |vectors: Result<Vec<f32>>| verify(embedder.as_ref(), &texts, &vectors?);
    Ok(Prepared::new(run, check).items_of("text", count).payload_bytes(payload).input("corpus", hash))
}

/// By how much two vectors of one text may differ: a model sums in another order when its batch is larger.
const ROUNDING: f32 = 1e-3;

/// One vector per text, of length 1, and the one that the text has alone. Few are embedded again: the first
/// and the last.
fn verify(embedder: &dyn Embedder, texts: &[String], vectors: &[f32]) -> Result<()> {
    let (dim, n) = (embedder.dim(), texts.len());
    ensure!(vectors.len() == n * dim, "{} components are no {n} vectors of dim {dim}", vectors.len());
    for (text, vector) in vectors.chunks_exact(dim).enumerate() {
        let length = dot(vector, vector).sqrt();
        ensure!(
            (length - 1.0).abs() <= ROUNDING,
            "the vector of text {text} has length {length} instead of 1"
        );
    }
    for text in [0, n - 1] {
        let alone = embedder.embed(&[&texts[text]]).with_context(|| format!("embed text {text} alone"))?;
        let cosine = dot(&alone, &vectors[text * dim..][..dim]);
        ensure!(
            (cosine - 1.0).abs() <= ROUNDING,
            "text {text} has another vector in the batch than alone: their cosine is {cosine}"
        );
    }
    Ok(())
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bench_data::embedder::Hashing;

    #[test]
    fn every_kind_of_wrong_vector_is_found() {
        let texts = ["one text", "another one", "and a third"].map(String::from);
        let embedder = Hashing::new(64);
        let right = embedder.embed(&["one text", "another one", "and a third"]).unwrap();
        verify(&embedder, &texts, &right).unwrap();
        let swapped = [&right[128..], &right[64..128], &right[..64]].concat();
        let mut longer = right.clone();
        longer[64..128].iter_mut().for_each(|x| *x *= 1.1);
        for (vectors, reason) in [
            (&right[..128], "128 components are no 3 vectors of dim 64"),
            (&swapped[..], "text 0 has another vector in the batch than alone"),
            (&longer[..], "the vector of text 1 has length 1.1"),
            (&[f32::NAN; 192][..], "has length NaN"),
        ] {
            let error = verify(&embedder, &texts, vectors).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
