//! A program that holds an index: started for a case, and asked over its standard input and output by the
//! protocol of docs/external-engines.md.

mod npy;
mod process;
pub(crate) mod protocol;

use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bench_core::case::Mode;
use bench_core::harness::{Ability, EngineRow, ProgramAbilities, WatchedProgram};
use bench_core::preload::{PreloadFolder, library_of_this_program};
use bench_core::program::MODE_VARIABLE;
use tempfile::TempDir;

use crate::vectors::Vectors;
use process::Process;
use protocol::{Done, Hello, PROTOCOL, Request};

/// An engine that is a program: how it is started, and what it can do.
pub struct ExternalEngine {
    row: EngineRow,
    abilities: ProgramAbilities,
}

/// How long a program may take to greet: it loads its libraries meanwhile, from a disk perhaps.
const GREETING: Duration = Duration::from_secs(60);

/// The variables by which libraries are told how many threads to use.
const THREAD_VARIABLES: [&str; 6] = [
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "TBB_NUM_THREADS",
];

/// Starts the program and asks who it is.
fn greet(
    row: &EngineRow,
    threads: usize,
    counts: Option<&PreloadFolder>,
    at_most: Duration,
) -> Result<(Process, Hello)> {
    if let Some(reason) = &row.unavailable {
        anyhow::bail!("{reason}");
    }
    let (program, arguments) =
        row.command.split_first().with_context(|| format!("the engine {} has no command", row.name))?;
    let in_folder = row.programs.as_ref().map(|folder| folder.join(program)).filter(|path| path.is_file());
    let mut command = match in_folder {
        Some(path) => Command::new(path),
        None => Command::new(program),
    };
    command.args(arguments);
    command.envs(THREAD_VARIABLES.map(|name| (name, threads.to_string())));
    // What a library prints must not wait in a buffer behind an answer, and hashes must not differ.
    command.env("PYTHONUNBUFFERED", "1").env("PYTHONHASHSEED", "0").env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some(counts) = counts {
        command.envs(counts.environment());
    }
    let mut process = Process::start(&row.name, command)?;
    let hello: Hello = process.ask(&Request::Hello { protocol: PROTOCOL, threads }, Some(at_most))?;
    ensure!(
        hello.protocol == PROTOCOL,
        "the program of the engine {} speaks protocol {}, and this build protocol {PROTOCOL} \
         (docs/external-engines.md)",
        row.name,
        hello.protocol
    );
    Ok((process, hello))
}

/// Where a program's memory is counted, or why it is not: nothing is when time is measured.
fn counting_folder() -> Result<PreloadFolder, String> {
    if std::env::var(MODE_VARIABLE).is_ok_and(|mode| mode == Mode::Time.name()) {
        return Err("nothing is counted while time is measured".into());
    }
    let folder = library_of_this_program().and_then(|library| PreloadFolder::create(&library));
    folder.map_err(|error| format!("{error:#}"))
}

impl ExternalEngine {
    /// The engine of a row; one that does not say what it can do is asked.
    ///
    /// # Errors
    /// As [`ExternalEngine::start`], where it is asked.
    pub(crate) fn new(row: EngineRow) -> Result<ExternalEngine> {
        let abilities = match &row.abilities {
            Some(abilities) => abilities.clone(),
            None => greet(&row, 1, None, GREETING)?.1.abilities,
        };
        Ok(ExternalEngine { row, abilities })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.row.name
    }

    /// What it can do.
    pub fn abilities(&self) -> &ProgramAbilities {
        &self.abilities
    }

    /// Why it cannot be started, if it cannot.
    pub fn unavailable(&self) -> Option<&str> {
        self.row.unavailable.as_deref()
    }

    /// Starts the program for a case that uses so many threads. It has greeted when this is back.
    ///
    /// # Errors
    /// When it is not there, does not greet in time, speaks another protocol, or can do something else than
    /// its row says.
    pub fn start(&self, threads: usize) -> Result<Arc<Program>> {
        let counts = counting_folder();
        let (process, hello) = greet(&self.row, threads, counts.as_ref().ok(), GREETING)?;
        let (says, is_listed) = (hello.abilities.sorted(), self.abilities.clone().sorted());
        ensure!(
            says == is_listed,
            "the program of the engine {} says that it can do {says:?}, and its row {is_listed:?}",
            self.row.name
        );
        let folder = tempfile::tempdir().context("make a folder for the vectors")?;
        let conversation = Conversation { process, staged: Vec::new(), next_block: 0, folder };
        Ok(Arc::new(Program {
            version: hello.version,
            counts: counts.map(|folder| Arc::new(Mutex::new(folder))),
            saves: self.abilities.can.contains(&Ability::Save),
            pid: conversation.process.pid(),
            conversation: Mutex::new(conversation),
        }))
    }
}

/// A program that holds the index of a case; it holds one at a time.
pub struct Program {
    version: String,
    counts: Result<Arc<Mutex<PreloadFolder>>, String>,
    pub(crate) saves: bool,
    pid: u32,
    conversation: Mutex<Conversation>,
}

/// What is said to the program, one request at a time.
pub(crate) struct Conversation {
    process: Process,
    /// What it has read already; a block's number is its own.
    staged: Vec<(u64, Arc<Vectors>)>,
    next_block: u64,
    /// Where vectors lie until it has read them.
    folder: TempDir,
}

/// Rows of a block that the program has read.
pub(crate) struct Rows {
    /// The number of the block.
    pub(crate) block: u64,
    /// The first row.
    pub(crate) from: usize,
    /// Whether it is to forget the block once they are used.
    is_for_once: bool,
}

impl Program {
    /// Has the program read vectors before they are worked with, so that no phase pays for it. They are known
    /// by where they lie in memory, so that no workload has to number them.
    ///
    /// # Errors
    /// When they cannot be written to a file, or the program cannot read it.
    pub fn stage(&self, vectors: &Arc<Vectors>) -> Result<()> {
        let mut conversation = self.conversation();
        let is_staged = conversation.staged.iter().any(|(_, other)| Arc::ptr_eq(other, vectors));
        if !is_staged {
            let block = conversation.load(vectors.dim(), vectors.data())?;
            conversation.staged.push((block, Arc::clone(vectors)));
        }
        Ok(())
    }

    /// The program as its memory is read.
    pub fn watched(self: &Arc<Program>) -> WatchedProgram {
        let program = Arc::clone(self);
        let settle = move || program.conversation().ask::<Done>(&Request::Settle).map(drop);
        WatchedProgram {
            version: self.version.clone(),
            pid: self.pid,
            counts: self.counts.clone(),
            settle: Arc::new(settle),
        }
    }

    /// What it says of its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Waits for its turn to ask.
    pub(crate) fn conversation(&self) -> MutexGuard<'_, Conversation> {
        // Whoever panicked with it left a program that says by itself whether it can go on.
        self.conversation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Conversation {
    /// Asks, and waits for the answer.
    pub(crate) fn ask<T: serde::de::DeserializeOwned>(&mut self, request: &Request<'_>) -> Result<T> {
        // The case's time limit ends a program that does not answer.
        self.process.ask(request, None)
    }

    /// Has the program read rows from a file; what comes back is the block's number.
    fn load(&mut self, dim: usize, data: &[f32]) -> Result<u64> {
        let block = self.next_block;
        self.next_block += 1;
        let file = self.folder.path().join(format!("{block}.npy"));
        npy::write(&file, dim, data)?;
        self.ask::<Done>(&Request::Load { block, file: &file })?;
        std::fs::remove_file(&file).with_context(|| format!("remove {}", file.display()))?;
        Ok(block)
    }

    /// Where the program finds rows: in what was staged, or in a block of their own.
    pub(crate) fn rows(&mut self, dim: usize, data: &[f32]) -> Result<Rows> {
        let wanted = data.as_ptr_range();
        let found = self.staged.iter().find_map(|(block, vectors)| {
            let all = vectors.data().as_ptr_range();
            let is_within = vectors.dim() == dim && all.start <= wanted.start && wanted.end <= all.end;
            let bytes = wanted.start.addr().checked_sub(all.start.addr()).filter(|_| is_within)?;
            Some(Rows { block: *block, from: bytes / size_of::<f32>() / dim, is_for_once: false })
        });
        match found {
            Some(rows) => Ok(rows),
            None => Ok(Rows { block: self.load(dim, data)?, from: 0, is_for_once: true }),
        }
    }

    /// Has the program forget rows that were read for one request.
    pub(crate) fn end_use(&mut self, rows: &Rows) -> Result<()> {
        if rows.is_for_once {
            self.ask::<Done>(&Request::Unload { block: rows.block })?;
        }
        Ok(())
    }
}
