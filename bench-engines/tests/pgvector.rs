//! pgvector against a real PostgreSQL (PGVECTOR_URL; `.ci/pgvector start` prints one), and its client against
//! servers that misbehave, which need none.
#![cfg(feature = "pgvector")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bench_core::harness::ServerAddress;
use bench_engines::{Distance, IndexSpec, Server, Vectors, build, find};
use postgres::{Client, NoTls};

const DIM: usize = 16;

fn meet(url: &str) -> anyhow::Result<Server> {
    let address = ServerAddress { urls: vec![url.parse().unwrap()], pids: Vec::new() };
    find("pgvector").unwrap().server().unwrap().meet(&address)
}

fn spec(server: Server) -> IndexSpec {
    IndexSpec { server: Some(Arc::new(server)), batch: 100, ..IndexSpec::new(DIM, Distance::L2) }
}

fn vectors(n: usize) -> Vectors {
    Vectors::new(DIM, (0..n * DIM).map(|i| (i * 7919 % 1009) as f32).collect()).unwrap()
}

/// The real server, if the environment names one.
fn url() -> Option<String> {
    let url = std::env::var("PGVECTOR_URL").ok();
    if url.is_none() {
        println!("skipped: no PostgreSQL with pgvector; set PGVECTOR_URL");
    }
    url
}

/// The tables of this process.
fn tables(url: &str) -> Vec<String> {
    let mut client = Client::connect(url, NoTls).unwrap();
    let like = format!("bench\\_{}\\_%", std::process::id());
    let rows = client.query("select tablename from pg_tables where tablename like $1", &[&like]).unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// How the server would search the table, as the engine asks it to.
fn plan(url: &str, table: &str) -> String {
    let mut client = Client::connect(url, NoTls).unwrap();
    client.batch_execute("set enable_seqscan = off").unwrap();
    let query = format!("[{}]", ["0"; DIM].join(","));
    let sql = format!("explain select id from {table} order by embedding <-> '{query}' limit 1");
    let lines = client.query(&sql, &[]).unwrap();
    lines.iter().map(|row| row.get::<_, String>(0)).collect()
}

/// All in one test: it looks at the tables of the whole process.
#[test]
fn a_table_is_dropped_whatever_happens() {
    let Some(url) = url() else { return };
    let server = meet(&url).unwrap();
    assert!(server.watched.version.starts_with("PostgreSQL "), "{}", server.watched.version);
    let index = build("pgvector", &spec(server.clone()), &vectors(300)).unwrap();
    assert_eq!(tables(&url).len(), 1);

    let mut client = index.connect().unwrap();
    assert_eq!(client.search(vectors(300).row(7), 1).unwrap()[0].id, 7);
    let disk_bytes = index.disk_bytes().unwrap();
    assert!(disk_bytes > 2 * 300 * DIM as u64 * 4, "{disk_bytes}: in the table, and in the graph");
    assert!(disk_bytes < 10 << 20, "{disk_bytes}");
    let plan = plan(&url, &tables(&url)[0]);
    assert!(plan.contains("Index Scan using bench_") && plan.contains("embedding_idx"), "{plan}");
    drop(client);
    drop(index);
    assert_eq!(tables(&url), [""; 0], "after it was dropped");

    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _index = build("pgvector", &spec(server.clone()), &vectors(300)).unwrap();
        panic!("in the middle of a phase");
    }));
    assert!(panicked.is_err());
    assert_eq!(tables(&url), [""; 0], "after a panic");

    // m is at most 100: the rows are there when the server refuses.
    let refused = build("pgvector", &IndexSpec { m: 1000, ..spec(server.clone()) }, &vectors(300));
    assert!(format!("{:#}", refused.err().unwrap()).contains("build the graph"));
    assert_eq!(tables(&url), [""; 0], "after a refusal");

    let proxy = Proxy::start(&server, 40_000);
    let dying = meet(&proxy.url).unwrap();
    let error = build("pgvector", &spec(dying), &vectors(5000)).err().expect("its server died");
    assert!(format!("{error:#}").contains("copy vectors into the table"), "{error:#}");
    assert_eq!(tables(&url), [""; 0], "after the connection broke in the middle of a batch");
}

/// Stands between client and server, and dies in the middle of a connection's batch: after so many bytes of
/// the client's.
struct Proxy {
    url: String,
}

impl Proxy {
    fn start(server: &Server, dies_after: usize) -> Proxy {
        let target = server.watched.nodes[0].address;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let given = server.address.urls[0].with_secrets();
        let url = given.replace(&format!(":{}/", target.port()), &format!(":{port}/"));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(target).unwrap());
                let (back, answers) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || forward(answers, back, usize::MAX));
                std::thread::spawn(move || forward(client, server, dies_after));
            }
        });
        Proxy { url }
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, dies_after: usize) {
    let passed = AtomicUsize::new(0);
    let mut buffer = [0; 1024];
    while let Ok(length) = from.read(&mut buffer) {
        let whole = passed.fetch_add(length, Ordering::Relaxed) + length;
        if length == 0 || whole > dies_after || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(std::net::Shutdown::Both);
    let _ = to.shutdown(std::net::Shutdown::Both);
}

#[test]
fn a_wrong_password_is_refused_and_shown_nowhere() {
    let Some(url) = url() else { return };
    let mut client = Client::connect(&url, NoTls).unwrap();
    client
        .batch_execute("drop role if exists bench_guarded; create role bench_guarded login password 'right'")
        .unwrap();
    let node = meet(&url).unwrap().watched.nodes[0].address;
    match meet(&format!("postgres://bench_guarded:wrong-secret@{node}/postgres")) {
        // It has no right to make the extension, which is there already.
        Ok(_) => println!("skipped: this server trusts everybody; `.ci/pgvector start` one that does not"),
        Err(error) => {
            let error = format!("{error:#}");
            assert!(
                error.contains("password authentication failed") && error.contains("bench_guarded@"),
                "{error}"
            );
            assert!(!error.contains("wrong-secret"), "{error}");
        }
    }
    client.batch_execute("drop role bench_guarded").unwrap();
}

#[test]
fn what_is_no_server_is_named_at_once_and_without_its_password() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hasty = TcpListener::bind("127.0.0.1:0").unwrap();
    let hasty_at = hasty.local_addr().unwrap();
    std::thread::spawn(move || hasty.incoming().for_each(drop));
    for (url, reason) in [
        (format!("postgres://me:secret@{closed}/db"), "Connection refused"),
        (format!("postgres://me:secret@{hasty_at}/db"), "connection closed|Connection reset"),
        (format!("http://me:secret@{closed}/"), "malformed"),
        ("postgres://me:secret@no-such-host.invalid/db".into(), "look up the host no-such-host.invalid"),
        ("postgres://me:secret@h/db?nosuch=secret".into(), "malformed"),
    ] {
        let begun = Instant::now();
        let error = format!("{:#}", meet(&url).err().unwrap());
        assert!(
            error.starts_with("no server to measure at ")
                && reason.split('|').any(|reason| error.contains(reason)),
            "{error}"
        );
        assert!(!error.contains("secret"), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{url} took {:?}", begun.elapsed());
    }
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://me@{}/db", mute.local_addr().unwrap());
    let begun = Instant::now();
    let error = format!("{:#}", meet(&url).err().unwrap());
    assert!(error.contains("did not answer within 8 s") && error.contains(&url), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(30));
}
