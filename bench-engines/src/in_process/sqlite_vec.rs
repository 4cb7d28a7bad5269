//! The engine `sqlite-vec`: a virtual table of SQLite, in memory, searched from end to end. Exact.
//!
//! Its memory is what SQLite counts of itself, the whole process's: page cache, tables and statements.

use std::sync::{Mutex, MutexGuard};

use anyhow::{Context, Result, bail, ensure};
use rusqlite::{Connection, ToSql, params};

use crate::adapter::{Adapter, Capabilities, HeapVisibility, IndexSpec};
use crate::block::{ensure_block, ensure_query, insert_rows};
use crate::distance::Distance;
use crate::engine::{Engine, Neighbour};
use crate::foreign_storage::{register_sqlite_vec, sqlite_memory_used};
use crate::id_set::IdSet;

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
        quantisation: true,
        persistence: true,
        exact_distances: true,
    },
    parameters: &["batch"],
    heap: HeapVisibility::Foreign("SQLite is C: it allocates with malloc"),
    varies: None,
    cosine_of: (0.0, f32::MAX),
    build: |spec, vectors| insert_rows(SqliteVec::new(spec)?, vectors, spec.batch),
};

const NEAREST: &str =
    "select rowid, distance from vectors where embedding match ? and k = ? order by distance";
/// The ids come as a JSON array: SQLite has no other list among its values.
const NEAREST_ALLOWED: &str = "select rowid, distance from vectors where embedding match ? and k = ? \
                               and rowid in (select value from json_each(?)) order by distance";

struct SqliteVec {
    connection: Mutex<Connection>,
    dim: usize,
    distance: Distance,
    len: usize,
}

impl SqliteVec {
    fn new(spec: &IndexSpec) -> Result<SqliteVec> {
        register_sqlite_vec()?;
        let metric = match spec.distance {
            Distance::L2 => "l2",
            Distance::Cosine => "cosine",
            Distance::InnerProduct => bail!("sqlite-vec has no inner product; use cosine or L2"),
        };
        let connection = Connection::open_in_memory().context("open a database in memory")?;
        let table = format!(
            "create virtual table vectors using vec0(embedding float[{}] distance_metric={metric})",
            spec.dim
        );
        connection.execute_batch(&table).context("make the table of vectors")?;
        Ok(SqliteVec { connection: Mutex::new(connection), dim: spec.dim, distance: spec.distance, len: 0 })
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
        self.nearest(NEAREST, query, params![bytemuck::cast_slice::<f32, u8>(query), k as i64])
    }

    fn search_filtered(&self, query: &[f32], k: usize, allowed: &IdSet) -> Result<Vec<Neighbour>> {
        let ids: Vec<String> = allowed.iter().map(|id| id.to_string()).collect();
        let ids = format!("[{}]", ids.join(","));
        self.nearest(NEAREST_ALLOWED, query, params![bytemuck::cast_slice::<f32, u8>(query), k as i64, ids])
    }

    fn insert(&mut self, ids: &[u64], vectors: &[f32]) -> Result<()> {
        ensure_block(ids, vectors, self.dim)?;
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let mut statement =
            transaction.prepare_cached("insert into vectors(rowid, embedding) values (?, ?)")?;
        for (&id, vector) in ids.iter().zip(vectors.chunks_exact(self.dim)) {
            let inserted = statement.execute(params![id as i64, bytemuck::cast_slice::<f32, u8>(vector)]);
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

    fn memory_bytes(&self) -> Option<u64> {
        Some(sqlite_memory_used())
    }
}
