//! What becomes of a case that misbehaves? One case per way of going wrong, for the tests of whoever runs
//! cases.

use std::hint::black_box;

use anyhow::{Context, Result, ensure};
use bench_core::case::Kind;
use bench_core::harness::{Axis, Case, Phases, Prepared, Suite, Workload};

/// Prepares one way of going wrong.
type PrepareFault = fn() -> Result<Prepared>;

/// `leak` is the one that `cargo xtask leaks` has to find in every check; `drip` is the same to whoever names
/// it, as a loop that nobody expects to leak.
const KINDS: [(&str, PrepareFault); 13] = [
    ("panic", || misbehaving(|| panic!("the fault workload panics, as it was asked to"))),
    ("abort", || misbehaving(|| std::process::abort())),
    ("hang", || misbehaving(hang)),
    ("memory", || misbehaving(hoard)),
    ("stdout", || misbehaving(print)),
    ("wrong_answer", || misbehaving(|| RIGHT + 1)),
    ("exit", || misbehaving(|| std::process::exit(7))),
    ("no_evidence", || misbehaving(|| std::process::exit(0))),
    ("leak", || Ok(leak())),
    ("drip", || Ok(leak())),
    ("grows", grows),
    ("touches", touches),
    ("moves", moves),
];

/// The hidden switch of the kinds `grows`, `touches` and `moves`: by how many thousandths they take more than
/// they should, or have on the heap instead of in a file.
const GROWTH: &str = "BENCH_FAULT_GROWTH";

pub(crate) fn add(suite: &mut Suite) {
    let workload = Workload::new("fault", "goes wrong on purpose, in the way that its parameter names")
        .axis(Axis::new("kind", KINDS.map(|(kind, _)| kind)))
        .kind_for("kind", "drip", Kind::Loop)
        .kind(Kind::Fault);
    suite.add(workload, prepare);
}

fn prepare(case: &Case) -> Result<Prepared> {
    let kind = case.text("kind")?;
    let (_, prepare) = KINDS
        .iter()
        .find(|(known, _)| *known == kind)
        .with_context(|| format!("fault has no kind {kind:?}"))?;
    prepare()
}

fn print() -> u64 {
    println!("the fault workload prints to stdout, as it was asked to");
    RIGHT
}

fn misbehaving(misbehave: fn() -> u64) -> Result<Prepared> {
    let run = move |phases: &mut Phases| phases.measure("misbehave", misbehave);
    let check = |answer| {
        ensure!(answer == RIGHT, "the answer is {answer} instead of {RIGHT}");
        Ok(())
    };
    Ok(Prepared::new(run, check))
}

/// 1,000 blocks of 64 KiB, all resident at once; and one more for each thousandth of [`GROWTH`]: a regression
/// whose size is known, for the tests of comparisons.
fn grows() -> Result<Prepared> {
    let blocks = 1000 + growth()?;
    let run = move |phases: &mut Phases| {
        phases
            .measure("grow", || -> Vec<Vec<u8>> { (0..blocks).map(|_| black_box(vec![1; BLOCK])).collect() })
    };
    Ok(Prepared::new(run, |_: Vec<Vec<u8>>| Ok(())).items(1000))
}

/// One allocation, always the same, of which 1,000 blocks of 64 KiB become resident, and one more for each
/// thousandth of [`GROWTH`]: only RSS tells, which is noisy.
fn touches() -> Result<Prepared> {
    let bytes = (1000 + growth()?) * BLOCK;
    let run = move |phases: &mut Phases| {
        phases.measure("touch", || {
            let mut room: Vec<u8> = black_box(Vec::with_capacity(2000 * BLOCK));
            room.resize(bytes, 1);
            room
        })
    };
    Ok(Prepared::new(run, |_: Vec<u8>| Ok(())).items(1000))
}

/// 1,000 blocks of 64 KiB that are resident in a mapped file; for each thousandth of [`GROWTH`] one of them
/// lies on the heap instead. RSS stays the same, but what the kernel could take back must stay now.
#[cfg(unix)]
fn moves() -> Result<Prepared> {
    use std::io::Write;

    use bench_core::instrument::FileMapping;

    let on_heap = growth()?;
    ensure!(on_heap < 1000, "{GROWTH}={on_heap} leaves nothing in the file");
    let mut file = tempfile::tempfile().context("make a temporary file")?;
    (0..1000).try_for_each(|_| file.write_all(&[1; BLOCK])).context("fill a temporary file")?;
    let run = move |phases: &mut Phases| {
        phases.measure("load", || -> Result<(FileMapping, Vec<Vec<u8>>)> {
            let mapped = FileMapping::new(&file, (1000 - on_heap) * BLOCK).context("map a temporary file")?;
            black_box(mapped.touch());
            Ok((mapped, (0..on_heap).map(|_| black_box(vec![1; BLOCK])).collect()))
        })
    };
    Ok(Prepared::new(run, |loaded: Result<(FileMapping, Vec<Vec<u8>>)>| loaded.map(drop)).items(1000))
}

#[cfg(not(unix))]
fn moves() -> Result<Prepared> {
    bail!("the fault that moves memory out of a mapped file needs mmap")
}

/// What [`GROWTH`] says.
fn growth() -> Result<usize> {
    match std::env::var(GROWTH) {
        Ok(text) => text.parse().with_context(|| format!("{GROWTH}={text} is no count of thousandths")),
        Err(_) => Ok(0),
    }
}

/// A loop that leaves 8 bytes behind in each of 100 iterations: `cargo xtask leaks` has to call it a leak.
fn leak() -> Prepared {
    let run = |phases: &mut Phases| {
        phases.iterate("misbehave", 100, |iteration| {
            std::mem::forget(black_box(Box::new(iteration as u64)));
            Ok(())
        })
    };
    Prepared::new(run, |outcome: Result<()>| outcome).items(100)
}

const RIGHT: u64 = 42;
const BLOCK: usize = 64 << 10;

fn hang() -> u64 {
    loop {
        std::thread::park();
    }
}

/// Takes and touches 16 MiB at a time until a memory limit stops it. Where there is none, it gives up at 4
/// GiB, with a wrong answer, before it takes the machine down.
fn hoard() -> u64 {
    const STEP: usize = 16 << 20;
    let hoard: Vec<Vec<u8>> = (0..256).map(|_| black_box(vec![1; STEP])).collect();
    hoard.len() as u64 + RIGHT
}
