//! Files of vectors: what their headers promise is there, or they are refused with their name.

use std::io::Write;

use bench_data::dataset;

use crate::assert_readable;

/// The endings whose formats are read here without a library for the whole of it.
pub const ENDINGS: [&str; 7] = [".fvecs", ".bvecs", ".fbin", ".u8bin", ".i8bin", ".npy", ".safetensors"];

/// A file of this ending gives the vectors that its length allows, all of them finite, or is refused with its
/// name.
pub fn vector_file(ending: &str, bytes: &[u8]) {
    let mut file = tempfile::Builder::new().suffix(ending).tempfile().expect("a temporary file");
    file.write_all(bytes).expect("a temporary file can be written");
    let name = file.path().to_str().expect("a temporary name is text").to_string();
    let read = dataset::open(file.path()).and_then(|set| Ok((set.len(), set.dim(), set.read(usize::MAX)?)));
    match read {
        Ok((len, dim, vectors)) => {
            assert_eq!(vectors.data().len(), len * dim);
            assert!(vectors.data().iter().all(|component| component.is_finite()));
            assert!(len * dim <= bytes.len(), "{len} x {dim} components in {} bytes", bytes.len());
        }
        Err(error) => {
            assert_readable(&error);
            assert!(format!("{error:#}").contains(&name), "{error:#}");
        }
    }
}
