//! Where a server of the user is.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use crate::server_url::ServerUrl;

/// The nodes of one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerAddress {
    /// The URL of each node.
    pub urls: Vec<ServerUrl>,
    /// The process of each node, or none at all where the user named none.
    pub pids: Vec<u32>,
}

impl ServerAddress {
    /// Reads `ENGINE=URL` and `ENGINE=PID`, one for each node: every server by the name of its engine.
    pub(super) fn of_flags(urls: &[String], pids: &[String]) -> Result<BTreeMap<String, ServerAddress>> {
        let mut servers: BTreeMap<String, ServerAddress> = BTreeMap::new();
        for flag in urls {
            // The flag may hold a password, so no error shows it.
            let (name, url) = flag.split_once('=').context("a server is not given as ENGINE=URL")?;
            let url = url.parse::<ServerUrl>().with_context(|| format!("the URL of {name}"))?;
            servers.entry(name.into()).or_default().urls.push(url);
        }
        for flag in pids {
            let (name, pid) = flag.split_once('=').context("a process is not given as ENGINE=PID")?;
            let server =
                servers.get_mut(name).with_context(|| format!("a process of {name} without its URL"))?;
            server.pids.push(pid.parse().with_context(|| format!("{flag:?} names no process"))?);
        }
        for (name, ServerAddress { urls, pids }) in &servers {
            let (needed, given) = (urls.len(), pids.len());
            ensure!(
                given == 0 || given == needed,
                "{given} processes of {name} for {needed} URLs: name one for each"
            );
        }
        Ok(servers)
    }

    /// Each node's URL with its process, where the user named it.
    pub fn nodes(&self) -> impl Iterator<Item = (&ServerUrl, Option<u32>)> {
        self.urls.iter().enumerate().map(|(index, url)| (url, self.pids.get(index).copied()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(urls: &[&str], pids: &[&str]) -> Result<BTreeMap<String, ServerAddress>> {
        let strings = |flags: &[&str]| flags.iter().map(|flag| flag.to_string()).collect::<Vec<_>>();
        ServerAddress::of_flags(&strings(urls), &strings(pids))
    }

    #[test]
    fn nodes_have_a_url_and_perhaps_a_process() {
        let servers =
            read(&["a=http://x:1", "b=postgres://u:p=,w@h/d", "a=http://y:2"], &["a=7", "a=8"]).unwrap();
        let nodes: Vec<_> = servers["a"].nodes().map(|(url, pid)| (url.to_string(), pid)).collect();
        assert_eq!(nodes, [("http://x:1".into(), Some(7)), ("http://y:2".into(), Some(8))]);
        let [(url, pid)] = servers["b"].nodes().collect::<Vec<_>>().try_into().unwrap();
        assert_eq!((url.with_secrets().as_str(), pid), ("postgres://u:p=,w@h/d", None));
    }

    #[test]
    fn wrong_flags_are_refused_without_their_secrets() {
        for (urls, pids, reason) in [
            (&["postgres:secret"][..], &[][..], "not given as ENGINE=URL"),
            (&["a=http://x:secret"], &[], "the URL of a: what stands behind the host's colon is no port"),
            (&["a=http://x:secret@h"], &["b=1"], "a process of b without its URL"),
            (&["a=http://x:secret@h"], &["a=1", "a=2"], "2 processes of a for 1 URLs"),
            (&["a=http://x:secret@h"], &["a=first"], "\"a=first\" names no process"),
        ] {
            let error = format!("{:#}", read(urls, pids).unwrap_err());
            assert!(error.contains(reason) && !error.contains("secret"), "{error}");
        }
    }
}
