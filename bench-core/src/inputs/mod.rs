//! What a user gives to be measured on: declared once, for the user's command line and for that of a suite's
//! process.

mod engine_programs;
mod index_grid;
mod servers;
mod url_parser;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;

pub use engine_programs::{Ability, BuildParameter, EngineProgram, EngineRow, ProgramAbilities};
pub use index_grid::IndexGrid;
pub use servers::{ServerAddress, Servers};
pub use url_parser::UrlParser;

/// The value of `--dataset` that means no file: the token table of the embedding model.
pub const MINILM_TOKENS: &str = "minilm-tokens";

/// What the user gives for all cases: data, documents, a model, servers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct UserInputs {
    /// Also measure on the vectors in this file (.fvecs, .bvecs, .fbin, .u8bin, .i8bin, .npy, .hdf5, .h5,
    /// .parquet, .safetensors), or on the token table of the model of --model: minilm-tokens
    #[arg(long, value_name = "FILE")]
    pub dataset: Option<PathBuf>,
    /// The column of vectors in a .parquet file, or the tensor in a .safetensors file, with several; also of
    /// --queries, if it has that one
    #[arg(long, value_name = "NAME", requires = "dataset")]
    pub column: Option<String>,
    /// The data set's distance: l2, ip or cosine [default: what the file says, otherwise l2]
    #[arg(long, value_name = "NAME", requires = "dataset")]
    pub distance: Option<String>,
    /// Queries for the data set, in a file of one of its formats [default: the file's own, otherwise its last
    /// vectors]
    #[arg(long, value_name = "FILE", requires = "dataset")]
    pub queries: Option<PathBuf>,
    /// The queries' exact neighbours among all vectors (.ivecs, .ibin, .bin, .hdf5, .h5, .parquet) [default:
    /// the file's own, otherwise computed once]
    #[arg(long, value_name = "FILE", requires = "dataset")]
    pub neighbours: Option<PathBuf>,
    /// Also measure on the documents in this folder: text, Markdown, reStructuredText, source code
    #[arg(long, value_name = "DIR")]
    pub corpus: Option<PathBuf>,
    /// Folder of the embedding model all-MiniLM-L6-v2; needs --features minilm, unless it is for --dataset
    /// minilm-tokens [default: from the Hugging Face hub]
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// Also measure this program as the engine NAME: it speaks the protocol of docs/external-engines.md
    #[arg(long = "engine-program", value_name = "NAME=COMMAND")]
    pub engine_programs: Vec<EngineProgram>,
    /// Also measure these engines of engines.toml, or `all`; -e NAME and -t field name them, too
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub external: Vec<String>,
    /// Also build indexes of the corpus with these parameters, one case for each combination: dim, n, m,
    /// ef_construction, batch, threads, reserve, storage, as in dim=768,m=32,n=1000+2000
    #[arg(long, value_name = "PARAMETERS")]
    pub index: Option<IndexGrid>,
    /// Servers, each by the name of its engine.
    #[command(flatten)]
    pub servers: Servers,
}

/// All that a suite's process is given: what the user gave, and what whoever starts the process adds.
#[derive(Clone, Debug, Default, Args)]
pub struct Inputs {
    /// What the user gave.
    #[command(flatten)]
    pub user: UserInputs,
    /// Crates whose files are the built-in text: one line per crate, `name<TAB>version<TAB>folder`
    #[arg(long, value_name = "FILE")]
    pub crate_list: Option<PathBuf>,
    /// Engines that are programs, rows of engines.toml: a JSON list of them
    #[arg(long, value_name = "FILE")]
    pub engine_list: Option<PathBuf>,
    /// The process is killed when its RSS goes above, in bytes
    #[arg(long, value_name = "BYTES")]
    pub memory_limit: Option<u64>,
    /// Folder that keeps computed neighbours and embeddings for the next process
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
}

impl UserInputs {
    /// The files and folders that were given, each with its flag.
    pub fn paths(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let UserInputs { dataset, queries, neighbours, corpus, model, .. } = self;
        given([
            ("--dataset", dataset),
            ("--queries", queries),
            ("--neighbours", neighbours),
            ("--corpus", corpus),
            ("--model", model),
        ])
    }

    /// The words that say the same on a command line. URLs are whole, with their secrets.
    fn words(&self) -> impl Iterator<Item = OsString> {
        let texts = [("--column", &self.column), ("--distance", &self.distance)];
        let texts = texts.into_iter().filter_map(|(flag, text)| Some(word(flag, text.as_deref()?)));
        let paths = self.paths().map(|(flag, path)| word(flag, path));
        let programs = self.engine_programs.iter().map(|it| word("--engine-program", it.value()));
        let external = self.external.iter().map(|name| word("--external", name));
        let index = self.index.as_ref().map(|index| word("--index", index.to_string()));
        let words = paths.chain(texts).chain(programs).chain(external).chain(index);
        words.chain(self.servers.words())
    }
}

impl Inputs {
    /// The words that give a process the same inputs. URLs are whole, with their secrets.
    pub fn words(&self) -> Vec<OsString> {
        let Inputs { user, crate_list, engine_list, memory_limit, cache } = self;
        let paths = given([("--crate-list", crate_list), ("--engine-list", engine_list), ("--cache", cache)]);
        let paths = paths.map(|(flag, path)| word(flag, path));
        let limit = memory_limit.map(|bytes| word("--memory-limit", bytes.to_string()));
        user.words().chain(paths).chain(limit).collect()
    }
}

impl From<UserInputs> for Inputs {
    fn from(user: UserInputs) -> Inputs {
        Inputs { user, ..Inputs::default() }
    }
}

fn given<'a, const N: usize>(
    paths: [(&'static str, &'a Option<PathBuf>); N],
) -> impl Iterator<Item = (&'static str, &'a Path)> {
    paths.into_iter().filter_map(|(flag, path)| Some((flag, path.as_deref()?)))
}

/// `--flag=value`, which also holds for a value that begins with a dash.
fn word(flag: &str, value: impl Into<OsString>) -> OsString {
    let mut word = OsString::from(format!("{flag}="));
    word.push(value.into());
    word
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Child {
        #[command(flatten)]
        inputs: Inputs,
    }

    #[test]
    fn every_flag_reaches_the_child_with_its_value() {
        let given = [
            "child",
            "--dataset=/d.npy",
            "--queries=/q.npy",
            "--neighbours=/n.ivecs",
            "--corpus=/docs",
            "--model=/m",
            "--column=-a",
            "--distance=cosine",
            "--engine-program=a=python3 a.py",
            "--engine-program=b=b --c=d",
            "--external=faiss-flat",
            "--index=dim=768,n=1000+2000",
            "--pgvector=postgres://u:p,w@h/d",
            "--pgvector-pid=7",
            "--qdrant=http://a:1",
            "--qdrant=http://b:2",
            "--qdrant-pid=3",
            "--qdrant-pid=4",
            "--crate-list=/c.tsv",
            "--engine-list=/e.json",
            "--cache=/cache",
            "--memory-limit=1024",
        ];
        let child = Child::try_parse_from(given).unwrap();
        assert_eq!(child.inputs.words(), given[1..]);
        for argument in Child::command().get_arguments().filter_map(|argument| argument.get_long()) {
            let flag = format!("--{argument}=");
            assert!(given.iter().any(|word| word.starts_with(&flag)), "{flag} is not part of this test");
        }
        assert!(Child::try_parse_from(["child"]).unwrap().inputs.words().is_empty());
    }

    #[test]
    fn what_belongs_to_a_data_set_needs_one() {
        for flag in ["--column", "--distance", "--queries", "--neighbours"] {
            let error = Child::try_parse_from(["child", flag, "x"]).unwrap_err().to_string();
            assert!(error.contains("--dataset <FILE>"), "{error}");
        }
    }
}
