//! `.parquet`: the one column that holds a list of f32 or f64 in every row, as hubs and VectorDBBench keep embeddings.
//!
//! Read without Arrow, as records with their repetition levels (<https://parquet.apache.org/docs/file-format/nestedencoding/>):
//! level 0 begins a row.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use parquet::basic::Type;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::{Contents, Shape, destination};

/// Rows decoded at once.
const BLOCK_ROWS: usize = 1024;

/// What the file holds, from its footer.
pub(super) fn contents(path: &Path) -> Result<Contents> {
    let file = open(path)?;
    Ok(Contents { shape: column(&file)?.shape, distance: None, queries: None, neighbours: None })
}

/// The components of the first `n` vectors, row-major.
pub(super) fn read(path: &Path, n: usize) -> Result<Vec<f32>> {
    let file = open(path)?;
    let column = column(&file)?;
    let wanted = n.min(column.shape.len) * column.shape.dim;
    let mut data = destination(n.min(column.shape.len), column.shape.dim)?;
    for group in 0..file.num_row_groups() {
        let within = || format!("row group {group}, column {:?}", column.name);
        let reader = file.get_row_group(group).and_then(|group| group.get_column_reader(column.index));
        match reader.with_context(within)? {
            ColumnReader::FloatColumnReader(reader) => append(reader, &column, wanted, &mut data, |x| *x),
            ColumnReader::DoubleColumnReader(reader) => {
                append(reader, &column, wanted, &mut data, |x| *x as f32)
            }
            _ => bail!("the column {:?} changes its type", column.name),
        }
        .with_context(within)?;
        if data.len() == wanted {
            break;
        }
    }
    ensure!(data.len() == wanted, "it ends after {} of {wanted} components", data.len());
    Ok(data)
}

/// The column of vectors.
struct Column {
    index: usize,
    name: String,
    shape: Shape,
    /// The definition level of a component that is there.
    defined: i16,
}

fn open(path: &Path) -> Result<SerializedFileReader<File>> {
    SerializedFileReader::new(File::open(path)?).context("this is no Parquet file, or it is cut off")
}

fn column(file: &SerializedFileReader<File>) -> Result<Column> {
    let metadata = file.metadata();
    let columns = metadata.file_metadata().schema_descr().columns();
    let is_list = |index: &usize| {
        let column = &columns[*index];
        column.max_rep_level() == 1 && matches!(column.physical_type(), Type::FLOAT | Type::DOUBLE)
    };
    let lists: Vec<usize> = (0..columns.len()).filter(is_list).collect();
    let &[index] = lists.as_slice() else {
        let names: Vec<String> = columns.iter().map(|column| column.path().string()).collect();
        bail!(
            "{} of its columns hold lists of f32 or f64, expected is one; the columns are {}",
            lists.len(),
            names.join(", ")
        );
    };
    let name = columns[index].path().string();
    let len = usize::try_from(metadata.file_metadata().num_rows())?;
    let groups = metadata.row_groups().iter();
    let values = groups.map(|group| group.column(index).num_values()).sum::<i64>();
    let values = usize::try_from(values)?;
    ensure!(len > 0 && values > 0, "the column {name:?} holds no vectors");
    ensure!(
        values.is_multiple_of(len),
        "the column {name:?} has {values} components in {len} rows: its vectors differ in length"
    );
    let shape = Shape { len, dim: values / len };
    Ok(Column { index, name, shape, defined: columns[index].max_def_level() })
}

/// Appends rows until `wanted` components are there or the row group ends.
fn append<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    column: &Column,
    wanted: usize,
    data: &mut Vec<f32>,
    to_f32: impl Fn(&T::T) -> f32,
) -> Result<()> {
    let dim = column.shape.dim;
    let (mut definitions, mut repetitions, mut values) = (Vec::new(), Vec::new(), Vec::new());
    while data.len() < wanted {
        definitions.clear();
        repetitions.clear();
        values.clear();
        let rows = BLOCK_ROWS.min((wanted - data.len()) / dim);
        let block = reader.read_records(rows, Some(&mut definitions), Some(&mut repetitions), &mut values);
        let (read, ..) = block.context("decode it")?;
        if read == 0 {
            break;
        }
        let row = data.len() / dim;
        ensure!(
            definitions.iter().all(|level| *level == column.defined),
            "a component within rows {row} to {} is null",
            row + read
        );
        let mut starts = repetitions.iter().enumerate().map(|(i, level)| (*level == 0) == (i % dim == 0));
        ensure!(
            starts.all(|fits| fits) && values.len() == read * dim,
            "a vector within rows {row} to {} does not have {dim} components as the others",
            row + read
        );
        data.extend(values.iter().map(&to_f32));
    }
    Ok(())
}
