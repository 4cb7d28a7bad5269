//! `.hdf5` and `.h5` of ann-benchmarks (<https://github.com/erikbern/ann-benchmarks>): the data sets `train`
//! (the vectors), `test` (queries) and `neighbors` (their exact neighbours), the attribute `distance`.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use hdf5_reader::error::Error;
use hdf5_reader::group::Group;
use hdf5_reader::{ByteOrder, Dataset, Datatype, H5Type, Hdf5File, OpenOptions, SliceInfo, SliceInfoElem};
use npyz::half::f16;

use super::hdf5_storage::{self, Hdf5Number};
use crate::dataset::contents::{Companions, TableRole, TableShape, destination};

/// The data set of vectors.
const BASE: &str = "train";
/// The data set of queries.
const QUERIES: &str = "test";
const NEIGHBOURS: &str = "neighbors";
const DISTANCE: &str = "distance";

/// Rows are read in blocks of at least so many: a chunk may hold some columns of many rows, and would be
/// decoded once for every block that it touches.
const BLOCK_ROWS: u64 = 1024;
/// Deflate makes data at most so many times smaller (<https://zlib.net/zlib_tech.html>): what is larger is
/// not there.
const MOST_COMPRESSED: u64 = 1032;

/// The data set for a role, and its shape, from the headers. Queries are `test`, of a file without one
/// `train`.
pub(crate) fn open(path: &Path, role: TableRole) -> Result<(String, TableShape)> {
    let file = file(path)?;
    let root = root(&file)?;
    let name = if role == TableRole::Queries && has(&root, QUERIES) { QUERIES } else { BASE };
    let table = StoredTable::open(path, &file, name)?;
    table.ensure_components()?;
    Ok((name.into(), table.shape))
}

/// What lies beside the vectors, by its name; it is opened when it is needed.
pub(crate) fn companions(path: &Path) -> Result<Companions> {
    let file = file(path)?;
    let root = root(&file)?;
    let distance = match root.attribute(DISTANCE) {
        Ok(attribute) => Some(attribute.read_string().context("read the attribute \"distance\"")?),
        Err(Error::AttributeNotFound(_)) => None,
        Err(error) => return Err(error).context("look for the attribute \"distance\""),
    };
    Ok(Companions { distance, queries: has(&root, QUERIES), neighbours: has(&root, NEIGHBOURS) })
}

/// The components of the first `n` rows of a data set, row-major.
pub(crate) fn read(path: &Path, name: &str, n: usize) -> Result<Vec<f32>> {
    let file = file(path)?;
    let table = StoredTable::open(path, &file, name)?;
    let n = n.min(table.shape.len);
    let mut data = destination(n, table.shape.dim)?;
    match table.number {
        Hdf5Number::Float { bytes: 2 } => table.each::<Half>(n, |x| data.push(x.0.to_f32())),
        Hdf5Number::Float { bytes: 4 } => table.each::<f32>(n, |x| data.push(x)),
        Hdf5Number::Float { bytes: 8 } => table.each::<f64>(n, |x| data.push(x as f32)),
        Hdf5Number::Integer { bytes: 1, signed: false } => table.each::<u8>(n, |x| data.push(f32::from(x))),
        Hdf5Number::Integer { bytes: 1, signed: true } => table.each::<i8>(n, |x| data.push(f32::from(x))),
        _ => table.ensure_components(),
    }?;
    Ok(data)
}

/// How many rows of how many ids `neighbors` has.
pub(crate) fn neighbours_shape(path: &Path) -> Result<TableShape> {
    let file = file(path)?;
    let table = StoredTable::open(path, &file, NEIGHBOURS)?;
    table.ensure_ids()?;
    Ok(table.shape)
}

/// The first `n` rows of `neighbors`.
pub(crate) fn read_neighbours(path: &Path, n: usize) -> Result<Vec<Vec<i64>>> {
    let file = file(path)?;
    let table = StoredTable::open(path, &file, NEIGHBOURS)?;
    let n = n.min(table.shape.len);
    let mut ids = Vec::with_capacity(n * table.shape.dim);
    match table.number {
        Hdf5Number::Integer { bytes: 4, signed: true } => table.each::<i32>(n, |x| ids.push(i64::from(x))),
        Hdf5Number::Integer { bytes: 4, signed: false } => table.each::<u32>(n, |x| ids.push(i64::from(x))),
        Hdf5Number::Integer { bytes: 8, signed: true } => table.each::<i64>(n, |x| ids.push(x)),
        // What is too large for i64 becomes negative: no data set has either.
        Hdf5Number::Integer { bytes: 8, signed: false } => {
            table.each::<u64>(n, |x| ids.push(x.cast_signed()))
        }
        _ => table.ensure_ids(),
    }?;
    Ok(ids.chunks(table.shape.dim).map(<[i64]>::to_vec).collect())
}

/// Opens a file, which must be as long as it says.
fn file(path: &Path) -> Result<Hdf5File> {
    // Blocks hold whole chunks, so that a cache would only take memory.
    let options = OpenOptions::default().with_chunk_cache_bytes(0);
    let file = Hdf5File::open_with_options(path, options).map_err(|error| match error {
        Error::InvalidMagic => anyhow!("this is no HDF5 file"),
        error => anyhow!(error).context("the header of this HDF5 file cannot be read"),
    })?;
    let (said, there) = (file.superblock().eof_address, path.metadata()?.len());
    ensure!(
        said <= there,
        "it is cut off: its header says that it has {said} bytes, {there} are there; get the whole file (or, if it is \
         one of several that belong together, write them into one with h5repack)"
    );
    Ok(file)
}

fn root(file: &Hdf5File) -> Result<Group> {
    file.root_group().context("read the root group")
}

fn has(root: &Group, name: &str) -> bool {
    !matches!(root.dataset(name), Err(error) if matches!(cause(&error), Error::DatasetNotFound(_)))
}

/// The names of the data sets that there are, the first ones, as a message shows them.
fn others(root: &Group) -> String {
    const MOST: usize = 20;

    let names = root.member_names().map(|(_, datasets)| datasets).unwrap_or_default();
    let more = if names.len() > MOST { " and more" } else { "" };
    format!("{:?}{more}", &names[..names.len().min(MOST)])
}

fn cause(error: &Error) -> &Error {
    match error {
        Error::Context { source, .. } => cause(source),
        other => other,
    }
}

/// A two-dimensional data set that the file is large enough for, and that is read rightly.
struct StoredTable {
    name: &'static str,
    dataset: Dataset,
    shape: TableShape,
    number: Hdf5Number,
}

impl StoredTable {
    fn open(path: &Path, file: &Hdf5File, name: &str) -> Result<StoredTable> {
        let name = [BASE, QUERIES, NEIGHBOURS].into_iter().find(|known| *known == name);
        let name = name.context("the layout of ann-benchmarks has no such data set")?;
        let root = root(file)?;
        let dataset = match root.dataset(name) {
            Ok(dataset) => dataset,
            Err(Error::DatasetNotFound(_)) => bail!(
                "there is no data set {name:?} in it, only {}; expected the layout of ann-benchmarks: {BASE}, \
                 {QUERIES}, {NEIGHBOURS} (links to other files are not followed)",
                others(&root)
            ),
            Err(error) if matches!(cause(&error), Error::UnsupportedLayoutClass(3)) => bail!(
                "the data set {name:?} is virtual, made of parts of others: `h5repack -l CONTI FILE NEW` writes its \
                 values into one file"
            ),
            Err(error) => return Err(error).with_context(|| format!("open the data set {name:?}")),
        };
        let &[len, dim] = dataset.shape() else {
            bail!(
                "the data set {name:?} has shape {:?}; expected two dimensions: vectors, components",
                dataset.shape()
            );
        };
        ensure!(len > 0 && dim > 0, "the data set {name:?} has shape {len} x {dim}: it holds no vectors");
        let bytes = path.metadata()?.len();
        let most = if dataset.chunks().is_some() { bytes.saturating_mul(MOST_COMPRESSED) } else { bytes };
        ensure!(
            len.checked_mul(dim).is_some_and(|values| values <= most),
            "the data set {name:?} is said to be {len} x {dim}, but the file has only {bytes} bytes: it is cut off, or \
             the values were never written"
        );
        let number =
            hdf5_storage::checked(file, &dataset).with_context(|| format!("the data set {name:?}"))?;
        let shape = TableShape { len: usize::try_from(len)?, dim: usize::try_from(dim)? };
        Ok(StoredTable { name, dataset, shape, number })
    }

    fn ensure_components(&self) -> Result<()> {
        let are_components = matches!(
            self.number,
            Hdf5Number::Float { bytes: 2 | 4 | 8 } | Hdf5Number::Integer { bytes: 1, .. }
        );
        ensure!(
            are_components,
            "the data set {:?} holds {}; expected f16, f32, f64, u8 or i8",
            self.name,
            self.number
        );
        Ok(())
    }

    fn ensure_ids(&self) -> Result<()> {
        let are_ids = matches!(self.number, Hdf5Number::Integer { bytes: 4 | 8, .. });
        ensure!(
            are_ids,
            "the data set {:?} holds {}; expected integers of 4 or 8 bytes",
            self.name,
            self.number
        );
        Ok(())
    }

    /// Hands each value of the first `n` rows to `take`.
    fn each<T: H5Type>(&self, n: usize, mut take: impl FnMut(T)) -> Result<()> {
        let chunk_rows = self.dataset.chunks().map_or(1, |chunk| u64::from(chunk[0]).max(1));
        let block = BLOCK_ROWS.div_ceil(chunk_rows) * chunk_rows;
        let (rows, dim) = (n as u64, self.shape.dim as u64);
        for start in (0..rows).step_by(usize::try_from(block)?) {
            let end = (start + block).min(rows);
            let selections =
                [(start, end), (0, dim)].map(|(start, end)| SliceInfoElem::Slice { start, end, step: 1 });
            let values = self.dataset.read_slice::<T>(&SliceInfo { selections: selections.into() });
            let values =
                values.with_context(|| format!("rows {start} to {end} of the data set {:?}", self.name))?;
            values.into_iter().for_each(&mut take);
        }
        Ok(())
    }
}

/// A float of two bytes, which hdf5-reader hands over as bytes.
#[derive(Clone)]
struct Half(f16);

impl H5Type for Half {
    fn hdf5_type() -> Datatype {
        Datatype::FloatingPoint { size: 2, byte_order: ByteOrder::LittleEndian }
    }

    fn from_bytes(bytes: &[u8], kind: &Datatype) -> hdf5_reader::error::Result<Half> {
        match (bytes, kind) {
            (&[a, b], Datatype::FloatingPoint { byte_order: ByteOrder::LittleEndian, .. }) => {
                Ok(Half(f16::from_le_bytes([a, b])))
            }
            (&[a, b], Datatype::FloatingPoint { byte_order: ByteOrder::BigEndian, .. }) => {
                Ok(Half(f16::from_be_bytes([a, b])))
            }
            _ => Err(Error::TypeMismatch { expected: "f16".into(), actual: format!("{kind:?}") }),
        }
    }

    fn element_size(_: &Datatype) -> usize {
        2
    }
}
