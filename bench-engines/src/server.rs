//! Engines that are servers: found by their URL, asked for their version before anything is measured.

use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bench_core::harness::ServerAddress;
use bench_core::instrument::WatchedServer;
use bench_core::run::FailureKind;

/// What the harness has to know of a kind of server.
pub struct ServerKind {
    /// The tag of cases that need it.
    pub tag: &'static str,
    /// What a case that lacks it says.
    pub how_to_start: &'static str,
    /// Asks the nodes for their version. Nobody else waits for it longer than 8 s.
    pub meet: fn(&ServerAddress) -> Result<WatchedServer>,
}

/// A server that answered.
#[derive(Clone)]
pub struct Server {
    /// Where the user said it is.
    pub address: ServerAddress,
    /// What it said of itself, and where its memory can be read.
    pub watched: WatchedServer,
}

/// As long as a server may take to say its version.
const MEETING: Duration = Duration::from_secs(8);

impl ServerKind {
    /// Meets the server, so that one that does not answer fails its cases at once and with its URL.
    ///
    /// # Errors
    /// When it does not answer in time, refuses, or is too old.
    pub fn meet(&self, address: &ServerAddress) -> Result<Server> {
        let urls: Vec<String> = address.urls.iter().map(ToString::to_string).collect();
        let urls = urls.join(", ");
        let (sender, answer) = mpsc::channel();
        let (meet, asked) = (self.meet, address.clone());
        // On a thread, because a server that accepts and then says nothing would hold up its client for ever.
        std::thread::Builder::new()
            .name("server-meeting".into())
            .spawn(move || sender.send(meet(&asked)))
            .context("start a thread")?;
        let watched = answer
            .recv_timeout(MEETING)
            .map_err(|_| anyhow!("it did not answer within {} s", MEETING.as_secs()))
            .flatten()
            .context(FailureKind::NoServer)
            .with_context(|| format!("no server to measure at {urls}"))?;
        Ok(Server { address: address.clone(), watched })
    }
}

/// The first address of a host, looked up before anything is measured: a client that does it starts a thread
/// for it.
///
/// # Errors
/// When the host is unknown.
#[cfg(any(feature = "pgvector", feature = "qdrant"))]
pub(crate) fn resolve(host: &str, port: u16) -> Result<std::net::SocketAddr> {
    use std::net::ToSocketAddrs;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut found = (host, port).to_socket_addrs().with_context(|| format!("look up the host {host}"))?;
    found.next().with_context(|| format!("the host {host} has no address"))
}

/// A name that no other process uses: `bench_`, the process, and a number.
#[cfg(any(feature = "pgvector", feature = "qdrant"))]
pub(crate) fn unique_name() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("bench_{}_{}", std::process::id(), now.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(meet: fn(&ServerAddress) -> Result<WatchedServer>) -> ServerKind {
        ServerKind { tag: "requires_test", how_to_start: "start it", meet }
    }

    #[test]
    fn who_does_not_answer_is_named_without_secrets() {
        let address = ServerAddress {
            urls: vec!["test://me:secret@host:1".parse().unwrap(), "test://host:2".parse().unwrap()],
            ..ServerAddress::default()
        };
        for (meet, reason) in [
            ((|_: &ServerAddress| anyhow::bail!("refused")) as fn(&ServerAddress) -> _, "refused"),
            (|_| std::panic::panic_any(()), "did not answer"),
        ] {
            let error = format!("{:#}", kind(meet).meet(&address).err().unwrap());
            assert!(error.starts_with("no server to measure at test://...@host:1, test://host:2"), "{error}");
            assert!(error.contains(reason) && !error.contains("secret"), "{error}");
        }
    }

    #[cfg(any(feature = "pgvector", feature = "qdrant"))]
    #[test]
    fn hosts_are_looked_up_with_and_without_brackets() {
        assert_eq!(resolve("127.0.0.1", 5).unwrap(), "127.0.0.1:5".parse().unwrap());
        assert_eq!(resolve("[::1]", 5).unwrap(), "[::1]:5".parse().unwrap());
        assert!(resolve("no such host", 5).is_err());
    }
}
