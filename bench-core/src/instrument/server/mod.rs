//! The memory of a server that the measured process is a client of: PSS of its processes where they run on
//! this machine, and what it says of itself where it says anything.

mod listener;
mod metrics_page;
mod watcher;

use std::net::SocketAddr;

use crate::evidence::{ServerFacts, ServerMemory};
use crate::process_tree::ProcessTree;
use anyhow::Context;

pub use watcher::ServerWatcher;

/// A server that answered, and where its memory can be read.
#[derive(Clone)]
pub struct WatchedServer {
    /// What it says of itself: name and version.
    pub version: String,
    /// Its nodes; at least one.
    pub nodes: Vec<Node>,
}

/// One node of a server.
#[derive(Clone)]
pub struct Node {
    /// The name of its process, as `/proc/PID/comm` has it.
    pub process: &'static str,
    /// Where it is connected to.
    pub address: SocketAddr,
    /// The process, where the user named it; otherwise that which listens on the port.
    pub pid: Option<u32>,
    /// The flag by which the user names it.
    pub pid_flag: &'static str,
    /// Its page of metrics, if it has one.
    pub metrics: Option<MetricsPage>,
}

impl Node {
    /// A process that is no server: it listens nowhere, and its number is known.
    pub fn of_process(pid: u32) -> Node {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Node { process: "", address, pid: Some(pid), pid_flag: "", metrics: None }
    }
}

/// Where a server says in Prometheus' text format what its allocator holds.
#[derive(Clone)]
pub struct MetricsPage {
    /// Where it listens for HTTP, without TLS.
    pub address: SocketAddr,
    /// A header that lets the reader in, name and value.
    pub header: Option<(&'static str, String)>,
}

/// Reads the memory of a server again and again.
struct ServerProbe {
    nodes: Vec<NodeProbe>,
    facts: ServerFacts,
}

struct NodeProbe {
    /// The processes, or why there are none.
    processes: Result<ProcessTree, String>,
    metrics: Option<MetricsPage>,
}

impl ServerProbe {
    fn new(server: WatchedServer) -> ServerProbe {
        let facts = ServerFacts {
            version: server.version,
            nodes: server.nodes.len() as u64,
            no_processes: None,
            no_figures: None,
        };
        let probe = |node: Node| NodeProbe { processes: processes(&node), metrics: node.metrics };
        ServerProbe { nodes: server.nodes.into_iter().map(probe).collect(), facts }
    }

    /// All nodes together. What cannot be read is absent, and the facts say why.
    fn read(&mut self) -> ServerMemory {
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for node in &mut self.nodes {
            let tree = node.processes.as_mut().map_err(|why| why.clone());
            let processes = tree.and_then(|tree| pss(tree).map_err(|error| error.to_string()));
            let figures = match &node.metrics {
                Some(page) => metrics_page::read(page),
                None => Err("the server has no page of metrics".into()),
            };
            let processes = noted(processes, &mut self.facts.no_processes);
            nodes.push(noted(figures, &mut self.facts.no_figures).beside(processes));
        }
        nodes.into_iter().reduce(ServerMemory::plus).unwrap_or_default()
    }
}

impl ServerMemory {
    /// Figures of the server's own with those of its processes.
    fn beside(self, processes: ServerMemory) -> ServerMemory {
        let ServerMemory { allocated_bytes, active_bytes, resident_bytes, .. } = self;
        ServerMemory { allocated_bytes, active_bytes, resident_bytes, ..processes }
    }
}

/// What was read, or nothing and the first reason why.
fn noted(read: Result<ServerMemory, String>, reason: &mut Option<String>) -> ServerMemory {
    read.unwrap_or_else(|why| {
        reason.get_or_insert(why);
        ServerMemory::default()
    })
}

/// Pss of all processes of a node.
fn pss(processes: &mut ProcessTree) -> anyhow::Result<ServerMemory> {
    processes.find_descendants()?;
    processes.statuses().context("the server's process has ended")?;
    processes.pss()
}

/// The processes of a node.
fn processes(node: &Node) -> Result<ProcessTree, String> {
    let (process, port) = (node.process, node.address.port());
    let fix = format!("name the server's process with {}", node.pid_flag);
    let root = match node.pid {
        Some(pid) => Ok(pid),
        None if !node.address.ip().is_loopback() => {
            Err(format!("{} is another machine; if it is this one, {fix}", node.address.ip()))
        }
        None => listener::pid(port, process).map_err(|why| format!("{why}; {fix}")),
    };
    root.and_then(|pid| ProcessTree::open(pid).map_err(|error| error.to_string()))
}
