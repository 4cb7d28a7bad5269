//! What a Qdrant server says that a collection takes: `GET /collections/{name}/memory`, from version 1.18 on.
//!
//! <https://qdrant.tech/documentation/ops-monitoring/memory-usage/>: summed over the cluster, so that one
//! node is asked.

use bench_core::instrument::MetricsPage;
use bench_core::untrusted_json;
use serde::Deserialize;

use super::session::{NodeAddress, api_key};
use crate::server::resolve;

/// The server's figures of a collection, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct MemoryReport {
    /// Of its files.
    pub(super) disk_bytes: u64,
    /// On its heap.
    ram_bytes: u64,
    /// Of its files, in the page cache.
    cached_bytes: u64,
}

impl MemoryReport {
    /// Heap and page cache together: what is resident.
    pub(super) fn resident_bytes(&self) -> u64 {
        self.ram_bytes.saturating_add(self.cached_bytes)
    }
}

#[derive(Deserialize)]
struct Answer {
    result: Breakdown,
}

#[derive(Deserialize)]
struct Breakdown {
    total: MemoryReport,
}

/// Where a node listens for HTTP: the port before that for gRPC. Nothing with TLS, which the reader does not
/// speak, and nothing where the host is not known any more.
pub(super) fn page(place: &NodeAddress) -> Option<MetricsPage> {
    let address = resolve(&place.host, place.port.wrapping_sub(1)).ok()?;
    (!place.is_tls).then_some(MetricsPage { address, header: api_key().map(|key| ("api-key", key)) })
}

/// Asks; nothing where the server does not answer or is too old to know.
pub(super) fn ask(page: &MetricsPage, collection: &str) -> Option<MemoryReport> {
    parse(&page.json(&format!("/collections/{collection}/memory")).ok()?)
}

fn parse(answer: &[u8]) -> Option<MemoryReport> {
    untrusted_json::read::<Answer>(answer).ok().map(|answer| answer.result.total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_whatever_else_there_is() {
        let answer = br#"{"usage":null,"result":{"total":{"disk_bytes":500,"ram_bytes":70,"cached_bytes":300,
            "expected_cache_bytes":400},"vectors":[{"name":"","storage":{"disk_bytes":1}}]},"status":"ok"}"#;
        let report = parse(answer).unwrap();
        assert_eq!((report.disk_bytes, report.resident_bytes()), (500, 370));
        for unknown in
            [&b"{}"[..], br#"{"status":{"error":"Not found"}}"#, br#"{"result":{"total":{}}}"#, b"<html>"]
        {
            assert_eq!(parse(unknown), None);
        }
    }
}
