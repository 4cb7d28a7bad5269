//! `.fvecs`, `.bvecs` and `.ivecs` of TEXMEX (<http://corpus-texmex.irisa.fr/>): for each row its number of
//! columns as a little-endian i32, then that many values (f32, u8, i32), little-endian.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::dataset::contents::TableShape;

/// The bytes of the dim in front of each row.
const HEAD: usize = 4;

/// The first row's dim is every row's; the file's size gives their number.
pub(crate) fn shape(path: &Path, value_bytes: usize) -> Result<TableShape> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    ensure!(bytes > 0, "the file is empty");
    let mut head = [0; HEAD];
    file.read_exact(&mut head).with_context(|| format!("{bytes} bytes are too few for this format"))?;
    let dim = dim(head, 0)?;
    let row = (HEAD + dim * value_bytes) as u64;
    ensure!(
        bytes.is_multiple_of(row),
        "{bytes} bytes are no whole number of vectors of dim {dim}, {row} bytes each: the file is cut off at byte {}, \
         or its vectors differ in dim, or it is of another format than its ending says",
        bytes - bytes % row
    );
    Ok(TableShape { len: usize::try_from(bytes / row)?, dim })
}

/// Hands the bytes of the first `n` rows to `take`, one row after the other.
pub(crate) fn read(
    path: &Path,
    shape: TableShape,
    value_bytes: usize,
    n: usize,
    mut take: impl FnMut(&[u8]),
) -> Result<()> {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut row_bytes = vec![0; HEAD + shape.dim * value_bytes];
    for row in 0..n {
        let at = row * row_bytes.len();
        reader.read_exact(&mut row_bytes).with_context(|| format!("vector {row} at byte {at}"))?;
        let (head, values) = row_bytes.split_first_chunk().expect("a row begins with its dim");
        let found = dim(*head, at)?;
        if found != shape.dim {
            bail!("vector {row} at byte {at} has dim {found}, the ones before have {}", shape.dim);
        }
        take(values);
    }
    Ok(())
}

fn dim(head: [u8; HEAD], at: usize) -> Result<usize> {
    let dim = i32::from_le_bytes(head);
    ensure!(dim > 0, "the vector at byte {at} has dim {dim}; a dim is at least 1");
    Ok(usize::try_from(dim)?)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use crate::dataset::open;

    /// As TEXMEX describes it, one vector after the other.
    fn file(vectors: &[(i32, &[f32])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (dim, components) in vectors {
            bytes.extend(dim.to_le_bytes());
            bytes.extend(components.iter().flat_map(|x| x.to_le_bytes()));
        }
        bytes
    }

    fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::Builder::new().suffix(".fvecs").tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn vectors_come_back_as_they_were_written() {
        let file = written(&file(&[(3, &[1.0, -2.5, 3.0]), (3, &[4.0, 5.0, 1e-7])]));
        let dataset = open(file.path()).unwrap();
        assert_eq!((dataset.len(), dataset.dim()), (2, 3));
        assert_eq!(dataset.read(9).unwrap().data(), [1.0, -2.5, 3.0, 4.0, 5.0, 1e-7]);
        assert_eq!(dataset.read(1).unwrap().data(), [1.0, -2.5, 3.0]);
    }

    #[test]
    fn bytes_written_by_hand_are_understood() {
        let file = written(&[2, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
        assert_eq!(open(file.path()).unwrap().read(1).unwrap().data(), [1.0, -2.0]);
    }

    #[test]
    fn a_broken_file_is_refused_with_its_name_and_the_place() {
        let whole = file(&[(2, &[1.0, 2.0]), (2, &[3.0, 4.0])]);
        let mut differing = whole.clone();
        differing[12] = 1;
        for (bytes, reason) in [
            (Vec::new(), "the file is empty"),
            (vec![1, 0], "2 bytes are too few"),
            (whole[..20].to_vec(), "cut off at byte 12"),
            (file(&[(0, &[])]), "has dim 0"),
            (file(&[(-4, &[1.0])]), "has dim -4"),
            (differing, "vector 1 at byte 12 has dim 1"),
            (file(&[(2, &[1.0, f32::NAN])]), "vector 0, component 1 is NaN"),
            (b"not a vector file at all".to_vec(), "of another format than its ending says"),
        ] {
            let file = written(&bytes);
            let error = open(file.path()).and_then(|dataset| dataset.read(10)).unwrap_err();
            let error = format!("{error:#}");
            assert!(error.contains(reason), "{error}");
            assert!(error.contains(file.path().to_str().unwrap()), "{error}");
        }
    }

    /// Opening a pipe waits for who writes: a reader must not come so far.
    #[cfg(unix)]
    #[test]
    fn a_pipe_and_a_device_are_no_files() {
        let folder = tempfile::tempdir().unwrap();
        let [pipe, device] = ["pipe.fvecs", "device.npy"].map(|name| folder.path().join(name));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink("/dev/zero", &device).unwrap();
        for path in [pipe, device] {
            let error = format!("{:#}", open(&path).unwrap_err());
            assert!(error.contains(path.to_str().unwrap()) && error.contains("it is no file"), "{error}");
        }
    }
}
