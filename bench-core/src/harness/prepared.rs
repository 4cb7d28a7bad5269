//! A prepared body: what runs in phases, what checks its answer, and the facts about both.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::{Phases, WatchedProgram};
use crate::instrument::WatchedServer;

/// A body ready to run, and facts about it.
pub struct Prepared {
    pub(super) body: Box<Body>,
    pub(super) items: Option<u64>,
    pub(super) item: Option<&'static str>,
    pub(super) payload_bytes: Option<u64>,
    pub(super) inputs: BTreeMap<String, String>,
    pub(super) exact_peak: bool,
    pub(super) foreign_heap: Option<String>,
    pub(super) varies: Option<String>,
    pub(super) server: Option<WatchedServer>,
    pub(super) program: Option<WatchedProgram>,
}

/// Runs the phases; what comes back checks the answer.
type Body = dyn FnMut(&mut Phases) -> Box<dyn FnOnce() -> Result<Findings>>;

/// What a check found out beside "right".
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Share of the exact neighbours among the answers, 0 to 1, if there is anything to judge.
    pub recall: Option<f64>,
    /// The recall of a comparison with every code that an index keeps: what the codes lose.
    pub codes_recall: Option<f64>,
    /// The share of what that comparison finds among the answers: what the way through the codes, a graph or
    /// trees, loses.
    pub graph_recall: Option<f64>,
    /// What the recall leaves out because it cannot be judged, and why, if it leaves out anything.
    pub unjudged: Option<String>,
}

impl From<()> for Findings {
    fn from((): ()) -> Findings {
        Findings::default()
    }
}

impl Prepared {
    /// A body and its check. `run` encloses all its work in [`Phases::measure`] and returns the answer; it
    /// can run again and again. `check` looks at the answer outside every phase and says what is wrong with
    /// it; it may come back with [`Findings`] or with nothing.
    pub fn new<A: 'static, F: Into<Findings>>(
        mut run: impl FnMut(&mut Phases) -> A + 'static,
        check: impl Fn(A) -> Result<F> + Clone + 'static,
    ) -> Prepared {
        Prepared::fallible(move |phases| Ok(run(phases)), check)
    }

    /// As [`Prepared::new`], where `run` may fail: then there is no answer that could be wrong.
    pub fn fallible<A: 'static, F: Into<Findings>>(
        mut run: impl FnMut(&mut Phases) -> Result<A> + 'static,
        check: impl Fn(A) -> Result<F> + Clone + 'static,
    ) -> Prepared {
        Prepared {
            body: Box::new(move |phases| {
                let answer = run(phases);
                phases.end_body();
                let check = check.clone();
                Box::new(move || check(answer?).map(F::into).context("wrong answer"))
            }),
            items: None,
            item: None,
            payload_bytes: None,
            inputs: BTreeMap::new(),
            exact_peak: false,
            foreign_heap: None,
            varies: None,
            server: None,
            program: None,
        }
    }

    /// How many items (vectors, documents, queries) one run of the body handles.
    pub fn items(mut self, items: usize) -> Prepared {
        self.items = Some(items as u64);
        self
    }

    /// As [`Prepared::items`], with what one item is, in one word of the singular: "document". The page then
    /// says "per document".
    pub fn items_of(self, item: &'static str, items: usize) -> Prepared {
        Prepared { item: Some(item), ..self.items(items) }
    }

    /// The bytes that the user's data takes by itself, without any structure around it.
    pub fn payload_bytes(mut self, bytes: usize) -> Prepared {
        self.payload_bytes = Some(bytes as u64);
        self
    }

    /// Records the content hash of something read from outside.
    pub fn input(mut self, name: &str, hash: impl ToString) -> Prepared {
        self.inputs.insert(name.into(), hash.to_string());
        self
    }

    /// Says that the body's memory is not seen by a Rust allocator, and why: the evidence then has no heap
    /// counts, which would be near zero and look like the whole. Nothing changes for `None`.
    pub fn foreign_heap(mut self, reason: Option<&str>) -> Prepared {
        self.foreign_heap = reason.map(str::to_string);
        self
    }

    /// Says why counts may differ between equal runs. Nothing changes for `None`.
    pub fn varies(mut self, reason: Option<&str>) -> Prepared {
        self.varies = reason.map(str::to_string).or(self.varies);
        self
    }

    /// Names the server that the body works with: its memory is read beside the client's. Nothing changes for
    /// `None`.
    pub fn server(mut self, server: Option<WatchedServer>) -> Prepared {
        self.server = server;
        self
    }

    /// Names the program that holds the index: its memory is read in place of this process's. Nothing changes
    /// for `None`.
    pub fn program(mut self, program: Option<WatchedProgram>) -> Prepared {
        self.program = program;
        self
    }

    /// Asks for exact peaks with several threads, at the price of a locked instruction per allocation: for
    /// small payloads, whose peak would drown in the slack of the per-thread counters.
    pub fn exact_peak(mut self) -> Prepared {
        self.exact_peak = true;
        self
    }
}
