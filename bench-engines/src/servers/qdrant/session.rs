//! A connection to a node of Qdrant: where it is, how it is asked, how its optimiser is waited for.

use std::time::{Duration, Instant};

use ::qdrant_client::qdrant::{CollectionStatus, Filter, QueryPointsBuilder, SearchParamsBuilder};
use ::qdrant_client::{Qdrant as GrpcClient, QdrantError};
use anyhow::{Context, Result, bail, ensure};
use bench_core::run::FailureKind;
use bench_core::server_url::ServerUrl;
use tokio::runtime::{Builder, Runtime};

use super::Collection;
use crate::block::ensure_query;
use crate::engine::Neighbour;
use crate::server::resolve;

/// Qdrant's port for gRPC; that for HTTP, with the page of metrics, is the one before.
pub(super) const GRPC_PORT: u16 = 6334;
const CONNECTING: Duration = Duration::from_secs(5);
const REQUEST: Duration = Duration::from_secs(60);
/// As long as the server may take to index what it was given.
const INDEXING: Duration = Duration::from_secs(90);
/// How often it is asked whether it has.
const POLL: Duration = Duration::from_millis(20);
/// A collection that has just been changed is green until the optimiser looks at it: it must stay so.
const GREEN_FOR: Duration = Duration::from_millis(200);
/// Green for so long, the optimiser is done: it leaves small segments as they are, one or more on each node.
const SETTLED_FOR: Duration = Duration::from_secs(5);
/// The variable with the key that lets the client in.
const API_KEY: &str = "QDRANT_API_KEY";

/// A node as its client needs it.
#[derive(Clone)]
pub(super) struct NodeAddress {
    /// Without what may be secret: errors of the client repeat it.
    pub(super) url: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_tls: bool,
}

/// The node that a URL names.
pub(super) fn place(url: &ServerUrl) -> Result<NodeAddress> {
    let (host, port) = (url.host(), url.port().unwrap_or(GRPC_PORT));
    let is_tls = url.scheme() == "https";
    // A client that looks up a name starts a thread for it; with TLS the name is part of the handshake.
    let address = if is_tls { url.authority(GRPC_PORT) } else { resolve(host, port)?.to_string() };
    Ok(NodeAddress { url: format!("{}://{address}", url.scheme()), host: host.into(), port, is_tls })
}

/// The key, if the environment has one.
pub(super) fn api_key() -> Option<String> {
    std::env::var(API_KEY).ok().filter(|key| !key.is_empty())
}

/// A connection: a client and the runtime that it works on, both its caller's.
pub(super) struct QdrantSession {
    // Before the runtime, on which its connection lives.
    pub(super) client: GrpcClient,
    runtime: Runtime,
}

impl QdrantSession {
    /// Connects, and waits until the server answers.
    pub(super) fn open(place: &NodeAddress) -> Result<QdrantSession> {
        let runtime = Builder::new_current_thread().enable_all().build().context("start a runtime")?;
        let mut config = GrpcClient::from_url(&place.url)
            .timeout(REQUEST)
            .connect_timeout(CONNECTING)
            .api_key(api_key())
            .skip_compatibility_check();
        config.set_pool_size(1);
        let client = config.build().with_context(|| format!("connect to {}", place.url))?;
        let session = QdrantSession { client, runtime };
        session.wait(session.client.health_check()).with_context(|| format!("connect to {}", place.url))?;
        Ok(session)
    }

    /// Waits for an answer.
    pub(super) fn wait<T>(&self, request: impl Future<Output = Result<T, QdrantError>>) -> Result<T> {
        self.runtime.block_on(request).context(FailureKind::Server)
    }

    pub(super) fn nearest(
        &self,
        collection: &Collection,
        query: &[f32],
        k: usize,
        filter: Option<Filter>,
    ) -> Result<Vec<Neighbour>> {
        ensure_query(query, collection.dim)?;
        let mut request = QueryPointsBuilder::new(&collection.name)
            .query(query.to_vec())
            .limit(k as u64)
            .params(SearchParamsBuilder::default().hnsw_ef(collection.ef as u64))
            .with_payload(false);
        if let Some(filter) = filter {
            request = request.filter(filter);
        }
        let found = self.wait(self.client.query(request)).context("search")?;
        found.result.iter().map(|point| collection.neighbour(point)).collect()
    }

    /// Waits until nothing is left to optimise, and so many vectors are indexed, or as many as the optimiser
    /// ever does.
    pub(super) fn wait_until_green(&self, collection: &Collection, indexed: usize) -> Result<()> {
        let begun = Instant::now();
        let mut green_since = None;
        loop {
            let info =
                self.wait(self.client.collection_info(&collection.name)).context("ask for its state")?;
            let info = info.result.context("the server says nothing of the collection")?;
            let status = info.status();
            ensure!(status != CollectionStatus::Red, "the collection is red: {:?}", info.optimizer_status);
            let count = info.indexed_vectors_count.unwrap_or(0);
            if status == CollectionStatus::Green {
                let green_for = green_since.get_or_insert_with(Instant::now).elapsed();
                let enough = count >= indexed as u64;
                if green_for >= if enough { GREEN_FOR } else { SETTLED_FOR } && (enough || count > 0) {
                    return Ok(());
                }
            } else {
                green_since = None;
            }
            if begun.elapsed() > INDEXING {
                bail!("after {} s it is {status:?} and {count} vectors are indexed", INDEXING.as_secs());
            }
            std::thread::sleep(POLL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_node_without_its_secrets() {
        for (given, url, port) in [
            ("http://127.0.0.1:6334", "http://127.0.0.1:6334", 6334),
            ("http://127.0.0.1", "http://127.0.0.1:6334", 6334),
            ("http://key:secret@127.0.0.1:7001/", "http://127.0.0.1:7001", 7001),
            ("https://[::1]:6334", "https://[::1]:6334", 6334),
            ("http://[::1]:6334", "http://[::1]:6334", 6334),
            ("http://[::1]", "http://[::1]:6334", 6334),
            ("https://cluster.example:6334?secret", "https://cluster.example:6334", 6334),
        ] {
            let place = place(&given.parse().unwrap()).unwrap();
            assert_eq!((place.url.as_str(), place.port), (url, port), "{given}");
            assert_eq!(place.is_tls, given.starts_with("https"));
        }
    }
}
