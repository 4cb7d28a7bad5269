//! `.safetensors` of Hugging Face (<https://github.com/huggingface/safetensors>): the length of a header as a
//! little-endian u64, a JSON header that says where each tensor lies, then the tensors, little-endian.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use bench_core::foreign_text::in_one_line;
use bench_core::untrusted_json;
use serde::Deserialize;

use super::component::Component;
use crate::dataset::contents::{TableShape, destination};

const LENGTH: usize = size_of::<u64>();
/// The longest header that the format allows.
const LONGEST_HEADER: u64 = 100_000_000;
/// What the header has beside tensors.
const METADATA: &str = "__metadata__";

#[derive(Deserialize)]
struct Tensor {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// The table of vectors and its shape: the tensor that the user named, or the only one of f32 that has rows
/// and columns.
pub(crate) fn open(path: &Path, named: Option<&str>) -> Result<(String, TableShape)> {
    let header = TensorTable::read(path)?;
    let name = match named {
        Some(name) => name.to_string(),
        None => header.only_table()?,
    };
    let shape = header.table(&name)?.0;
    Ok((name, shape))
}

/// The components of the first `n` vectors, row-major.
pub(crate) fn read(path: &Path, name: &str, n: usize) -> Result<Vec<f32>> {
    let (shape, at) = TensorTable::read(path)?.table(name)?;
    let mut data = destination(n, shape.dim)?;
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path)?);
    reader.seek(SeekFrom::Start(at))?;
    let mut row = vec![0; shape.dim * Component::F32.bytes()];
    for number in 0..n.min(shape.len) {
        reader.read_exact(&mut row).with_context(|| format!("vector {number} of the tensor {name}"))?;
        Component::F32.append(&row, &mut data);
    }
    Ok(data)
}

struct TensorTable {
    tensors: BTreeMap<String, Tensor>,
    /// Where the tensors begin, and how many bytes there are of them.
    data: (u64, u64),
}

impl TensorTable {
    fn read(path: &Path) -> Result<TensorTable> {
        let mut file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let mut length = [0; LENGTH];
        file.read_exact(&mut length)
            .with_context(|| format!("{bytes} bytes are too few for the header's length of {LENGTH}"))?;
        let length = u64::from_le_bytes(length);
        let there = bytes - LENGTH as u64;
        ensure!(
            length <= there.min(LONGEST_HEADER),
            "byte 0 promises a header of {length} bytes, but {there} bytes follow: the file is cut off, or it is of \
             another format than its ending says"
        );
        let mut json = vec![0; usize::try_from(length)?];
        file.read_exact(&mut json).context("read the header")?;
        let header: BTreeMap<String, serde_json::Value> =
            untrusted_json::read(&json).context("the header at byte 8")?;
        let tensors = header.into_iter().filter(|(name, _)| name != METADATA);
        let tensors = tensors.map(|(name, said)| {
            let tensor = Tensor::deserialize(said);
            let shown = in_one_line(&name).into_owned();
            Ok((
                name,
                tensor.ok().with_context(|| format!("the header says no place of the tensor {shown}"))?,
            ))
        });
        Ok(TensorTable {
            tensors: tensors.collect::<Result<_>>()?,
            data: (LENGTH as u64 + length, there - length),
        })
    }

    /// The shape of a tensor of f32 with two dimensions, and where in the file it begins.
    fn table(&self, name: &str) -> Result<(TableShape, u64)> {
        let shown = in_one_line(name);
        let tensor = self.tensors.get(name).with_context(|| {
            format!("it has no tensor {shown}; tables of vectors are {}", self.tables().join(", "))
        })?;
        let Tensor { dtype, shape, data_offsets: [begin, end] } = tensor;
        let [rows, columns] = shape[..] else {
            bail!("the tensor {shown} has the shape {shape:?}: a table of vectors has rows and columns")
        };
        ensure!(dtype == "F32", "the components of the tensor {shown} are {}, not F32", in_one_line(dtype));
        let bytes = rows.checked_mul(columns).and_then(|n| n.checked_mul(Component::F32.bytes() as u64));
        ensure!(
            bytes.is_some_and(|bytes| begin.checked_add(bytes) == Some(*end)) && *end <= self.data.1,
            "the tensor {shown} of {rows} x {columns} f32 is said to lie at bytes {begin} to {end} of {}: the file is \
             cut off, or its header is wrong",
            self.data.1
        );
        let shape = TableShape { len: usize::try_from(rows)?, dim: usize::try_from(columns)? };
        Ok((shape, self.data.0 + begin))
    }

    /// The names of the tensors that may be tables of vectors, the first few.
    fn tables(&self) -> Vec<String> {
        let tables =
            self.tensors.iter().filter(|(_, tensor)| tensor.dtype == "F32" && tensor.shape.len() == 2);
        tables.map(|(name, _)| in_one_line(name).into_owned()).take(5).collect()
    }

    fn only_table(&self) -> Result<String> {
        let tables = self.tables();
        match &tables[..] {
            [only] => Ok(only.clone()),
            [] => bail!("it has no tensor of f32 with rows and columns"),
            several => {
                bail!("it has several tables of vectors: name one with --column, as {}", several.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use crate::dataset::open;

    fn file(header: &str, data: &[f32]) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.bytes());
        bytes.extend(data.iter().flat_map(|x| x.to_le_bytes()));
        bytes
    }

    fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::Builder::new().suffix(".safetensors").tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    const BIAS: &str = r#""bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;
    const TABLE: &str = r#""table":{"dtype":"F32","shape":[2,2],"data_offsets":[4,20]}"#;

    #[test]
    fn the_only_table_is_read_from_where_the_header_says() {
        let header = format!(r#"{{"__metadata__":{{"format":"pt"}},{BIAS},{TABLE}}}"#);
        let file = written(&file(&header, &[9.0, 1.0, 2.0, 3.0, 4.0]));
        let dataset = open(file.path()).unwrap();
        assert_eq!((dataset.len(), dataset.dim()), (2, 2));
        assert_eq!(dataset.read(9).unwrap().data(), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(dataset.read(1).unwrap().data(), [1.0, 2.0]);
    }

    #[test]
    fn a_broken_file_is_refused_with_its_name_and_the_reason() {
        let table = |from: &str, to: &str| format!("{{{}}}", TABLE.replace(from, to));
        let data = [0.0; 5];
        let two = format!("{{{TABLE},{}}}", TABLE.replace("table", "other"));
        for (bytes, reason) in [
            (vec![1, 0], "2 bytes are too few"),
            (u64::MAX.to_le_bytes().to_vec(), "promises a header of 18446744073709551615 bytes, but 0"),
            (file("not JSON", &data), "the header at byte 8"),
            (file(r#"{"table":5}"#, &data), "says no place of the tensor table"),
            (file(&format!("{{{BIAS}}}"), &data), "no tensor of f32 with rows and columns"),
            (file(&two, &data), "name one with --column, as other, table"),
            (file(&table("F32", "I64"), &data), "no tensor of f32 with rows and columns"),
            (file(&table("[4,20]", "[4,16]"), &data), "lie at bytes 4 to 16 of 20"),
            (file(&table("[4,20]", "[4,20]"), &data[..3]), "lie at bytes 4 to 20 of 12: the file is cut off"),
            (file(&table("[2,2]", "[4611686018427387904,4]"), &data), "its header is wrong"),
            (
                file(&table("[2,2],\"data_offsets\":[4,20]", "[0,2],\"data_offsets\":[4,4]"), &data),
                "no vectors",
            ),
        ] {
            let file = written(&bytes);
            let error = format!("{:#}", open(file.path()).unwrap_err());
            assert!(error.contains(reason), "{reason}: {error}");
            assert!(error.contains(file.path().to_str().unwrap()), "{error}");
        }
    }
}
