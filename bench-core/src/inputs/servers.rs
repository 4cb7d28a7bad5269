//! The user's servers: their flags, one row per engine, and where each server is.

use std::collections::BTreeMap;
use std::ffi::OsString;

use anyhow::{Result, bail, ensure};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};

use super::url_parser::UrlParser;
use super::word;
use crate::server_url::ServerUrl;

/// The flags of an engine that is a server: `--NAME URL` and `--NAME-pid PID`.
struct ServerFlag {
    /// The engine's name.
    name: &'static str,
    pid: &'static str,
    url: UrlParser,
    /// Whether it may have several nodes, which are given as several URLs.
    is_cluster: bool,
    help: &'static str,
    pid_help: &'static str,
}

/// Every engine that is a server.
const SERVERS: [ServerFlag; 2] = [
    ServerFlag {
        name: "pgvector",
        pid: "pgvector-pid",
        url: UrlParser {
            example: "postgres://postgres@127.0.0.1:5432/postgres",
            schemes: &["postgres", "postgresql"],
            check: |_| Ok(()),
        },
        is_cluster: false,
        help: "Also measure this PostgreSQL with pgvector: postgres://USER@HOST:PORT/DATABASE; a password may stand in \
               PGPASSWORD",
        pid_help: "Its first process, where it cannot be found by its port (a container, another user)",
    },
    ServerFlag {
        name: "qdrant",
        pid: "qdrant-pid",
        url: UrlParser {
            example: "http://127.0.0.1:6334",
            schemes: &["http", "https"],
            check: qdrant_is_asked_by_grpc,
        },
        is_cluster: true,
        help: "Also measure this Qdrant, by its port for gRPC: http://HOST:6334, of a cluster all nodes; needs --features \
               qdrant (two minutes of CPU more to build). Put its key into QDRANT_API_KEY",
        pid_help: "Its process, one for each URL, if it cannot be found by its port",
    },
];

/// gRPC knows neither users nor paths.
fn qdrant_is_asked_by_grpc(url: &ServerUrl) -> Result<()> {
    ensure!(url.credentials().is_none(), "Qdrant knows no user: its key goes into QDRANT_API_KEY");
    match url.path_and_query().as_str() {
        "" | "/" => Ok(()),
        _ => bail!("nothing stands behind host and port of a node"),
    }
}

/// The nodes of one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerAddress {
    /// The URL of each node.
    pub urls: Vec<ServerUrl>,
    /// The process of each node, or none at all where the user named none.
    pub pids: Vec<u32>,
}

impl ServerAddress {
    /// Each node's URL with its process, where the user named it.
    pub fn nodes(&self) -> impl Iterator<Item = (&ServerUrl, Option<u32>)> {
        self.urls.iter().enumerate().map(|(index, url)| (url, self.pids.get(index).copied()))
    }
}

/// The servers that the user gave, each by the name of its engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Servers(BTreeMap<String, ServerAddress>);

impl Servers {
    /// The server of the engine of this name, if the user gave one.
    pub fn get(&self, engine: &str) -> Option<&ServerAddress> {
        self.0.get(engine)
    }

    /// The names of their engines.
    pub fn engines(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The words that say the same on a command line, with all secrets.
    pub(super) fn words(&self) -> impl Iterator<Item = OsString> {
        self.0.iter().flat_map(|(engine, ServerAddress { urls, pids })| {
            let urls = urls.iter().map(move |url| word(&format!("--{engine}"), url.with_secrets()));
            urls.chain(pids.iter().map(move |pid| word(&format!("--{engine}-pid"), pid.to_string())))
        })
    }
}

impl FromIterator<(String, ServerAddress)> for Servers {
    fn from_iter<I: IntoIterator<Item = (String, ServerAddress)>>(servers: I) -> Servers {
        Servers(servers.into_iter().collect())
    }
}

impl FromArgMatches for Servers {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Servers, Error> {
        let mut servers = Servers::default();
        for server in &SERVERS {
            let urls: Vec<ServerUrl> = matches.get_many(server.name).into_iter().flatten().cloned().collect();
            let pids: Vec<u32> = matches.get_many(server.pid).into_iter().flatten().copied().collect();
            let (needed, given) = (urls.len(), pids.len());
            if given != 0 && given != needed {
                let text =
                    format!("{given} processes of {} for {needed} URLs: name one for each\n", server.name);
                return Err(Error::raw(ErrorKind::WrongNumberOfValues, text));
            }
            if needed > 0 {
                servers.0.insert(server.name.into(), ServerAddress { urls, pids });
            }
        }
        Ok(servers)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.extend(Servers::from_arg_matches(matches)?.0);
        Ok(())
    }
}

impl Args for Servers {
    fn augment_args(command: Command) -> Command {
        SERVERS.iter().fold(command, |command, server| {
            let several = |argument: Arg| match server.is_cluster {
                true => argument.action(ArgAction::Append).value_delimiter(','),
                false => argument.action(ArgAction::Set),
            };
            let url = Arg::new(server.name).long(server.name).value_name("URL").help(server.help);
            let pid = Arg::new(server.pid).long(server.pid).value_name("PID").help(server.pid_help);
            command
                .arg(several(url.value_parser(server.url)))
                .arg(several(pid.value_parser(value_parser!(u32)).requires(server.name)))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Servers::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct CommandLine {
        #[command(flatten)]
        servers: Servers,
    }

    fn read(line: &str) -> Result<Servers, Error> {
        let words = ["x"].into_iter().chain(line.split_whitespace());
        Ok(CommandLine::try_parse_from(words)?.servers)
    }

    #[test]
    fn nodes_have_a_url_and_perhaps_a_process() {
        let line =
            "--qdrant http://x:1 --pgvector postgres://u:p=,w@h/d --qdrant http://y:2 --qdrant-pid 7,8";
        let servers = read(line).unwrap();
        assert_eq!(servers.engines().collect::<Vec<_>>(), ["pgvector", "qdrant"]);
        let qdrant = servers.get("qdrant").unwrap();
        let nodes: Vec<_> = qdrant.nodes().map(|(url, pid)| (url.to_string(), pid)).collect();
        assert_eq!(nodes, [("http://x:1".into(), Some(7)), ("http://y:2".into(), Some(8))]);
        let [(url, pid)] = servers.get("pgvector").unwrap().nodes().collect::<Vec<_>>().try_into().unwrap();
        assert_eq!((url.with_secrets().as_str(), pid), ("postgres://u:p=,w@h/d", None));
        assert_eq!(read("").unwrap(), Servers::default());
    }

    #[test]
    fn wrong_flags_are_refused_without_their_secrets() {
        for (line, reason) in [
            ("--qdrant-pid 1", "--qdrant <URL>"),
            ("--pgvector postgres://u:secret@h/d --pgvector-pid first", "invalid value 'first'"),
            (
                "--qdrant http://a:1,http://b:2 --qdrant-pid 1",
                "1 processes of qdrant for 2 URLs: name one for each",
            ),
            ("--pgvector postgresql://u:secret@h/db?sslmode=disable", ""),
            ("--pgvector host=h;password=secret", "no scheme"),
            ("--pgvector http://u:secret@h/db", "such as postgres://"),
            ("--qdrant https://h:6334/", ""),
            ("--qdrant http://secret@h:6334", "QDRANT_API_KEY"),
            ("--qdrant http://h:6334/secret", "nothing stands behind host and port"),
            ("--qdrant http://h:6334?secret", "nothing stands behind host and port"),
            ("--qdrant grpc://h:6334", "such as http://127.0.0.1:6334"),
        ] {
            let error = read(line).err().map(|error| error.to_string());
            assert_eq!(error.is_none(), reason.is_empty(), "{line}: {error:?}");
            let error = error.unwrap_or_default();
            assert!(error.contains(reason) && !error.contains("secret"), "{line}: {error}");
        }
    }
}
