//! `.parquet`: the column that holds a list of floats in every row, as hubs and VectorDBBench keep
//! embeddings.
//!
//! Read without Arrow, as records with their repetition levels
//! (<https://parquet.apache.org/docs/file-format/nestedencoding/>): level 0 begins a row.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use npyz::half::f16;
use parquet::basic::{Compression, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{AsBytes, DataType};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::SchemaDescriptor;

use super::parquet_columns::{self, ListedNumber, NumberList};
use crate::dataset::contents::{TableRole, TableShape, destination};

/// Rows decoded at once.
const BLOCK_ROWS: usize = 1024;

/// The column of vectors and its shape, from the footer. A file of queries need not have the column that the
/// user named.
pub(crate) fn open(path: &Path, role: TableRole, column: Option<&str>) -> Result<(String, TableShape)> {
    let file = file(path)?;
    let named = parquet_columns::vectors(schema(&file), column);
    let list = match (named, role) {
        (Err(_), TableRole::Queries) => parquet_columns::vectors(schema(&file), None)?,
        (list, _) => list?,
    };
    let shape = shape(path, &file, &list)?;
    Ok((list.name, shape))
}

/// The components of the first `n` vectors, row-major.
pub(crate) fn read(path: &Path, column: &str, n: usize) -> Result<Vec<f32>> {
    let file = file(path)?;
    let list = parquet_columns::vectors(schema(&file), Some(column))?;
    let shape = shape(path, &file, &list)?;
    let mut data = destination(n.min(shape.len), shape.dim)?;
    each_row(&file, &list, shape, n, |values| match values {
        ColumnNumbers::F16(values) => data.extend(values.iter().map(|x| x.to_f32())),
        ColumnNumbers::F32(values) => data.extend(values),
        ColumnNumbers::F64(values) => data.extend(values.iter().map(|x| *x as f32)),
        ColumnNumbers::I32(_) | ColumnNumbers::I64(_) => {}
    })?;
    Ok(data)
}

/// How many rows of how many ids the file of neighbours has, from the footer.
pub(crate) fn neighbours_shape(path: &Path) -> Result<TableShape> {
    let file = file(path)?;
    shape(path, &file, &parquet_columns::neighbours(schema(&file))?)
}

/// The first `n` rows of neighbours' ids.
pub(crate) fn read_neighbours(path: &Path, n: usize) -> Result<Vec<Vec<i64>>> {
    let file = file(path)?;
    let list = parquet_columns::neighbours(schema(&file))?;
    let shape = shape(path, &file, &list)?;
    let mut ids = Vec::new();
    each_row(&file, &list, shape, n, |values| match values {
        ColumnNumbers::I32(values) => ids.extend(values.iter().map(|id| i64::from(*id))),
        ColumnNumbers::I64(values) => ids.extend(values),
        ColumnNumbers::F16(_) | ColumnNumbers::F32(_) | ColumnNumbers::F64(_) => {}
    })?;
    Ok(ids.chunks(shape.dim).map(<[i64]>::to_vec).collect())
}

/// The rows in which the ids stand that are `wanted`, by the file's column `id`; nothing, if it has no such
/// column of integers: ids are then numbers of rows.
///
/// # Errors
/// When the column cannot be read, or one of the ids stands in two rows.
pub(crate) fn rows_of(path: &Path, wanted: &BTreeSet<i64>) -> Result<Option<BTreeMap<i64, u64>>> {
    const NAME: &str = "id";

    let file = file(path)?;
    let schema = schema(&file);
    let is_id = |leaf: &usize| {
        let leaf = schema.column(*leaf);
        let is_integer = matches!(leaf.physical_type(), Physical::INT32 | Physical::INT64);
        leaf.path().parts() == [NAME] && leaf.max_rep_level() == 0 && is_integer
    };
    let Some(index) = (0..schema.num_columns()).find(is_id) else { return Ok(None) };
    ensure_decodable(path, &file, index, NAME)?;
    let (mut rows, mut row) = (BTreeMap::new(), 0);
    let mut take = |id: i64| {
        let before = wanted.contains(&id).then(|| rows.insert(id, row)).flatten();
        ensure!(
            before.is_none(),
            "the vectors in the rows {} and {row} have the id {id}",
            before.unwrap_or_default()
        );
        row += 1;
        Ok(())
    };
    for group in 0..file.num_row_groups() {
        let within = || format!("row group {group}, column {NAME:?}");
        match file
            .get_row_group(group)
            .and_then(|group| group.get_column_reader(index))
            .with_context(within)?
        {
            ColumnReader::Int32ColumnReader(reader) => each_id(reader, |id| take(i64::from(*id))),
            ColumnReader::Int64ColumnReader(reader) => each_id(reader, |id| take(*id)),
            _ => bail!("it changes its type"),
        }
        .with_context(within)?;
    }
    Ok(Some(rows))
}

fn each_id<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    mut take: impl FnMut(&T::T) -> Result<()>,
) -> Result<()> {
    let (mut definitions, mut values) = (Vec::new(), Vec::new());
    loop {
        definitions.clear();
        values.clear();
        let (read, ..) = reader.read_records(BLOCK_ROWS, Some(&mut definitions), None, &mut values)?;
        if read == 0 {
            return Ok(());
        }
        ensure!(values.len() == read, "an id is null");
        values.iter().try_for_each(&mut take)?;
    }
}

fn file(path: &Path) -> Result<SerializedFileReader<File>> {
    const MAGIC: &[u8] = b"PAR1";

    let mut file = File::open(path)?;
    let (mut first, mut last) = ([0; 4], [0; 4]);
    file.read_exact(&mut first).context("this is no Parquet file: it is too small")?;
    file.seek(SeekFrom::End(-4))?;
    file.read_exact(&mut last)?;
    ensure!(&first != b"PARE", "it is encrypted Parquet, which is not read");
    ensure!(first == MAGIC, "this is no Parquet file");
    ensure!(last == MAGIC, "it is cut off: a Parquet file ends as it begins, with {:?}", "PAR1");
    SerializedFileReader::new(file).context("the footer of this Parquet file cannot be read")
}

fn schema(file: &SerializedFileReader<File>) -> &SchemaDescriptor {
    file.metadata().file_metadata().schema_descr()
}

/// How many lists of how many numbers there are, when the file has room for them and can be unpacked.
fn shape(path: &Path, file: &SerializedFileReader<File>, list: &NumberList) -> Result<TableShape> {
    let name = &list.name;
    ensure_decodable(path, file, list.index, name)?;
    let metadata = file.metadata();
    let len = usize::try_from(metadata.file_metadata().num_rows())?;
    let mut values: usize = 0;
    for group in metadata.row_groups() {
        let more = usize::try_from(group.column(list.index).num_values())?;
        values = values.checked_add(more).context("it is said to have more values than can be counted")?;
    }
    ensure!(len > 0 && values > 0, "the column {name:?} holds no vectors");
    ensure!(
        values.is_multiple_of(len),
        "the column {name:?} has {values} components in {len} rows: its vectors differ in length, or some are missing"
    );
    Ok(TableShape { len, dim: values / len })
}

/// What the footer says of a column must be true and packed in a way that can be unpacked: the reader panics
/// at negative places.
fn ensure_decodable(path: &Path, file: &SerializedFileReader<File>, index: usize, name: &str) -> Result<()> {
    let there = path.metadata()?.len();
    for (number, group) in file.metadata().row_groups().iter().enumerate() {
        let column = group.column(index);
        let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let [start, bytes] = [start, column.compressed_size()].map(|place| u64::try_from(place).ok());
        let end = start.zip(bytes).and_then(|(start, bytes)| start.checked_add(bytes));
        ensure!(
            end.is_some_and(|end| end <= there),
            "row group {number} of the column {name:?} is said to lie outside of the file: it is cut off or damaged"
        );
        let codec = column.compression();
        ensure!(
            matches!(
                codec,
                Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) | Compression::ZSTD(_)
            ),
            "the column {name:?} is packed by {}, which is not read; expected zstd, snappy, gzip or none: write it \
             anew with one of them",
            codec.to_string().split('(').next().unwrap_or_default()
        );
    }
    Ok(())
}

/// The numbers of some rows.
enum ColumnNumbers {
    F16(Vec<f16>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    I32(Vec<i32>),
    I64(Vec<i64>),
}

/// Hands the numbers of the first `n` rows to `take`, some rows at once.
fn each_row(
    file: &SerializedFileReader<File>,
    list: &NumberList,
    shape: TableShape,
    n: usize,
    mut take: impl FnMut(ColumnNumbers),
) -> Result<()> {
    let (mut row, n) = (0, n.min(shape.len));
    for group in 0..file.num_row_groups() {
        let within = || format!("row group {group}, column {:?}", list.name);
        let reader = file.get_row_group(group).and_then(|group| group.get_column_reader(list.index));
        let mut rows = RowReader { list, shape, n, row };
        row = match (reader.with_context(within)?, list.number) {
            (ColumnReader::FloatColumnReader(reader), ListedNumber::F32) => {
                rows.each(reader, |values| take(ColumnNumbers::F32(values)))
            }
            (ColumnReader::DoubleColumnReader(reader), ListedNumber::F64) => {
                rows.each(reader, |values| take(ColumnNumbers::F64(values)))
            }
            (ColumnReader::FixedLenByteArrayColumnReader(reader), ListedNumber::F16) => {
                rows.each(reader, |values| {
                    let half = |bytes: &[u8]| bytes.try_into().map_or(f16::NAN, f16::from_le_bytes);
                    take(ColumnNumbers::F16(values.iter().map(|value| half(value.as_bytes())).collect()));
                })
            }
            (ColumnReader::Int32ColumnReader(reader), ListedNumber::I32) => {
                rows.each(reader, |values| take(ColumnNumbers::I32(values)))
            }
            (ColumnReader::Int64ColumnReader(reader), ListedNumber::I64) => {
                rows.each(reader, |values| take(ColumnNumbers::I64(values)))
            }
            _ => bail!("the column {:?} changes its type", list.name),
        }
        .with_context(within)?;
        if row == n {
            return Ok(());
        }
    }
    bail!("it ends after {row} of {n} rows")
}

/// Where in a column its reading is.
struct RowReader<'a> {
    list: &'a NumberList,
    shape: TableShape,
    n: usize,
    row: usize,
}

impl RowReader<'_> {
    /// Reads until `n` rows are there or the row group ends; the row that comes next.
    fn each<T: DataType>(
        &mut self,
        mut reader: ColumnReaderImpl<T>,
        mut take: impl FnMut(Vec<T::T>),
    ) -> Result<usize> {
        let (dim, mut definitions, mut repetitions) = (self.shape.dim, Vec::new(), Vec::new());
        while self.row < self.n {
            definitions.clear();
            repetitions.clear();
            let rows = BLOCK_ROWS.min(self.n - self.row);
            let mut values = Vec::new();
            let block =
                reader.read_records(rows, Some(&mut definitions), Some(&mut repetitions), &mut values);
            let (read, ..) = block.context("decode it")?;
            if read == 0 {
                break;
            }
            let row = self.row;
            ensure!(
                definitions.iter().all(|level| *level == self.list.defined),
                "a component within rows {row} to {} is null",
                row + read
            );
            let mut starts = repetitions.iter().enumerate().map(|(i, level)| (*level == 0) == (i % dim == 0));
            ensure!(
                starts.all(|fits| fits) && values.len() == read * dim,
                "a vector within rows {row} to {} does not have {dim} components as the others",
                row + read
            );
            take(values);
            self.row += read;
        }
        Ok(self.row)
    }
}
