//! What call sites cost: `cargo bench -p instrument-costs --bench sites_cost`.
//!
//! Malloc and free of 16 to 512 bytes, seven functions deep, beside 10,000 live blocks. Every round times
//! each contender once, one after the other; the table shows the median of each. The aims are printed at the
//! end if they are missed: add at least 100 times less than dhat does, and the same with two threads.
//! heapscope 0.3 is not among them: it needs a newer Rust than this workspace.

// Calling allocators directly is what is measured.
#![allow(unsafe_code)]

#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
mod measured {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::hint::black_box;
    use std::sync::Barrier;
    use std::thread;
    use std::time::Duration;

    use bench_core::instrument::{CountingAllocator, SiteAllocator, SiteProfiler};
    use instrument_costs::{median, thread_cpu_time};

    static COUNTING: CountingAllocator<System> = CountingAllocator::new(System);

    /// The program's own allocator as well: the profiler asks for it.
    #[global_allocator]
    static SITES: SiteAllocator<System> = SiteAllocator::new(System);

    const CONTENDERS: [&str; 4] = ["bare", "counting", "sites", "dhat"];
    const ROUNDS: usize = 41;
    const OPERATIONS: usize = 50_000;
    const LIVE_BLOCKS: usize = 10_000;
    /// Functions between the loop and the allocator.
    const DEPTH: usize = 7;
    /// What dhat adds over what our profiler adds.
    const AIM: f64 = 100.0;

    pub fn main() -> anyhow::Result<()> {
        // `cargo test --benches` runs this, too: one round shows that it works.
        let rounds = if std::env::args().any(|argument| argument == "--bench") { ROUNDS } else { 1 };
        let [bare, counting, sites, dhat] = CONTENDERS;
        println!(
            "ns an operation   threads {bare:>8} {counting:>9} {sites:>8} {dhat:>9}   dhat adds / sites add"
        );
        let mut missed = Vec::new();
        for (name, is_replace) in [("pairs", false), ("replace", true)] {
            for threads in [1, 2] {
                let [bare, counting, sites, dhat] = nanoseconds(is_replace, threads, rounds)?;
                let times_less = (dhat - bare) / (sites - bare);
                println!(
                    "{name:<17} {threads:>7} {bare:>8.1} {counting:>9.1} {sites:>8.1} {dhat:>9.1}   {times_less:>8.0}"
                );
                if times_less < AIM {
                    missed.push(format!(
                        "{name}, {threads} threads: {times_less:.0} times less than dhat, not {AIM}"
                    ));
                }
            }
        }
        missed.iter().for_each(|message| println!("missed: {message}"));
        if missed.is_empty() {
            println!("all aims are met");
        }
        Ok(())
    }

    /// The median time of an operation with each contender.
    fn nanoseconds(is_replace: bool, threads: usize, rounds: usize) -> anyhow::Result<[f64; 4]> {
        let mut times: [Vec<f64>; 4] = Default::default();
        for round in 0..rounds {
            // Another one begins each round, so that no contender always runs after the same one.
            for contender in (0..4).map(|place| (place + round) % 4) {
                times[contender].push(match contender {
                    0 => run(&System, is_replace, threads, OPERATIONS),
                    1 => run(&COUNTING, is_replace, threads, OPERATIONS),
                    2 => {
                        let profiler = SiteProfiler::start()?;
                        let time = run(&SITES, is_replace, threads, OPERATIONS);
                        anyhow::ensure!(profiler.stop().lost == 0, "the profile lacks operations");
                        time
                    }
                    // dhat is so slow that a few rounds with fewer operations tell enough.
                    _ if round % 10 == 0 => {
                        let _profiler = dhat::Profiler::builder().testing().build();
                        run(&dhat::Alloc, is_replace, threads, OPERATIONS / 10)
                    }
                    _ => continue,
                });
            }
        }
        Ok(times.map(median))
    }

    /// Nanoseconds of processor time of an operation, of the slowest thread.
    fn run<A: GlobalAlloc + Sync>(allocator: &A, is_replace: bool, threads: usize, operations: usize) -> f64 {
        let barrier = &Barrier::new(threads);
        let slowest = thread::scope(|scope| {
            let start = || scope.spawn(move || run_thread(allocator, is_replace, operations, barrier));
            let handles: Vec<_> = (0..threads).map(|_| start()).collect();
            handles.into_iter().map(|handle| handle.join().expect("no panic in the loop")).max()
        });
        slowest.unwrap_or_default().as_secs_f64() * 1e9 / operations as f64
    }

    fn run_thread<A: GlobalAlloc>(
        allocator: &A,
        is_replace: bool,
        operations: usize,
        barrier: &Barrier,
    ) -> Duration {
        let mut random = 1u64;
        let mut next_layout = || {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            Layout::from_size_align(16 + (random >> 33) as usize % 496, 8).expect("sizes are small")
        };
        let mut live: Vec<(*mut u8, Layout)> = Vec::with_capacity(LIVE_BLOCKS);
        for _ in 0..LIVE_BLOCKS {
            let layout = next_layout();
            live.push((allocate(allocator, layout, DEPTH), layout));
        }
        barrier.wait();
        let start = thread_cpu_time();
        for operation in 0..operations {
            let layout = next_layout();
            if is_replace {
                let oldest = &mut live[operation % LIVE_BLOCKS];
                free(allocator, oldest.0, oldest.1);
                *oldest = (allocate(allocator, layout, DEPTH), layout);
            } else {
                let block = allocate(allocator, layout, DEPTH);
                free(allocator, block, layout);
            }
        }
        let elapsed = thread_cpu_time() - start;
        for (block, layout) in live {
            free(allocator, block, layout);
        }
        elapsed
    }

    #[inline(never)]
    fn allocate<A: GlobalAlloc>(allocator: &A, layout: Layout, depth: usize) -> *mut u8 {
        let block = if depth > 0 {
            allocate(allocator, layout, depth - 1)
        } else {
            // SAFETY: the size is not zero.
            unsafe { allocator.alloc(layout) }
        };
        black_box(block)
    }

    #[inline(never)]
    fn free<A: GlobalAlloc>(allocator: &A, block: *mut u8, layout: Layout) {
        // SAFETY: the block was made by this allocator with this layout.
        unsafe { allocator.dealloc(black_box(block), layout) }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
fn main() -> anyhow::Result<()> {
    measured::main()
}

/// The profiler needs the unwind tables of x86-64 Linux.
#[cfg(not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")))]
fn main() {
    println!("no call sites on this system");
}
