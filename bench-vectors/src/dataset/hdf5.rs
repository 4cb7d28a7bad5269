//! `.hdf5` and `.h5` of ann-benchmarks (<https://github.com/erikbern/ann-benchmarks>): the data sets `train` (the vectors),
//! `test` (queries) and `neighbors` (their exact neighbours), the attribute `distance`.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use hdf5_reader::error::Error;
use hdf5_reader::{Dataset, Datatype, H5Type, Hdf5File, OpenOptions, SliceInfo, SliceInfoElem};

use super::{Contents, Shape, destination};

/// The data set of vectors.
pub(super) const BASE: &str = "train";
/// The data set of queries.
pub(super) const QUERIES: &str = "test";
const NEIGHBOURS: &str = "neighbors";
const DISTANCE: &str = "distance";

/// Rows are read in blocks of at least so many: a chunk may hold some columns of many rows, and would be decoded once
/// for every block that it touches.
const BLOCK_ROWS: u64 = 1024;
/// Deflate makes data at most so many times smaller (<https://zlib.net/zlib_tech.html>): what is larger is not there.
const MOST_COMPRESSED: u64 = 1032;

/// What the file holds, from its headers.
pub(super) fn contents(path: &Path) -> Result<Contents> {
    let file = open(path)?;
    let root = file.root_group().context("read the root group")?;
    let (_, names) = root.member_names().context("list the data sets")?;
    let has = |name: &str| names.iter().any(|other| other == name);
    ensure!(
        has(BASE),
        "there is no data set {BASE:?} in it, only {names:?}; expected the layout of ann-benchmarks: {BASE}, {QUERIES}, \
         {NEIGHBOURS}"
    );
    let optional =
        |name| if has(name) { table(path, &file, name).map(|(_, shape)| Some(shape)) } else { Ok(None) };
    let distance = match root.attribute(DISTANCE) {
        Ok(attribute) => Some(attribute.read_string().context("read the attribute \"distance\"")?),
        Err(Error::AttributeNotFound(_)) => None,
        Err(error) => return Err(error).context("look for the attribute \"distance\""),
    };
    Ok(Contents {
        shape: table(path, &file, BASE)?.1,
        distance,
        queries: optional(QUERIES)?,
        neighbours: optional(NEIGHBOURS)?,
    })
}

/// The components of the first `n` rows of a data set, row-major.
pub(super) fn read(path: &Path, name: &str, n: usize) -> Result<Vec<f32>> {
    let file = open(path)?;
    let (dataset, shape) = table(path, &file, name)?;
    let n = n.min(shape.len);
    let mut data = destination(n, shape.dim)?;
    match dataset.dtype() {
        Datatype::FloatingPoint { size: 4, .. } => each::<f32>(&dataset, shape, n, |x| data.push(x)),
        Datatype::FloatingPoint { size: 8, .. } => each::<f64>(&dataset, shape, n, |x| data.push(x as f32)),
        Datatype::FixedPoint { size: 1, signed: false, .. } => {
            each::<u8>(&dataset, shape, n, |x| data.push(f32::from(x)))
        }
        Datatype::FixedPoint { size: 1, signed: true, .. } => {
            each::<i8>(&dataset, shape, n, |x| data.push(f32::from(x)))
        }
        other => bail!("the data set {name:?} holds {other:?}; expected f32, f64, u8 or i8"),
    }?;
    Ok(data)
}

/// The first `n` rows of `neighbors`.
pub(super) fn read_neighbours(path: &Path, n: usize) -> Result<Vec<Vec<u64>>> {
    let file = open(path)?;
    let (dataset, shape) = table(path, &file, NEIGHBOURS)?;
    let n = n.min(shape.len);
    let mut ids = Vec::with_capacity(n * shape.dim);
    match dataset.dtype() {
        Datatype::FixedPoint { size: 4, signed: true, .. } => {
            // A negative id becomes one that no data set has; the judgement of the ids names its place.
            each::<i32>(&dataset, shape, n, |x| ids.push(i64::from(x).cast_unsigned()))
        }
        Datatype::FixedPoint { size: 4, .. } => each::<u32>(&dataset, shape, n, |x| ids.push(u64::from(x))),
        Datatype::FixedPoint { size: 8, signed: true, .. } => {
            each::<i64>(&dataset, shape, n, |x| ids.push(x.cast_unsigned()))
        }
        Datatype::FixedPoint { size: 8, .. } => each::<u64>(&dataset, shape, n, |x| ids.push(x)),
        other => bail!("the data set {NEIGHBOURS:?} holds {other:?}; expected integers of 4 or 8 bytes"),
    }?;
    Ok(ids.chunks(shape.dim).map(<[u64]>::to_vec).collect())
}

fn open(path: &Path) -> Result<Hdf5File> {
    // Blocks hold whole chunks, so that a cache would only take memory.
    let options = OpenOptions::default().with_chunk_cache_bytes(0);
    Hdf5File::open_with_options(path, options).context("this is no HDF5 file, or it is cut off")
}

/// A two-dimensional data set that the file is large enough for.
fn table(path: &Path, file: &Hdf5File, name: &str) -> Result<(Dataset, Shape)> {
    let dataset = file.dataset(name).with_context(|| format!("open the data set {name:?}"))?;
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
        "the data set {name:?} is said to be {len} x {dim}, but the file has only {bytes} bytes: it is cut off, or the \
         values were never written"
    );
    let shape = Shape { len: usize::try_from(len)?, dim: usize::try_from(dim)? };
    Ok((dataset, shape))
}

fn each<T: H5Type>(dataset: &Dataset, shape: Shape, n: usize, mut take: impl FnMut(T)) -> Result<()> {
    let chunk_rows = dataset.chunks().map_or(1, |chunk| u64::from(chunk[0]).max(1));
    let block = BLOCK_ROWS.div_ceil(chunk_rows) * chunk_rows;
    let (rows, dim) = (n as u64, shape.dim as u64);
    for start in (0..rows).step_by(usize::try_from(block)?) {
        let end = (start + block).min(rows);
        let selections =
            [(start, end), (0, dim)].map(|(start, end)| SliceInfoElem::Slice { start, end, step: 1 });
        let values = dataset.read_slice::<T>(&SliceInfo { selections: selections.into() });
        let values =
            values.with_context(|| format!("rows {start} to {end} of the data set {:?}", dataset.name()))?;
        values.into_iter().for_each(&mut take);
    }
    Ok(())
}
