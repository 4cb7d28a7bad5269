//! The engine `sqlite-vec`: a virtual table of SQLite, in memory, searched from end to end. Exact, up to what
//! its storage loses.
//!
//! Its memory is what SQLite counts of itself, the whole process's: page cache, tables and statements.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use anyhow::{Context, Result, bail, ensure};
use bench_core::foreign_text::in_one_line;
use rusqlite::{Connection, OpenFlags, OptionalExtension, ToSql, params};

use crate::adapter::{Adapter, Capabilities, HeapVisibility, IndexSpec};
use crate::block::{ensure_block, ensure_query, insert_rows};
use crate::distance::Distance;
use crate::engine::{Engine, Neighbour};
use crate::foreign_storage::{register_sqlite_vec, sqlite_memory_used};
use crate::id_set::IdSet;
use crate::storage::{Placement, Storage};

pub(crate) const ADAPTER: Adapter = Adapter {
    name: "sqlite-vec",
    package: Some("sqlite-vec"),
    capabilities: Capabilities {
        distances: &[Distance::L2, Distance::Cosine],
        largest_dim: Some(8192),
        exact: true,
        delete: true,
        update: true,
        filter: true,
        labels: false,
        threads: false,
        storages: &[Storage::F32, Storage::I8, Storage::B1],
        placements: &[Placement::Mapped, Placement::Disk],
        exact_distances: true,
    },
    parameters: &["batch"],
    heap: HeapVisibility::Foreign("SQLite is C: it allocates with malloc"),
    varies: None,
    cosine_of: (0.0, f32::MAX),
    build: |spec, vectors| insert_rows(SqliteVec::new(spec)?, vectors, spec.batch),
    open: |spec, folder, placement| Ok(Box::new(SqliteVec::saved(spec, folder, placement)?)),
};

/// The file of a saved index, in its folder.
const FILE: &str = "vectors.sqlite";
/// Address space for a mapped file; SQLite maps no more of it than there is.
const MAP_BYTES: i64 = 2_147_418_112;

/// A vector as SQL: the storage decides what is made of its f32.
fn value(storage: Storage) -> &'static str {
    match storage {
        Storage::I8 => "vec_quantize_int8(?, 'unit')",
        Storage::B1 => "vec_quantize_binary(?)",
        Storage::F32 | Storage::F16 | Storage::Bf16 => "?",
    }
}

fn nearest(storage: Storage) -> String {
    let value = value(storage);
    format!("select rowid, distance from vectors where embedding match {value} and k = ? order by distance")
}

/// The ids come as a JSON array: SQLite has no other list among its values.
fn nearest_allowed(storage: Storage) -> String {
    let value = value(storage);
    format!(
        "select rowid, distance from vectors where embedding match {value} and k = ? \
         and rowid in (select value from json_each(?)) order by distance"
    )
}

/// The statement that makes the table; SQLite keeps its text.
fn table(spec: &IndexSpec) -> Result<String> {
    let dim = spec.dim;
    let metric = match spec.distance {
        Distance::L2 => "l2",
        Distance::Cosine => "cosine",
        Distance::InnerProduct => bail!("sqlite-vec has no inner product; use cosine or L2"),
    };
    let column = match spec.storage {
        Storage::F32 => format!("float[{dim}] distance_metric={metric}"),
        Storage::I8 => format!("int8[{dim}] distance_metric={metric}"),
        Storage::B1 => {
            ensure!(
                dim.is_multiple_of(8),
                "sqlite-vec keeps bits of vectors whose dim is a multiple of 8, not {dim}"
            );
            // Bits are always compared by the Hamming distance.
            format!("bit[{dim}]")
        }
        Storage::F16 | Storage::Bf16 => bail!("sqlite-vec has no storage {}", spec.storage),
    };
    Ok(format!("CREATE VIRTUAL TABLE vectors using vec0(embedding {column})"))
}

struct SqliteVec {
    connection: Mutex<Connection>,
    dim: usize,
    distance: Distance,
    storage: Storage,
    nearest: String,
    nearest_allowed: String,
    len: usize,
    /// The file of an index that was saved.
    path: Option<PathBuf>,
}

impl SqliteVec {
    fn new(spec: &IndexSpec) -> Result<SqliteVec> {
        register_sqlite_vec()?;
        let connection = Connection::open_in_memory().context("open a database in memory")?;
        connection.execute_batch(&table(spec)?).context("make the table of vectors")?;
        Ok(SqliteVec::on(connection, spec, 0))
    }

    fn on(connection: Connection, spec: &IndexSpec, len: usize) -> SqliteVec {
        let (nearest, nearest_allowed) = (nearest(spec.storage), nearest_allowed(spec.storage));
        let connection = Mutex::new(connection);
        let (dim, distance, storage) = (spec.dim, spec.distance, spec.storage);
        SqliteVec { connection, dim, distance, storage, nearest, nearest_allowed, len, path: None }
    }

    /// Opens a saved index for reading: through SQLite's page cache, or with its file mapped.
    fn saved(spec: &IndexSpec, folder: &Path, placement: Placement) -> Result<SqliteVec> {
        register_sqlite_vec()?;
        let path = folder.join(FILE);
        let open = || {
            let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            if placement == Placement::Mapped {
                connection.pragma_update(None, "mmap_size", MAP_BYTES)?;
            }
            let made = "select sql from sqlite_master where name = 'vectors'";
            let made: Option<String> = connection.query_row(made, [], |row| row.get(0)).optional()?;
            let made = made.context("there is no table of vectors: it is damaged, or of another engine")?;
            let wanted = table(spec)?;
            ensure!(made == wanted, "its table was made by `{}`, not by `{wanted}`", in_one_line(&made));
            let len: i64 =
                connection.query_row("select count(*) from vectors_rowids", [], |row| row.get(0))?;
            let len = usize::try_from(len)?;
            anyhow::Ok(SqliteVec { path: Some(path.clone()), ..SqliteVec::on(connection, spec, len) })
        };
        open().with_context(|| format!("open the index {}", path.display()))
    }

    /// A vector as it is given to SQLite. `vec_quantize_int8` takes components from -1 to 1, and the cosine
    /// asks for no length: the longest component becomes 1, so that all of i8's range is used.
    fn given<'a>(&self, vector: &'a [f32]) -> Cow<'a, [u8]> {
        if self.storage != Storage::I8 {
            return Cow::Borrowed(bytemuck::cast_slice(vector));
        }
        let most = vector.iter().fold(f32::MIN_POSITIVE, |most, x| most.max(x.abs()));
        Cow::Owned(vector.iter().flat_map(|x| (x / most).to_ne_bytes()).collect())
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // Whoever panicked with the lock left a database that is whole: SQLite's transactions see to it.
        self.connection.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn nearest(&self, sql: &str, query: &[f32], values: &[&dyn ToSql]) -> Result<Vec<Neighbour>> {
        ensure_query(query, self.dim)?;
        let connection = self.connection();
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement
            .query_map(values, |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<f64>>(1)?)))
            .context("search")?;
        let neighbour = |(id, distance): (i64, Option<f64>)| {
            // SQLite has NULL where C has no number: the cosine of a zero vector.
            let distance = distance.unwrap_or(f64::NAN);
            // Its Euclidean distance is the root of ours.
            let distance = if self.distance == Distance::L2 { distance * distance } else { distance };
            Neighbour { id: id as u64, distance: distance as f32 }
        };
        rows.map(|row| Ok(neighbour(row?))).collect()
    }
}

impl Engine for SqliteVec {
    fn len(&self) -> usize {
        self.len
    }

    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        self.nearest(&self.nearest, query, params![self.given(query), k as i64])
    }

    fn search_filtered(&self, query: &[f32], k: usize, allowed: &IdSet) -> Result<Vec<Neighbour>> {
        let ids: Vec<String> = allowed.iter().map(|id| id.to_string()).collect();
        let ids = format!("[{}]", ids.join(","));
        self.nearest(&self.nearest_allowed, query, params![self.given(query), k as i64, ids])
    }

    fn insert(&mut self, ids: &[u64], vectors: &[f32]) -> Result<()> {
        ensure_block(ids, vectors, self.dim)?;
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let value = value(self.storage);
        let mut statement = transaction
            .prepare_cached(&format!("insert into vectors(rowid, embedding) values (?, {value})"))?;
        for (&id, vector) in ids.iter().zip(vectors.chunks_exact(self.dim)) {
            let inserted = statement.execute(params![id as i64, self.given(vector)]);
            inserted.with_context(|| format!("insert the vector {id}"))?;
        }
        drop(statement);
        transaction.commit()?;
        drop(connection);
        self.len += ids.len();
        Ok(())
    }

    fn delete(&mut self, ids: &[u64]) -> Result<()> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let mut statement = transaction.prepare_cached("delete from vectors where rowid = ?")?;
        for &id in ids {
            let removed =
                statement.execute([id as i64]).with_context(|| format!("remove the vector {id}"))?;
            ensure!(removed == 1, "there is no vector {id} to remove");
        }
        drop(statement);
        transaction.commit()?;
        drop(connection);
        self.len -= ids.len();
        Ok(())
    }

    fn exhaustive(&self, query: &[f32], k: usize) -> Result<Option<Vec<Neighbour>>> {
        self.search(query, k).map(Some)
    }

    fn save(&self, folder: &Path) -> Result<()> {
        let path = folder.join(FILE);
        let text = path.to_str().context("SQLite takes a path of UTF-8 only")?;
        let written = self.connection().execute("vacuum into ?", [text]);
        written.map(drop).with_context(|| format!("write the index {}", path.display()))
    }

    fn disk_bytes(&self) -> Option<u64> {
        Some(self.path.as_ref()?.metadata().ok()?.len())
    }

    fn memory_bytes(&self) -> Option<u64> {
        Some(sqlite_memory_used())
    }
}
