//! The interposed mmap and its kin, in a program that has them: what is mapped and resident is known
//! beforehand.
//!
//! Its own main: no other thread may map while a table's row is counted. The rows follow the ideas of
//! valgrind's massif and dhat tests and of memray's traces of high-water marks; the counts are ours.

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
#[path = "../../src/interpose.rs"]
mod interpose;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod large_blocks;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod mapping;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod peaks;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod programs;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod resident;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod threads;

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
use bench_core::instrument::{CountingAllocator, LibcDirect, NotedBlocks};

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
#[global_allocator]
static ALLOCATOR: CountingAllocator<NotedBlocks<LibcDirect>> =
    CountingAllocator::new(NotedBlocks(LibcDirect));

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
fn main() {
    let tests: [(&str, fn()); 17] = [
        ("every_program_of_the_table_maps_what_it_says", programs::every_program_maps_what_it_says),
        ("a_call_that_fails_changes_nothing_and_sets_errno", programs::a_failed_call_changes_nothing),
        ("a_call_that_succeeds_leaves_errno_alone", programs::a_successful_call_leaves_errno_alone),
        ("malloc_of_glibc_maps_nothing_of_its_own_here", programs::glibc_maps_nothing_here),
        ("c23s_frees_are_counted_as_free", programs::c23s_frees_are_counted_as_free),
        ("anonymous_pages_are_resident_when_written", resident::anonymous_pages),
        ("a_read_of_untouched_memory_holds_no_page", resident::a_read_of_untouched_memory),
        ("a_file_in_the_page_cache_is_resident_only_where_it_is_mapped_and_read", resident::file_pages),
        ("a_private_copy_of_a_files_page_must_stay", resident::private_copies),
        ("shared_memory_must_stay_and_is_told_apart", resident::shared_memory),
        ("of_a_large_block_of_c_the_untouched_pages_are_told", large_blocks::blocks_of_c),
        ("of_a_large_block_of_rust_the_untouched_pages_are_told", large_blocks::blocks_of_rust),
        ("the_ledger_explains_what_was_asked_for_and_not_touched", large_blocks::the_ledger),
        ("the_peak_of_the_sum_is_no_sum_of_peaks", peaks::the_peak_of_the_sum),
        ("the_resident_peak_lies_within_its_bounds", peaks::the_resident_peak_lies_within_its_bounds),
        ("the_book_agrees_with_a_slow_model_under_random_traces_of_threads", threads::random_traces),
        ("a_fork_and_a_signals_handler_do_not_hang", threads::a_fork_and_a_signal),
    ];
    if std::env::args().any(|argument| argument == "--list") {
        tests.iter().for_each(|(name, _)| println!("{name}: test"));
        return;
    }
    mapping::without_huge_pages();
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    for (name, test) in tests {
        if wanted.as_ref().is_none_or(|wanted| name.contains(wanted.as_str())) {
            test();
            println!("test {name} ... ok");
        }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64")))]
fn main() {
    println!("skipped: mmap is interposed on 64-bit Linux with glibc only");
}
