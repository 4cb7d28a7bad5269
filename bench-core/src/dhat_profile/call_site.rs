//! Which of a stack's frames is the call site: the innermost that is neither an allocator's nor a standard
//! library's, in Rust, C, C++ and Zig.
//!
//! Functions are told by their names. Where only the line table knows them (inlined ones have no path there)
//! it is the file that tells, which valgrind knows without its folder.

use super::frame::Frame;

/// How far a frame is from being a call site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    /// Of an allocator, a profiler or an instrument.
    Allocator,
    /// Of a standard library.
    Library,
    /// Perhaps of a standard library: it is where the next frame outwards is.
    Unclear,
    /// Somebody's own.
    Own,
}

/// Drops the frames of allocators and standard libraries at the inner end, and those of the harness at the
/// outer. At least one frame stays of each stack that has any.
pub(super) fn trim(frames: Vec<Frame>) -> Vec<Frame> {
    let is_harness =
        |name: &str| name.contains("bench_core::harness::") || name.contains("bench_core::leak_detector");
    let end = frames.iter().position(|frame| is_harness(&frame.function)).unwrap_or(frames.len());
    let layers: Vec<Layer> = frames[..end].iter().map(layer).collect();
    let inner = layers.iter().take_while(|layer| **layer != Layer::Own).collect::<Vec<_>>();
    let known = inner.iter().rposition(|layer| **layer != Layer::Unclear).map_or(0, |last| last + 1);
    let allocators = layers.iter().take_while(|layer| **layer == Layer::Allocator).count();
    // A stack of nothing else: who asked the allocator, or else the outermost of its functions.
    let start = [known, allocators, end.saturating_sub(1)].into_iter().find(|start| *start < end);
    start.map_or(frames.clone(), |start| frames[start..end].to_vec())
}

fn layer(frame: &Frame) -> Layer {
    let function = frame.function.as_str();
    let file = frame.file.as_deref().unwrap_or_default();
    let name = qualified_name(function);
    if is_allocator(function, name, file) {
        Layer::Allocator
    } else if is_standard(name) || is_zigs_library(name, file) {
        Layer::Library
    } else if is_pathless(name) {
        by_file(name, file)
    } else {
        Layer::Own
    }
}

/// Crates and namespaces of allocators, profilers and instruments.
const ALLOCATOR_ROOTS: [&str; 8] = [
    "dhat::",
    "__rust",
    "__rg_",
    "__rdl_",
    "mimalloc::",
    "jemallocator::",
    "tikv_jemallocator::",
    "tcmalloc::",
];

/// C functions that hand a block out to whoever called them, without what allocators put before their names.
const C_ALLOCATORS: [&str; 21] = [
    "malloc",
    "calloc",
    "realloc",
    "reallocf",
    "reallocarray",
    "recallocarray",
    "memalign",
    "aligned_alloc",
    "posix_memalign",
    "valloc",
    "pvalloc",
    "mallocx",
    "rallocx",
    "strdup",
    "strndup",
    "wcsdup",
    "memdup",
    "slice_alloc",
    "asprintf",
    "vasprintf",
    "cxa_allocate_exception",
];

fn is_allocator(function: &str, name: &str, file: &str) -> bool {
    let of_rust = name.trim_start_matches('<');
    ALLOCATOR_ROOTS.iter().any(|root| of_rust.starts_with(root))
        || ["GlobalAlloc>::", "core::alloc::Allocator>::"].iter().any(|its| name.contains(its))
        || name.contains("bench_core::instrument::")
        // `operator new[](unsigned long)`, also a class's own; `_Znwm` where nobody demangled it.
        || ["operator new(", "operator new["].iter().any(|new| function.contains(new))
        || ["_Znw", "_Zna"].iter().any(|new| name.starts_with(new))
        || file.contains("vgpreload_")
        || file.ends_with("vg_replace_malloc.c")
        || is_pathless(name) && (is_c_allocator(name) || is_instrument(file))
}

/// `malloc`, `__libc_malloc`, `je_malloc`, `mi_heap_malloc_aligned`, `g_malloc0_n`, `strdup@@GLIBC_2.2.5`.
fn is_c_allocator(name: &str) -> bool {
    let name = name.split('@').next().unwrap_or(name).trim_start_matches('_');
    // Every function of jemalloc has its prefix.
    if ["je_", "rjem_"].iter().any(|prefix| name.starts_with(prefix)) {
        return true;
    }
    if let Some(of_mimalloc) = name.strip_prefix("mi_") {
        return ["alloc", "new", "dup"].iter().any(|word| of_mimalloc.contains(word));
    }
    let prefixes = ["libc_", "GI_", "interceptor_", "tc_", "g_try_", "g_"];
    let bare = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    let bare =
        ["_n", "_internal", "_chk"].iter().find_map(|suffix| bare.strip_suffix(suffix)).unwrap_or(bare);
    C_ALLOCATORS.contains(&bare.trim_end_matches('0'))
}

fn is_instrument(file: &str) -> bool {
    file.contains("instrument/profilable.rs")
        || file.contains("instrument/call_sites/")
        || file.contains("instrument/counting_allocator.rs")
}

/// Whether a function is of Rust's or of C++'s standard library: `alloc::vec::from_elem`,
/// `<alloc::vec::Vec<T> as ...>::clone`, `<T as alloc::vec::spec_from_elem::SpecFromElem>::from_elem`, `<str
/// as alloc::borrow::ToOwned>::to_owned`, `std::vector<int>::push_back(int&&)`. A type with a path that is
/// none of these is somebody's own.
fn is_standard(name: &str) -> bool {
    const ROOTS: [&str; 9] = [
        "alloc::",
        "core::",
        "std::",
        "hashbrown::",
        "allocator_api2::",
        "__gnu_cxx::",
        "__cxxabiv1::",
        // `std::` where nobody demangled it.
        "_ZNSt",
        "_ZNKSt",
    ];
    let path = name.strip_prefix('<').unwrap_or(name);
    let path = match path.split_once(" as ") {
        Some((pathless, of_trait)) if !pathless.contains("::") => of_trait,
        _ => path,
    };
    ROOTS.iter().any(|root| path.starts_with(root))
}

/// Zig's allocators, and its containers as Rust's: `mem.Allocator.rawAlloc`, `heap.CAllocator.alloc`,
/// `array_list.ArrayListAligned(u8,null).append`.
fn is_zigs_library(name: &str, file: &str) -> bool {
    let is_zig = file.ends_with(".zig") || !name.contains("::") && !file.contains('.');
    let of_heap = |rest: &str| rest.to_ascii_lowercase().contains("alloc");
    const ROOTS: [&str; 7] = [
        "mem.Allocator.",
        "array_list.ArrayList",
        "array_list.Aligned",
        "hash_map.HashMap",
        "array_hash_map.ArrayHashMap",
        "multi_array_list.MultiArrayList",
        "fmt.allocPrint",
    ];
    let bare = name.strip_prefix("std.").unwrap_or(name);
    is_zig
        && (ROOTS.iter().any(|root| bare.starts_with(root))
            || bare.strip_prefix("heap.").is_some_and(of_heap)
            || bare == "rawAlloc")
}

/// Whether a name has no path, as those that only line tables know: `new<u64>`, `{closure#0}`.
fn is_pathless(name: &str) -> bool {
    !name.starts_with('<') && !name.split(['<', '(']).next().is_some_and(|it| it.contains("::"))
}

/// Functions that only line tables know, by their file.
fn by_file(name: &str, file: &str) -> Layer {
    /// Where Rust's standard library lies, and where it and what it is built with lie on the machine that
    /// built it.
    const RUST: [&str; 3] = ["alloc/src/", "core/src/", "std/src/"];
    const RUST_BUILT: [&str; 4] = ["/rust/deps/", "/src/liballoc/", "/src/libcore/", "/src/libstd/"];
    /// Files of libstdc++ whose names nobody else takes.
    const CXX: [&str; 17] = [
        "new_allocator.h",
        "alloc_traits.h",
        "allocated_ptr.h",
        "basic_string.h",
        "basic_string.tcc",
        "vector.tcc",
        "deque.tcc",
        "list.tcc",
        "hashtable_policy.h",
        "shared_ptr.h",
        "shared_ptr_base.h",
        "unique_ptr.h",
        "unordered_map.h",
        "unordered_set.h",
        "std_function.h",
        "std_thread.h",
        "invoke.h",
    ];
    /// Files of Rust's that allocate for it, as valgrind names them. Others may have such names, too.
    const ALLOCATING: [&str; 7] = [
        "alloc.rs",
        "raw_vec.rs",
        "boxed.rs",
        "spec_from_elem.rs",
        "spec_from_iter.rs",
        "spec_from_iter_nested.rs",
        "spec_extend.rs",
    ];
    /// Files whose names many have (`src/raw/mod.rs` is hashbrown's): whose they are, the next frame outwards
    /// tells.
    const COMMON: [&str; 8] =
        ["mod.rs", "string.rs", "str.rs", "slice.rs", "fmt.rs", "sync.rs", "rc.rs", "unix.rs"];
    let base = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let is_bare = base == file;
    // Names that C++ keeps for its libraries.
    let is_reserved = ["_M_", "_S_"].iter().any(|prefix| name.starts_with(prefix));
    let of_rust = RUST.iter().any(|folder| file.starts_with(folder))
        || RUST_BUILT.iter().any(|folder| file.contains(folder))
        || ["alloc::alloc::Global", "std::alloc::System"].iter().any(|allocator| name.contains(allocator))
        || is_bare && ALLOCATING.contains(&base);
    let of_cxx = is_reserved
        || file.contains("/c++/")
        || is_bare && (CXX.contains(&base) || base.starts_with("stl_") && base.ends_with(".h"));
    if of_rust || of_cxx {
        Layer::Library
    } else if (is_bare || file.starts_with("src/raw/"))
        && COMMON.contains(&base)
        && !name.starts_with("{closure")
    {
        Layer::Unclear
    } else {
        Layer::Own
    }
}

/// A function's name without the type that C++ puts before it: of `void std::vector<int>::f<int>(int)` what
/// begins with `std::`.
fn qualified_name(function: &str) -> &str {
    let (mut depth, mut start, mut previous) = (0usize, 0, b' ');
    for (at, byte) in function.bytes().enumerate() {
        match byte {
            b'(' if depth == 0 && !function[at..].starts_with("(anonymous namespace)") => break,
            b'<' | b'(' | b'[' | b'{' => depth += 1,
            b'>' if previous != b'-' => depth = depth.saturating_sub(1),
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b' ' if depth == 0 && !function[..at].ends_with("operator") => start = at + 1,
            _ => {}
        }
        previous = byte;
    }
    &function[start..]
}

#[cfg(test)]
mod tests;
