//! The library that is preloaded into a program (`LD_PRELOAD`) and counts its heap and its mappings, for
//! another process to read: see `bench_core::preload`. It counts from the first call on, and tells from its
//! constructor on.
//!
//! bench-main names this package as a dependency, so that cargo builds it with any suite, in any workspace.
//! Linux with glibc only; elsewhere it is empty.

#![cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
// The room for `unsafe`: what the dynamic linker calls, and the C library.
#![allow(unsafe_code)]

#[path = "../../bench-main/src/interpose.rs"]
mod interpose;

use std::ffi::{CStr, c_int, c_void};

use bench_core::instrument::{LibcDirect, publish_counts, publish_the_end, stop_counting_native};
use bench_core::preload::FOLDER_VARIABLE;

/// What this library itself allocates is not the program's; it allocates nothing but to end in panic.
#[global_allocator]
static ALLOCATOR: LibcDirect = LibcDirect;

// SAFETY: the dynamic linker calls the functions of these sections with the program's arguments, once each.
#[used]
#[unsafe(link_section = ".init_array")]
static BEGIN: extern "C" fn(c_int, *const *const u8, *const *const u8) = begin;
// SAFETY: as above.
#[used]
#[unsafe(link_section = ".fini_array")]
static END: extern "C" fn() = publish_the_end_of_program;

extern "C" fn begin(_: c_int, _: *const *const u8, _: *const *const u8) {
    let is_published = folder().is_some_and(|folder| publish_counts(folder, has_foreign_malloc()));
    if !is_published {
        stop_counting_native();
    }
}

extern "C" fn publish_the_end_of_program() {
    publish_the_end();
}

/// The folder of the pages, if there is a reader.
fn folder() -> Option<&'static CStr> {
    // SAFETY: the name ends with a zero; what is found lies in the environment, which nobody has changed yet.
    unsafe {
        let value = libc::getenv(FOLDER_VARIABLE.as_ptr());
        if value.is_null() { None } else { Some(CStr::from_ptr(value)) }
    }
}

/// Whether the program's malloc is another one than this library's.
fn has_foreign_malloc() -> bool {
    // SAFETY: the name ends with a zero.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"malloc".as_ptr()) };
    // Not by the address of `interpose::malloc`: by that name, this library finds the other one as well.
    let ours = std::ptr::from_ref(&BEGIN).cast();
    !found.is_null() && library_of(found) != library_of(ours)
}

/// Where the library or program is loaded that has this address.
fn library_of(address: *const c_void) -> Option<usize> {
    // SAFETY: the structure is pointers and numbers, for which zeros are valid; the call fills it.
    unsafe {
        let mut found: libc::Dl_info = std::mem::zeroed();
        (libc::dladdr(address, &mut found) != 0).then(|| found.dli_fbase.addr())
    }
}

/// Ends the program without what `exit` does.
#[unsafe(no_mangle)]
extern "C" fn _exit(status: c_int) -> ! {
    publish_the_end();
    // SAFETY: the call does not return.
    unsafe {
        libc::syscall(libc::SYS_exit_group, status);
    }
    loop {
        std::hint::spin_loop();
    }
}

/// C's name for the same.
#[unsafe(no_mangle)]
extern "C" fn _Exit(status: c_int) -> ! {
    _exit(status)
}
