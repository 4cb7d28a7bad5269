//! What watching costs: `cargo bench -p xtask --bench monitor_cost` (Linux).
//!
//! Every round runs the same work twice in a fresh process, once watched by `monitor --interval 100ms` and
//! once not, in turn, and divides. The table shows the median of the ratios with the middle half of them, and
//! what the monitor itself took of a core. The aim is less than 1 % of the run.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 9;
/// Says to this program that it is the work.
const WORK: &str = "MONITOR_COST_WORK";
/// What the work holds, so that the kernel has pages to walk.
const HELD_BYTES: usize = 256 << 20;
/// How often the work goes over a part of it.
const PASSES: usize = 400;
const AIM: f64 = 0.01;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    if std::env::var_os(WORK).is_some() {
        return work();
    }
    // `cargo test --benches` only wants to know that it starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    println!("{ROUNDS} rounds, {} MiB held, watched every 100 ms", HELD_BYTES >> 20);
    let (mut wall, mut cpu, mut own) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Who goes first changes, so that neither always finds the machine warm.
        let (watched, alone) = if round % 2 == 0 {
            let watched = measured(true)?;
            (watched, measured(false)?)
        } else {
            let alone = measured(false)?;
            (measured(true)?, alone)
        };
        wall.push(watched.wall_s / alone.wall_s - 1.0);
        cpu.push(watched.cpu_s / alone.cpu_s - 1.0);
        own.push(watched.monitor_cpu_s / watched.wall_s);
    }
    let mut missed = false;
    for (name, shares) in [
        ("wall time of the work, more", wall),
        ("CPU time of the work, more", cpu),
        ("the monitor's own CPU, of a core", own),
    ] {
        let [low, median, high] = quartiles(shares);
        let percent = |share: f64| format!("{:+.2} %", share * 100.0);
        println!("{name:34} {:>9}   ({} to {})", percent(median), percent(low), percent(high));
        missed |= median >= AIM;
    }
    println!("aim: below {:.0} %: {}", AIM * 100.0, if missed { "missed" } else { "kept" });
    Ok(())
}

/// What one process took.
struct Took {
    wall_s: f64,
    cpu_s: f64,
    monitor_cpu_s: f64,
}

/// Runs the work in a fresh process.
fn measured(watched: bool) -> Result<Took> {
    let mut work = Command::new(std::env::current_exe()?);
    let mut work = work.env(WORK, "1").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut says = BufReader::new(work.stdout.take().ok_or("no stdout")?).lines();
    let mut tell = work.stdin.take().ok_or("no stdin")?;
    let mut next = || says.next().ok_or("the work ended early")?.map_err(Box::<dyn Error>::from);
    next()?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("samples.json");
    let monitor = watched.then(|| monitor(work.id(), &file)).transpose()?;
    // The monitor's start is not what is asked: it watches once its first sample is written.
    while watched && samples(&file) == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let before = monitor.as_ref().map(|monitor| cpu_seconds(monitor.id())).transpose()?;
    tell.write_all(b"go\n")?;
    let line = next()?;
    let after = monitor.as_ref().map(|monitor| cpu_seconds(monitor.id())).transpose()?;
    drop(tell);
    work.wait()?;
    if let Some(mut monitor) = monitor {
        monitor.wait()?;
        assert!(samples(&file) > 10, "the monitor saw too little");
    }
    let mut numbers = line.split(' ').map(str::parse::<f64>);
    let mut number = || numbers.next().ok_or("a number is missing")?.map_err(Box::<dyn Error>::from);
    let monitor_cpu_s = after.unwrap_or(0.0) - before.unwrap_or(0.0);
    Ok(Took { wall_s: number()?, cpu_s: number()?, monitor_cpu_s })
}

/// How many samples the monitor has written; none before its file is there.
fn samples(file: &Path) -> usize {
    fs::read_to_string(file).map_or(0, |text| text.matches("\"rss_bytes\"").count())
}

fn monitor(pid: u32, file: &Path) -> Result<Child> {
    let mut monitor = Command::new(env!("CARGO_BIN_EXE_cargo-membench"));
    monitor.args(["monitor", "--interval", "100ms", "--pid", &pid.to_string(), "--file"]).arg(file);
    Ok(monitor.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

/// The time that all threads of a process have been on a core: the first number of `schedstat`, in
/// nanoseconds.
fn cpu_seconds(pid: u32) -> Result<f64> {
    let mut nanoseconds = 0.0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        nanoseconds += text.split(' ').next().ok_or("an empty schedstat")?.parse::<f64>()?;
    }
    Ok(nanoseconds / 1e9)
}

/// Allocates, fills and frees vectors beside what it holds, says how long that took, and waits.
fn work() -> Result<()> {
    let held = vec![1u8; HELD_BYTES];
    println!("ready");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let (cpu, started) = (cpu_seconds(std::process::id())?, Instant::now());
    let mut sum = 0u64;
    for pass in 0..PASSES {
        let vectors: Vec<Vec<f32>> = (0..2000).map(|i| vec![(i + pass) as f32; 768]).collect();
        sum += vectors.iter().flatten().map(|x| *x as u64).sum::<u64>();
        sum += held.iter().step_by(64).map(|byte| u64::from(*byte)).sum::<u64>();
    }
    black_box(sum);
    println!("{} {}", started.elapsed().as_secs_f64(), cpu_seconds(std::process::id())? - cpu);
    std::io::stdin().read_line(&mut line)?;
    Ok(())
}

/// The first quartile, the median and the third.
fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}
