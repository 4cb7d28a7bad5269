//! What a suite is made of: workloads and their grids of cases.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use super::axis::Axis;
use super::prepared::Prepared;
use crate::case::{CaseId, CaseSpec, Kind, Mode};
use crate::evidence::Scaled;
use crate::inputs::Inputs;

/// The workloads of one crate.
pub struct Suite {
    name: &'static str,
    inputs: Inputs,
    workloads: Vec<(Workload, Box<Prepare>)>,
    notes: Vec<String>,
}

type Prepare = dyn Fn(&Case) -> Result<Prepared>;

impl Suite {
    /// An empty suite.
    pub fn new(name: &'static str, inputs: &Inputs) -> Suite {
        Suite { name, inputs: inputs.clone(), workloads: Vec::new(), notes: Vec::new() }
    }

    /// What the process was given.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Registers a workload. `prepare` does everything that no phase shall pay for (reading data, building
    /// what is searched, starting thread pools) and returns the body. Two registrations may share a name when
    /// their cases differ: grids that are no cross product.
    pub fn add(&mut self, workload: Workload, prepare: impl Fn(&Case) -> Result<Prepared> + 'static) {
        self.workloads.push((workload, Box::new(prepare)));
    }

    /// Says something about the user's inputs that is of use before anything runs: how it was understood,
    /// what of it is not used.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// What was noted, in the order of notes.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Every case of every workload, in the order of registration.
    pub fn cases(&self) -> Vec<CaseSpec> {
        self.workloads.iter().flat_map(|(workload, _)| workload.cases(self.name, &self.inputs)).collect()
    }

    /// Prepares one case. With `scale` (> 1) the value of the workload's size axis is divided by it.
    pub(super) fn prepare(&self, spec: &CaseSpec, scale: u64) -> Result<(Prepared, Option<Scaled>)> {
        let (workload, prepare) = self
            .workloads
            .iter()
            .find(|(workload, _)| {
                workload.cases(self.name, &self.inputs).iter().any(|case| case.id == spec.id)
            })
            .with_context(|| format!("suite {} has no case {}", self.name, spec.id))?;
        let mut case = Case { params: spec.id.params.clone(), inputs: self.inputs.clone() };
        let scaled = if scale > 1 { Some(workload.scale_down(&mut case, scale)?) } else { None };
        // Whoever shows it names the case, so that cases that fail alike have one reason.
        Ok((prepare(&case).context("set-up")?, scaled))
    }
}

/// A workload's name, its axes and its tags: what is known before anything runs.
pub struct Workload {
    name: &'static str,
    about: String,
    axes: Vec<Axis>,
    tags: Vec<&'static str>,
    tagged_values: Vec<TaggedValue>,
    absent_modes: BTreeMap<Mode, String>,
    absent_values: Vec<AbsentValue>,
    servers: Vec<NeededServer>,
    size_axis: Option<&'static str>,
    version: u32,
}

impl Workload {
    /// A workload with one case; `about` says in one sentence what it does.
    pub fn new(name: &'static str, about: impl Into<String>) -> Workload {
        Workload {
            name,
            about: about.into(),
            axes: Vec::new(),
            tags: Vec::new(),
            tagged_values: Vec::new(),
            absent_modes: BTreeMap::new(),
            absent_values: Vec::new(),
            servers: Vec::new(),
            size_axis: None,
            version: 1,
        }
    }

    /// States the version, 1 unless said: raise it when the workload does something else than before, so that
    /// its old numbers are not compared with its new ones.
    pub fn version(mut self, version: u32) -> Workload {
        self.version = version;
        self
    }

    /// Adds an axis: the cases become the cross product with its values. An axis called `allocator` chooses
    /// the global allocator of the process (`system`, `jemalloc`, `mimalloc`).
    pub fn axis(mut self, axis: Axis) -> Workload {
        self.axes.push(axis);
        self
    }

    /// Names the axis that sets the amount of work, so that a case too slow in mode sites can run scaled
    /// down.
    pub fn size_axis(mut self, name: &'static str) -> Workload {
        self.size_axis = Some(name);
        self
    }

    /// Tags all cases.
    pub fn tag(mut self, tag: &'static str) -> Workload {
        self.tags.push(tag);
        self
    }

    /// Says of what kind the cases are.
    pub fn kind(self, kind: Kind) -> Workload {
        self.tag(kind.tag())
    }

    /// Says of what kind the cases are whose `axis` has `value`.
    pub fn kind_for(self, axis: &'static str, value: &str, kind: Kind) -> Workload {
        self.tag_for(axis, value, kind.tag())
    }

    /// Tags the cases whose `axis` has `value`.
    pub fn tag_for(mut self, axis: &'static str, value: &str, tag: &'static str) -> Workload {
        self.tagged_values.push(TaggedValue { axis, value: value.into(), tag });
        self
    }

    /// Says that the cases cannot be measured in `mode`, and why.
    pub fn absent_in(mut self, mode: Mode, reason: &str) -> Workload {
        self.absent_modes.insert(mode, reason.into());
        self
    }

    /// Says that the cases whose `axis` has `value` cannot be measured in `modes`, and why. In [`Mode::ALL`],
    /// it is work that the value (an engine) cannot do: the case is listed with its reason and never runs.
    pub fn absent_for(mut self, axis: &'static str, value: &str, modes: &[Mode], reason: &str) -> Workload {
        let modes = modes.to_vec();
        self.absent_values.push(AbsentValue { axis, value: value.into(), modes, reason: reason.into() });
        self
    }

    /// Says that the cases whose `axis` has `value` need the server of that name: they are tagged `tag`, and
    /// without the server's URL they are absent in every mode, for the reason `how_to_start`.
    pub fn needs_server(
        mut self,
        axis: &'static str,
        value: &str,
        tag: &'static str,
        how_to_start: &'static str,
    ) -> Workload {
        self.servers.push(NeededServer { axis, value: value.into(), how_to_start });
        self.tag_for(axis, value, tag)
    }

    fn cases(&self, suite: &str, inputs: &Inputs) -> Vec<CaseSpec> {
        let mut grid = vec![(Vec::new(), true, false)];
        for axis in &self.axes {
            grid = grid
                .into_iter()
                .flat_map(|(params, quick, slow): (Vec<(String, String)>, bool, bool)| {
                    axis.values.iter().map(move |value| {
                        let mut params = params.clone();
                        params.push((axis.name.to_string(), value.text.clone()));
                        (params, quick && value.quick, slow || value.slow)
                    })
                })
                .collect();
        }
        grid.into_iter().map(|(params, quick, slow)| self.spec(suite, inputs, params, quick, slow)).collect()
    }

    fn spec(
        &self,
        suite: &str,
        inputs: &Inputs,
        params: Vec<(String, String)>,
        quick: bool,
        slow: bool,
    ) -> CaseSpec {
        let id = CaseId { suite: suite.into(), workload: self.name.into(), params };
        let mut tags: Vec<String> = self.tags.iter().map(|tag| tag.to_string()).collect();
        let tagged = self.tagged_values.iter().filter(|it| id.param(it.axis) == Some(&it.value));
        tags.extend(tagged.map(|it| it.tag.to_string()));
        tags.extend(
            [(Kind::Quick, quick && !slow), (Kind::Slow, slow)]
                .iter()
                .filter(|t| t.1)
                .map(|t| t.0.tag().into()),
        );
        let allocator = id.param("allocator").unwrap_or("system").to_string();
        let mut absent_modes = self.absent_modes.clone();
        for absent in self.absent_values.iter().filter(|it| id.param(it.axis) == Some(&it.value)) {
            absent_modes.extend(absent.modes.iter().map(|mode| (*mode, absent.reason.clone())));
        }
        for server in self.servers.iter().filter(|it| id.param(it.axis) == Some(&it.value)) {
            let reason = "the memory is the server's, which mode heap reads";
            absent_modes.insert(Mode::Native, reason.into());
            if inputs.user.servers.get(&server.value).is_none() {
                absent_modes.extend(Mode::ALL.map(|mode| (mode, server.how_to_start.to_string())));
            }
        }
        if allocator != "system" {
            if cfg!(not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))) {
                absent_modes.insert(Mode::Sites, "the dhat crate works on the system allocator only".into());
            }
            let reason = "only the system allocator's functions are interposed";
            absent_modes.insert(Mode::Native, reason.into());
        }
        if cfg!(not(all(target_os = "linux", target_env = "gnu"))) {
            absent_modes.insert(Mode::Native, "malloc is interposed on Linux with glibc only".into());
        }
        let version = Some(self.version);
        CaseSpec { id, about: self.about.clone(), tags, allocator, absent_modes, version }
    }

    fn scale_down(&self, case: &mut Case, scale: u64) -> Result<Scaled> {
        let Some(axis) = self.size_axis else {
            bail!("workload {:?} has no size axis, so it cannot run scaled down", self.name);
        };
        let from = case.count(axis)? as u64;
        let to = (from / scale).max(1);
        ensure!(to < from, "workload {:?}: {axis}={from} cannot be scaled down any further", self.name);
        for (name, value) in &mut case.params {
            if name == axis {
                *value = to.to_string();
            }
        }
        Ok(Scaled { axis: axis.into(), from, to })
    }
}

/// A tag of the cases with one value of an axis.
struct TaggedValue {
    axis: &'static str,
    value: String,
    tag: &'static str,
}

/// A server that the cases with one value of an axis work with; the value is its name.
struct NeededServer {
    axis: &'static str,
    value: String,
    how_to_start: &'static str,
}

/// Modes in which the cases with one value of an axis cannot be measured.
struct AbsentValue {
    axis: &'static str,
    value: String,
    modes: Vec<Mode>,
    reason: String,
}

/// One case as its workload sees it while preparing.
#[derive(Clone, Debug)]
pub struct Case {
    params: Vec<(String, String)>,
    inputs: Inputs,
}

impl Case {
    /// The value of a parameter.
    pub fn text(&self, name: &str) -> Result<&str> {
        let found = self.params.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).with_context(|| format!("the case has no parameter {name:?}"))
    }

    /// The value of a parameter as a count.
    pub fn count(&self, name: &str) -> Result<usize> {
        let text = self.text(name)?;
        text.parse().with_context(|| format!("parameter {name}={text:?} is not a count"))
    }

    /// The value of a parameter as a count, if the case has the parameter.
    pub fn optional_count(&self, name: &str) -> Result<Option<usize>> {
        if self.text(name).is_ok() { self.count(name).map(Some) } else { Ok(None) }
    }

    /// What the process was given.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }
}

#[cfg(test)]
mod tests;
