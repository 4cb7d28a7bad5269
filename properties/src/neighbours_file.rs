//! Files of neighbours: each id that is taken from one is a row of the vectors, or the file is refused with
//! its name.

use std::io::Write;
use std::path::Path;

use bench_core::harness::{Inputs, UserInputs};
use bench_data::dataset;

use crate::assert_readable;

/// The endings whose formats are read here without a library.
pub const NEIGHBOURS_ENDINGS: [&str; 3] = [".ivecs", ".ibin", ".bin"];

const VECTORS: u8 = 20;

/// A file of this ending names neighbours of queries among 20 vectors of dim 1, or is refused with its name.
pub fn neighbours_file(ending: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let written = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        let mut file = std::fs::File::create(&path).expect("a file in a temporary folder");
        file.write_all(bytes).expect("a temporary file can be written");
        path
    };
    let vectors = |count: u8| [&[count, 0, 0, 0, 1, 0, 0, 0][..], &(0..count).collect::<Vec<u8>>()].concat();
    let neighbours = written(&format!("neighbours{ending}"), bytes);
    let inputs: Inputs = UserInputs {
        dataset: Some(written("base.u8bin", &vectors(VECTORS))),
        queries: Some(written("queries.u8bin", &vectors(2))),
        neighbours: Some(neighbours.clone()),
        ..UserInputs::default()
    }
    .into();
    if let Err(error) = judged(&inputs) {
        assert_readable(&error);
        assert!(names(&error, &neighbours), "{error:#}");
    }
}

fn names(error: &anyhow::Error, path: &Path) -> bool {
    format!("{error:#}").contains(&path.display().to_string())
}

/// Opens them and has them judged: what is not in order of the distance is refused, too.
fn judged(inputs: &Inputs) -> anyhow::Result<()> {
    let set = dataset::of_inputs(inputs)?.expect("a data set is named");
    let (base, queries) = (set.read(usize::MAX)?, set.queries(usize::MAX)?.expect("queries are named"));
    for found in set.ground_truth(&base, &queries, true)? {
        assert_eq!(found.len(), dataset::K);
        assert!(found.iter().all(|neighbour| neighbour.id < u64::from(VECTORS)));
    }
    Ok(())
}
