//! Which frame is the call site, in profiles of the dhat crate and of valgrind.

use super::*;

/// The stack that is left of frames as profiles have them, the innermost first.
fn site(frames: &[&str]) -> Vec<String> {
    let frames = frames.iter().map(|text| Frame::parse(text)).collect();
    let shown = |frame: &Frame| match frame.place() {
        Some(place) => format!("{} {place}", frame.function),
        None => frame.function.clone(),
    };
    trim(frames).iter().map(shown).collect()
}

const PRELOAD: &str = "(in /usr/libexec/valgrind/vgpreload_dhat-amd64-linux.so)";

#[test]
fn the_allocators_of_c_are_no_call_sites() {
    let load = "0x109: load (load.c:7)";
    for allocator in ["malloc", "calloc", "realloc", "memalign", "strdup", "???"] {
        assert_eq!(site(&[&format!("0x48: {allocator} {PRELOAD}"), load]), ["load load.c:7"]);
    }
    for allocator in [
        "malloc (vg_replace_malloc.c:381)",
        "malloc (in /usr/lib/libc.so.6)",
        "__libc_malloc",
        "calloc (rtld-malloc.h:44)",
        "posix_memalign",
        "aligned_alloc",
        "reallocarray",
        "strdup (strdup.c:42)",
        "__strndup",
        "wcsdup",
        "__vasprintf_internal (vasprintf.c:45)",
        "asprintf (asprintf.c:31)",
        "__asprintf_chk",
        "strdup@@GLIBC_2.2.5",
        "g_malloc0_n",
        "g_strdup",
        "je_arena_malloc_hard",
        "_rjem_malloc",
        "mi_heap_malloc_zero_aligned_at",
        "_mi_malloc_generic",
        "tc_malloc",
        "operator new(unsigned long)",
        "operator new[](unsigned long, std::nothrow_t const&)",
        "operator new(unsigned long, std::align_val_t)",
        "app::Pool::operator new(unsigned long)",
        "_Znwm",
        "__cxa_allocate_exception (in /usr/lib/libstdc++.so.6)",
    ] {
        assert_eq!(site(&[&format!("0x48: {allocator}"), load]), ["load load.c:7"], "{allocator}");
    }
    // Names that only look like them.
    for own in
        ["xmalloc (x.c:1)", "malloc_table (x.c:1)", "mi_row_insert (x.c:1)", "app::malloc(int) (x.cpp:1)"]
    {
        assert!(
            site(&[&format!("0x48: malloc {PRELOAD}"), &format!("0x1: {own}"), load])[0].contains("x.c"),
            "{own}"
        );
    }
}

#[test]
fn a_function_without_a_name_is_known_by_its_library() {
    let stack = site(&[&format!("0x4840: malloc {PRELOAD}"), "0x10f: ??? (in /usr/bin/ls)"]);
    assert_eq!(stack, ["??? (in /usr/bin/ls)"]);
}

#[test]
fn the_library_of_cxx_is_no_call_site() {
    let new = format!("0x48: operator new(unsigned long) {PRELOAD}");
    assert_eq!(
        site(&[
            &new,
            "0x10B9AB: allocate (new_allocator.h:137)",
            "0x10B9AB: allocate (alloc_traits.h:464)",
            "0x10B9AB: _M_allocate (stl_vector.h:378)",
            "0x10B9AB: void std::vector<std::string, std::allocator<std::string > >::_M_realloc_insert<std::string>(__gnu_cxx::\
             __normal_iterator<std::string*>, std::string&&) (vector.tcc:453)",
            "0x10A49D: push_back (stl_vector.h:1294)",
            "0x10A49D: push (b.cpp:14)",
            "0x10A49D: main (b.cpp:23)",
        ]),
        ["push b.cpp:14", "main b.cpp:23"]
    );
    assert_eq!(
        site(&[
            &new,
            "0x1: _M_allocate_buckets (hashtable.h:443)",
            "0x1: std::unordered_map<int, std::string>::operator[](int const&) (unordered_map.h:980)",
            "0x1: app::(anonymous namespace)::Store<int>::push(int) (b.cpp:14)",
        ]),
        ["app::(anonymous namespace)::Store<int>::push(int) b.cpp:14"]
    );
    // Return types and arguments are not whose function it is.
    for own in [
        "std::string app::text[abi:cxx11]() (b.cpp:19)",
        "app::apply(std::function<int (int)>) (b.cpp:17)",
        "std::unique_ptr<app::A> app::make<std::string>(int (*)(int)) (b.cpp:17)",
        "app::operator<(std::string const&, int) (b.cpp:17)",
        "app::Op::operator()(int) const (b.cpp:18)",
        "hash_insert (hashtable.h:10)",
        "insert (list.h:10)",
    ] {
        assert_eq!(site(&[&new, &format!("0x1: {own}"), "0x2: main (b.cpp:23)"]).len(), 2, "{own}");
    }
}

#[test]
fn the_library_of_zig_is_no_call_site() {
    let malloc = format!("0x48: malloc {PRELOAD}");
    assert_eq!(
        site(&[
            &malloc,
            "0x1: heap.rawCAlloc (heap.zig:262)",
            "0x1: mem.Allocator.rawAlloc (Allocator.zig:86)",
            "0x1: mem.Allocator.allocBytesWithAlignment__anon_4711 (Allocator.zig:211)",
            "0x1: array_list.ArrayListAligned(u8,null).ensureTotalCapacityPrecise (array_list.zig:457)",
            "0x1: tensor.Tensor(f32).fromShape (tensor.zig:113)",
            "0x1: main.main (main.zig:9)",
        ]),
        ["tensor.Tensor(f32).fromShape tensor.zig:113", "main.main main.zig:9"]
    );
    assert_eq!(site(&[&malloc, "0x1: heap.rawCAlloc (in /usr/bin/z)", "0x1: main.main"]), ["main.main"]);
    assert_eq!(site(&[&malloc, "0x1: heap.Heap.push (heap.zig:3)"]), ["heap.Heap.push heap.zig:3"]);
}

#[test]
fn rusts_layers_are_no_call_sites_whoever_profiled() {
    let load = "0x3: my::load (src/load.rs:20:5)";
    for inner in [
        "__rg_alloc (src/main.rs:5:15)",
        "__rdl_alloc (/rustc/1/library/std/src/alloc.rs:351:13)",
        "__rust_alloc",
        "__rustc::__rust_alloc",
        "alloc::raw_vec::finish_grow (alloc/src/raw_vec.rs:0:0)",
        "<alloc::raw_vec::RawVecInner>::finish_grow (mod.rs:558)",
        "alloc::vec::Vec<T,A>::push (library/alloc/src/vec/mod.rs:992)",
        "UnknownInlinedFun (library/alloc/src/raw_vec/mod.rs:464)",
        "reserve (/rustc/1/src/liballoc/vec.rs:500)",
        "_RNvMNtCslNYArtu3iFV_5alloc6stringNtB2_6String17try_reserve_exact",
        "_ZN5alloc7raw_vec11finish_grow17h086b0cfd890a8ea9E",
        "alloc::raw_vec::finish_grow::h0123456789abcdef",
        "<tikv_jemallocator::Jemalloc as core::alloc::global::GlobalAlloc>::alloc",
        "<mimalloc::MiMalloc as core::alloc::global::GlobalAlloc>::alloc",
        "<my::Counting as core::alloc::global::GlobalAlloc>::alloc",
        "dhat::heap::record",
    ] {
        assert_eq!(site(&[&format!("0x1: {inner}"), load]), ["my::load src/load.rs:20"], "{inner}");
    }
    // As valgrind writes it: files without their folders, inlined functions without their paths.
    assert_eq!(
        site(&[
            &format!("0x1: malloc {PRELOAD}"),
            "0x1: alloc (alloc.rs:95)",
            "0x1: allocate (alloc.rs:429)",
            "0x1: try_allocate_in<alloc::alloc::Global> (mod.rs:464)",
            "0x1: with_capacity<u8> (mod.rs:524)",
            "0x1: with_capacity (string.rs:485)",
            "0x1: alloc::fmt::format::format_inner (fmt.rs:652)",
            "0x1: r::store::Store::fmt (r.rs:6)",
        ]),
        ["r::store::Store::fmt r.rs:6"]
    );
    // A closure that the library calls is its owner's, and so is a function in a file that many have.
    for own in ["{closure#0} (r.rs:20)", "{closure#0} (mod.rs:20)", "insert (index.rs:3)"] {
        let stack = site(&[
            "0x1: alloc (alloc.rs:95)",
            &format!("0x1: {own}"),
            "0x1: core::option::Option<T>::map (option.rs:3)",
        ]);
        assert_eq!(stack.len(), 2, "{own}: {stack:?}");
    }
    assert_eq!(
        site(&["0x1: alloc (alloc.rs:95)", "0x1: fill (mod.rs:20)", "0x1: r::main (r.rs:1)"])[0],
        "fill mod.rs:20"
    );
}

#[test]
fn no_stack_is_cut_to_nothing() {
    let malloc = format!("0x1: malloc {PRELOAD}");
    assert_eq!(site(&[&malloc]), [format!("malloc {PRELOAD}")]);
    assert_eq!(site(&[&malloc, "0x1: posix_memalign"]), ["posix_memalign"]);
    // Who asked the allocator, where all of the rest is a library's.
    assert_eq!(
        site(&[
            &malloc,
            "0x1: std::string::append(char const*) (s.h:1)",
            "0x1: std::string::assign() (s.h:2)"
        ])[0],
        "std::string::append(char const*) s.h:1"
    );
    assert!(site(&[]).is_empty());
    let harness = "0x1: bench_core::harness::phases::Phases::measure (src/harness/phases.rs:69:13)";
    assert_eq!(site(&["0x1: alloc::vec::from_elem", "0x1: flat::f", harness]), ["flat::f"]);
    assert_eq!(site(&["0x1: alloc::vec::from_elem", harness]), ["alloc::vec::from_elem"]);
}

#[test]
fn user_impls_of_standard_traits_are_not_standard() {
    assert!(!is_standard("<flat::Index as core::clone::Clone>::clone"));
    assert!(is_standard("<alloc::vec::Vec<T,A> as core::clone::Clone>::clone"));
    assert!(is_standard("<str as alloc::borrow::ToOwned>::to_owned"));
    assert!(!is_standard("flat::insert"));
}

#[test]
fn frames_without_a_path_are_told_by_their_file() {
    for (function, file, expected) in [
        ("new<u64>", Some("alloc/src/boxed.rs"), true),
        ("new<u64>", Some("flat/src/boxed.rs"), false),
        ("reserve<(u64, u64), alloc::alloc::Global, S>", Some("src/raw/mod.rs"), true),
        ("alloc", Some("src/instrument/profilable.rs"), true),
        ("remember", None, false),
        ("flat::keep<alloc::alloc::Global>", Some("alloc/src/boxed.rs"), false),
        ("<bench_core::instrument::profilable::Profilable as core::alloc::GlobalAlloc>::alloc", None, true),
    ] {
        let frame = Frame { function: function.into(), file: file.map(str::to_string), line: Some(1) };
        assert_eq!(matches!(layer(&frame), Layer::Allocator | Layer::Library), expected, "{function}");
    }
}
