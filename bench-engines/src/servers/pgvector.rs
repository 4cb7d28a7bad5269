//! The engine `pgvector`: HNSW in PostgreSQL, over TCP. A table of its own for each index, dropped with it.
//!
//! Rows are copied in, then the graph is built, as pgvector recommends. Searches go through the graph
//! whatever the planner thinks of a small table (`enable_seqscan = off`), and look further when a filter or
//! deleted rows leave too few (`hnsw.iterative_scan = strict_order`); under a filter the planner may sort
//! what the primary key finds instead. The table is kept from autovacuum, which would come at a time of its
//! own: what a deletion leaves behind stays.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bench_core::harness::ServerAddress;
use bench_core::instrument::{Node, WatchedServer};
use bench_core::run::FailureKind;
use bench_core::server_url::ServerUrl;
use pgvector::Vector;
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::config::Host;
use postgres::types::{ToSql, Type};
use postgres::{Client as Connection, Config, NoTls, Row, Statement};

use super::connections::Connections;
use crate::adapter::{Adapter, Capabilities, HeapVisibility, IndexSpec, no_saved_index};
use crate::block::{ensure_block, ensure_query};
use crate::distance::Distance;
use crate::engine::{Client, Engine, Neighbour};
use crate::id_set::IdSet;
use crate::server::{Server, ServerKind, resolve, unique_name};
use crate::storage::Storage;
use crate::vectors::Vectors;

pub(crate) const ADAPTER: Adapter = Adapter {
    name: "pgvector",
    package: Some("pgvector"),
    capabilities: Capabilities {
        distances: &Distance::ALL,
        largest_dim: Some(2000),
        exact: false,
        delete: true,
        update: true,
        filter: true,
        labels: false,
        threads: true,
        storages: &[Storage::F32],
        placements: &[],
        exact_distances: true,
    },
    parameters: &["m", "ef_construction", "ef", "batch"],
    heap: HeapVisibility::Server(&SERVER),
    varies: Some("the server draws the levels of its graph at random"),
    cosine_of: (0.0, f32::MAX),
    build: |spec, vectors| build(spec, vectors),
    open: no_saved_index,
};

static SERVER: ServerKind = ServerKind {
    tag: "requires_pgvector",
    how_to_start: "no PostgreSQL with pgvector was named: start one with `.ci/pgvector start`, or with `docker run --rm -e \
                   POSTGRES_HOST_AUTH_METHOD=trust -p 127.0.0.1:5432:5432 pgvector/pgvector:pg17`, and name it: --pgvector \
                   postgres://postgres@127.0.0.1:5432/postgres",
    meet,
};

const DEFAULT_PORT: u16 = 5432;
const CONNECTING: Duration = Duration::from_secs(5);
/// A statement of any phase is far shorter; the largest builds are not.
const STATEMENT_MS: u32 = 600_000;
/// The first version with iterative scans.
const OLDEST: (u32, u32) = (0, 8);

/// Where and how to connect.
fn config(url: &ServerUrl) -> Result<Config> {
    // The parser's own error may repeat parts of the URL.
    let Ok(mut config) = url.with_secrets().parse::<Config>() else {
        bail!("{url} is a malformed URL of PostgreSQL")
    };
    let (host, port) = place(&config)?;
    config.hostaddr(resolve(&host, port)?.ip());
    if let (None, Some(password)) = (config.get_password(), std::env::var_os("PGPASSWORD")) {
        config.password(password.as_encoded_bytes());
    }
    config.connect_timeout(CONNECTING).application_name("bench");
    Ok(config)
}

fn place(config: &Config) -> Result<(String, u16)> {
    let port = config.get_ports().first().copied().unwrap_or(DEFAULT_PORT);
    match config.get_hosts() {
        [Host::Tcp(host)] => Ok((host.clone(), port)),
        _ => bail!("the URL must name one host"),
    }
}

/// Connects, makes the extension, asks for the versions.
fn meet(address: &ServerAddress) -> Result<WatchedServer> {
    let Some((url, pid)) = address.nodes().next().filter(|_| address.urls.len() == 1) else {
        bail!("pgvector is one server, so --pgvector takes one URL");
    };
    let config = config(url)?;
    let mut connection = config.connect(NoTls)?;
    let made = connection.batch_execute("create extension if not exists vector");
    made.context("make the extension vector: the server needs pgvector, and the user the right to make it")?;
    let version = |row: Row| row.try_get::<_, String>(0);
    let server = version(connection.query_one("show server_version", &[])?)?;
    let asked = "select extversion from pg_extension where extname = 'vector'";
    let extension = version(connection.query_one(asked, &[])?)?;
    ensure!(
        parsed(&extension) >= Some(OLDEST),
        "pgvector {extension} is too old: 0.8 or newer can scan iteratively"
    );
    let (host, port) = place(&config)?;
    Ok(WatchedServer {
        version: format!("PostgreSQL {server}, pgvector {extension}"),
        nodes: vec![Node {
            process: "postgres",
            address: resolve(&host, port)?,
            pid,
            pid_flag: "--pgvector-pid",
            metrics: None,
        }],
    })
}

fn parsed(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

/// What all connections of an index know.
struct PgTable {
    config: Config,
    url: ServerUrl,
    name: String,
    dim: usize,
    distance: Distance,
    ef: usize,
}

/// The operator of a distance, and the class of operators that an index of it needs.
fn operator(distance: Distance) -> (&'static str, &'static str) {
    match distance {
        Distance::L2 => ("<->", "vector_l2_ops"),
        Distance::InnerProduct => ("<#>", "vector_ip_ops"),
        Distance::Cosine => ("<=>", "vector_cosine_ops"),
    }
}

impl PgTable {
    fn connect(&self) -> Result<Connection> {
        let mut connection = self
            .config
            .connect(NoTls)
            .context(FailureKind::Server)
            .with_context(|| format!("connect to {}", self.url))?;
        connection
            .batch_execute(&format!(
                "set statement_timeout = {STATEMENT_MS}; set enable_seqscan = off; set hnsw.ef_search = {}; \
                 set hnsw.iterative_scan = strict_order; set max_parallel_maintenance_workers = 0",
                self.ef
            ))
            .context("set up a session")?;
        Ok(connection)
    }

    fn remove(&self, connection: &mut Connection) -> Result<()> {
        let statement = format!("set statement_timeout = '5s'; drop table if exists {}", self.name);
        connection.batch_execute(&statement).context("drop the table")
    }
}

/// A connection and the statements that it has prepared so far.
struct PgSession {
    connection: Connection,
    table: Arc<PgTable>,
    nearest: Option<Statement>,
    nearest_allowed: Option<Statement>,
}

impl PgSession {
    fn open(table: &Arc<PgTable>) -> Result<PgSession> {
        let connection = table.connect()?;
        Ok(PgSession { connection, table: Arc::clone(table), nearest: None, nearest_allowed: None })
    }

    fn nearest(&mut self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        ensure_query(query, self.table.dim)?;
        let statement = prepared(&mut self.nearest, &mut self.connection, &self.table, "")?;
        let query = Vector::from(query.to_vec());
        let rows = self.connection.query(&statement, &[&query, &(k as i64)]);
        let rows = rows.context(FailureKind::Server).context("search")?;
        self.table.neighbours(&rows)
    }

    fn nearest_allowed(&mut self, query: &[f32], k: usize, allowed: &IdSet) -> Result<Vec<Neighbour>> {
        ensure_query(query, self.table.dim)?;
        let filter = "where id = any($3)";
        let statement = prepared(&mut self.nearest_allowed, &mut self.connection, &self.table, filter)?;
        let query = Vector::from(query.to_vec());
        let allowed: Vec<i64> = allowed.iter().map(|id| id as i64).collect();
        let values: [&(dyn ToSql + Sync); 3] = [&query, &(k as i64), &allowed];
        let rows = self.connection.query(&statement, &values);
        let rows = rows.context(FailureKind::Server).context("search under a filter")?;
        self.table.neighbours(&rows)
    }

    fn copy(&mut self, ids: &[u64], vectors: &[f32]) -> Result<()> {
        let name = &self.table.name;
        let of_vectors = self.connection.prepare(&format!("select embedding from {name}"))?;
        let types = [Type::INT8, of_vectors.columns()[0].type_().clone()];
        let sink =
            self.connection.copy_in(&format!("copy {name} (id, embedding) from stdin (format binary)"))?;
        let mut writer = BinaryCopyInWriter::new(sink, &types);
        for (&id, vector) in ids.iter().zip(vectors.chunks_exact(self.table.dim)) {
            writer.write(&[&(id as i64), &Vector::from(vector.to_vec())])?;
        }
        let copied = writer.finish()?;
        ensure!(copied == ids.len() as u64, "{copied} of {} vectors were copied", ids.len());
        Ok(())
    }
}

fn prepared(
    known: &mut Option<Statement>,
    connection: &mut Connection,
    table: &PgTable,
    filter: &str,
) -> Result<Statement> {
    if let Some(statement) = known {
        return Ok(statement.clone());
    }
    let (operator, _) = operator(table.distance);
    let sql = format!(
        "select id, embedding {operator} $1 from {} {filter} order by embedding {operator} $1 limit $2",
        table.name
    );
    Ok(known.insert(connection.prepare(&sql).context("prepare a search")?).clone())
}

impl PgTable {
    fn neighbours(&self, rows: &[Row]) -> Result<Vec<Neighbour>> {
        let neighbour = |row: &Row| -> Result<Neighbour> {
            let (id, distance): (i64, f64) = (row.try_get(0)?, row.try_get(1)?);
            let distance = match self.distance {
                // Its Euclidean distance is the root of ours.
                Distance::L2 => distance * distance,
                // Its own is the negative dot product.
                Distance::InnerProduct => 1.0 + distance,
                Distance::Cosine => distance,
            };
            Ok(Neighbour { id: id as u64, distance: distance as f32 })
        };
        rows.iter().map(neighbour).collect()
    }
}

impl Client for PgSession {
    fn search(&mut self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        self.nearest(query, k)
    }
}

struct PgVector {
    sessions: Connections<PgSession>,
    table: Arc<PgTable>,
    len: usize,
}

fn build(spec: &IndexSpec, vectors: &Vectors) -> Result<Box<dyn Engine>> {
    let mut engine = PgVector::new(spec)?;
    ensure!(spec.batch > 0, "a batch holds at least one vector");
    let mut first = 0;
    for block in vectors.data().chunks(spec.batch * spec.dim) {
        let next = first + (block.len() / spec.dim) as u64;
        engine.insert(&(first..next).collect::<Vec<u64>>(), block)?;
        first = next;
    }
    let (_, operators) = operator(spec.distance);
    let graph = format!(
        "create index on {} using hnsw (embedding {operators}) with (m = {}, ef_construction = {}); analyze {0}",
        engine.table.name, spec.m, spec.ef_construction
    );
    engine
        .sessions
        .take()
        .connection
        .batch_execute(&graph)
        .context(FailureKind::Server)
        .context("build the graph")?;
    Ok(Box::new(engine))
}

impl PgVector {
    /// Connects and makes the table.
    fn new(spec: &IndexSpec) -> Result<PgVector> {
        let server: &Server =
            spec.server.as_ref().context("pgvector is a server: name it with --pgvector URL")?;
        let url = server.address.urls.first().context("no URL")?.clone();
        let table = Arc::new(PgTable {
            config: config(&url)?,
            url,
            name: unique_name(),
            dim: spec.dim,
            distance: spec.distance,
            ef: spec.ef,
        });
        let sessions = Connections::open(spec.threads, || PgSession::open(&table))?;
        // From here on it is dropped, whatever happens.
        let engine = PgVector { sessions, table, len: 0 };
        let table = format!(
            "create table {} (id bigint primary key, embedding vector({}) not null) with (autovacuum_enabled = false)",
            engine.table.name, spec.dim
        );
        engine.sessions.take().connection.batch_execute(&table).context("make the table")?;
        Ok(engine)
    }
}

impl Drop for PgVector {
    fn drop(&mut self) {
        let removed = self.table.remove(&mut self.sessions.take().connection);
        // A connection that broke in the middle of something is no use any more; another one may be.
        let removed = removed.or_else(|_| self.table.remove(&mut self.table.connect()?));
        if let Err(error) = removed {
            eprintln!("note: the table {} is left behind at {} ({error:#})", self.table.name, self.table.url);
        }
    }
}

impl Engine for PgVector {
    fn len(&self) -> usize {
        self.len
    }

    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        self.sessions.take().nearest(query, k)
    }

    fn search_filtered(&self, query: &[f32], k: usize, allowed: &IdSet) -> Result<Vec<Neighbour>> {
        self.sessions.take().nearest_allowed(query, k, allowed)
    }

    fn insert(&mut self, ids: &[u64], vectors: &[f32]) -> Result<()> {
        ensure_block(ids, vectors, self.table.dim)?;
        self.sessions
            .take()
            .copy(ids, vectors)
            .context(FailureKind::Server)
            .context("copy vectors into the table")?;
        self.len += ids.len();
        Ok(())
    }

    fn delete(&mut self, ids: &[u64]) -> Result<()> {
        let sql = format!("delete from {} where id = any($1)", self.table.name);
        let ids: Vec<i64> = ids.iter().map(|id| *id as i64).collect();
        let deleted = self.sessions.take().connection.execute(&sql, &[&ids]);
        let deleted = deleted.context(FailureKind::Server).context("delete vectors")?;
        self.len -= deleted as usize;
        ensure!(deleted == ids.len() as u64, "{deleted} of {} vectors were there to remove", ids.len());
        Ok(())
    }

    fn connect(&self) -> Result<Box<dyn Client>> {
        Ok(Box::new(PgSession::open(&self.table)?))
    }

    /// Table, indexes, and what lies beside them (TOAST, free space map); not the log.
    fn disk_bytes(&self) -> Option<u64> {
        let sql = "select pg_total_relation_size($1::text::regclass)";
        let row = self.sessions.take().connection.query_one(sql, &[&self.table.name]).ok()?;
        u64::try_from(row.try_get::<_, i64>(0).ok()?).ok()
    }
}
