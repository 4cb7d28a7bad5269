//! `.npy` of NumPy: two-dimensional arrays of f16, f32 or f64, in C or Fortran order. Read as f32.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use npyz::{DType, Deserialize, NpyFile, NpyHeader, Order, TypeChar};

use super::npy_header;
use crate::dataset::contents::{TableShape, destination};

pub(crate) fn shape(path: &Path) -> Result<TableShape> {
    let mut reader = BufReader::new(File::open(path)?);
    let header = header(&mut reader)?;
    let &[len, dim] = header.shape() else {
        bail!("the array has shape {:?}; expected two dimensions: vectors, components", header.shape());
    };
    let declared = len.checked_mul(dim).and_then(|n| n.checked_mul(component_bytes(&header)? as u64));
    let there = reader.get_ref().metadata()?.len() - reader.stream_position()?;
    ensure!(
        declared == Some(there),
        "the header promises {len} x {dim} components, but {there} bytes follow it at byte {}: the file is cut off \
         or has something behind the array",
        reader.stream_position()?
    );
    Ok(TableShape { len: usize::try_from(len)?, dim: usize::try_from(dim)? })
}

/// The components of the first `n` vectors, row-major whatever the file's order.
pub(crate) fn read(path: &Path, shape: TableShape, n: usize) -> Result<Vec<f32>> {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path)?);
    let header = header(&mut reader)?;
    let file = NpyFile::with_header(header, reader);
    match component_bytes(file.header()) {
        Some(2) => read_as(file, shape, n, npyz::half::f16::to_f32),
        Some(4) => read_as(file, shape, n, |x: f32| x),
        _ => read_as(file, shape, n, |x: f64| x as f32),
    }
}

fn read_as<T: Deserialize>(
    file: NpyFile<impl Read>,
    shape: TableShape,
    n: usize,
    convert: impl Fn(T) -> f32,
) -> Result<Vec<f32>> {
    let order = file.order();
    let mut components = file.data::<T>()?.enumerate().map(|(i, x)| match x {
        Ok(x) => Ok(convert(x)),
        Err(error) => Err(error).with_context(|| format!("component {i} of the file")),
    });
    match order {
        Order::C => {
            // Collecting would grow the block by doubling: `Result` hides how many there are.
            let mut data = destination(n, shape.dim)?;
            for component in components.take(n * shape.dim) {
                data.push(component?);
            }
            Ok(data)
        }
        Order::Fortran => {
            let mut data = vec![0.0; n * shape.dim];
            for column in 0..shape.dim {
                for row in 0..shape.len {
                    let component = components.next().context("the file ends early")??;
                    if row < n {
                        data[row * shape.dim + column] = component;
                    }
                }
            }
            Ok(data)
        }
    }
}

fn header(reader: &mut impl Read) -> Result<NpyHeader> {
    let header = npy_header::read(reader)?;
    ensure!(
        component_bytes(&header).is_some(),
        "the array's type is {}; expected f2, f4 or f8 (save it with `.astype(numpy.float32)`)",
        header.dtype().descr()
    );
    Ok(header)
}

/// The size of a component, if it is a float of a size that can be read.
fn component_bytes(header: &NpyHeader) -> Option<usize> {
    match header.dtype() {
        DType::Plain(kind) if kind.type_char() == TypeChar::Float => {
            kind.num_bytes().filter(|bytes| [2, 4, 8].contains(bytes))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::dataset::open;

    /// Written by numpy: `tests/fixtures/make_npy.py`.
    fn fixture(name: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
    }

    #[test]
    fn arrays_of_every_float_and_order_come_back_as_they_were_written() {
        for name in ["c_f2", "c_f4", "c_f8", "c_f4_big_endian", "fortran_f4", "fortran_f8"] {
            let dataset = open(&fixture(&format!("{name}.npy"))).unwrap();
            assert_eq!((dataset.len(), dataset.dim()), (3, 2), "{name}");
            assert_eq!(dataset.read(3).unwrap().data(), [1.0, -2.5, 0.0, 4.0, 5.5, 0.125], "{name}");
            assert_eq!(dataset.read(2).unwrap().data(), [1.0, -2.5, 0.0, 4.0], "{name}");
        }
    }

    #[test]
    fn what_is_no_table_of_floats_is_refused_with_the_reason() {
        for (name, reason) in [
            ("one_dimension.npy", "shape [6]; expected two dimensions"),
            ("integers.npy", "type is '<i4'; expected f2, f4 or f8"),
            ("no_vectors.npy", "holds no vectors"),
            ("beyond_f32.npy", "vector 0, component 1 is inf"),
            ("cut_off.npy", "promises 3 x 2 components, but 20 bytes follow"),
            ("not_there.npy", "No such file"),
            ("make_npy.py", "must end in one of .fvecs, .bvecs, .fbin"),
        ] {
            let error = open(&fixture(name)).and_then(|dataset| dataset.read(3)).unwrap_err();
            let error = format!("{error:#}");
            assert!(error.contains(reason) && error.contains(name), "{error}");
        }
        let mut text = tempfile::Builder::new().suffix(".npy").tempfile().unwrap();
        std::io::Write::write_all(&mut text, b"not an array").unwrap();
        assert!(format!("{:#}", open(text.path()).unwrap_err()).contains("this is no .npy file"));
    }

    /// What NumPy under Python 2 wrote on Windows, and an array of objects.
    #[test]
    fn files_of_python_2_are_read_or_named() {
        let written = |header: &str| {
            let length = (header.len() as u16).to_le_bytes();
            let data: Vec<u8> = (0..8).flat_map(|i| (i as f32).to_le_bytes()).collect();
            let mut file = tempfile::Builder::new().suffix(".npy").tempfile().unwrap();
            let bytes = [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &data].concat();
            std::io::Write::write_all(&mut file, &bytes).unwrap();
            file
        };
        let long = written("{'descr': '<f4', 'fortran_order': False, 'shape': (4L, 2L), }  \n");
        let long = open(long.path()).unwrap();
        assert_eq!((long.len(), long.dim()), (4, 2));
        assert_eq!(long.read(4).unwrap().data(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        for (descr, shape, reason) in [
            ("O", "(4, 2)", "the array's type is 'O'; expected f2, f4 or f8"),
            ("|O8", "(4,)", "the array's type is '|O8'; expected f2, f4 or f8"),
            ("<f8", "(2L,)", "shape [2]; expected two dimensions"),
            ("<c8", "(4, 1)", "the array's type is '<c8'; expected f2, f4 or f8"),
            ("<V2", "(4, 2)", "expected f2, f4 or f8"),
        ] {
            let file =
                written(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n"));
            let error = format!("{:#}", open(file.path()).unwrap_err());
            assert!(error.contains(reason) && !error.contains("no .npy file"), "{error}");
        }
    }

    /// Found by fuzzing.
    #[test]
    fn a_header_of_brackets_is_refused_at_once() {
        let head = |version: u8, length: u32, brackets: usize| {
            let length = length.to_le_bytes();
            let length = if version == 1 { &length[..2] } else { &length[..] };
            let text = format!("{{'descr': '<f4', {}", "{".repeat(brackets));
            [b"\x93NUMPY", &[version, 0][..], length, text.as_bytes()].concat()
        };
        for (bytes, reason) in [
            (head(1, 77, 60), "its header has 61 brackets"),
            (head(2, 50_017, 50_000), "its header has 50001 brackets"),
            (head(2, u32::MAX, 7), "its header is said to have 4294967295 bytes"),
            (head(1, 24, 7), "its header cannot be read"),
        ] {
            let mut file = tempfile::Builder::new().suffix(".npy").tempfile().unwrap();
            std::io::Write::write_all(&mut file, &bytes).unwrap();
            let started = std::time::Instant::now();
            let error = format!("{:#}", open(file.path()).unwrap_err());
            assert!(error.contains(reason), "{error}");
            assert!(started.elapsed().as_secs() < 10, "{reason}");
        }
    }

    #[test]
    fn a_name_is_made_of_what_a_case_id_allows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my data {1}.npy");
        std::fs::copy(fixture("c_f4.npy"), &path).unwrap();
        assert_eq!(open(&path).unwrap().name(), "my_data__1_");
        let path = folder.path().join("corpus.npy");
        std::fs::copy(fixture("c_f4.npy"), &path).unwrap();
        assert_eq!(open(&path).unwrap().name(), "corpus_file");
    }
}
