//! How to get from a function to its caller, by the unwind tables that every program carries.
//!
//! A rule is read from `.eh_frame` once for each return address, and kept in a table that all threads share
//! without a lock. Reading allocates nothing.

// The room for `unsafe`: the tables lie in the program's own segments.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EndianSlice, NativeEndian, RegisterRule, UnwindContext,
    UnwindContextStorage, UnwindSection, UnwindTableRow, X86_64,
};

/// How the caller's registers follow from a function's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnwindRule {
    /// The caller's stack begins so far from a register of this function. Its return address lies below.
    Caller {
        /// Whether that register is the frame pointer, not the stack pointer.
        from_frame_pointer: bool,
        /// Bytes from that register to the caller's stack.
        distance: i32,
        /// Where the caller's frame pointer was saved, in bytes from the caller's stack; nothing where this
        /// function has left it alone.
        saved_frame_pointer: Option<i16>,
    },
    /// Nobody called it, or no table tells who.
    End,
}

/// Rules that are kept, in sets of [`WAYS`]. A program has some thousand call sites on its stacks.
const SETS: usize = 1 << 13;
const WAYS: usize = 4;

/// The rule and, mixed with it, the address that it is for: one half of another entry never fits.
struct KeptRule {
    mixed_address: AtomicU64,
    rule: AtomicU64,
}

static RULES: [[KeptRule; WAYS]; SETS] =
    [const { [const { KeptRule { mixed_address: AtomicU64::new(0), rule: AtomicU64::new(0) } }; WAYS] };
        SETS];

const KNOWN: u64 = 1;
const FROM_FRAME_POINTER: u64 = 2;
const SAVED: u64 = 4;
const END: u64 = 8;

/// The rule for a function that is left by the call before `return_address`.
#[inline]
pub(super) fn rule_for(return_address: usize) -> UnwindRule {
    let address = return_address as u64;
    let set = &RULES[(address.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - SETS.ilog2())) as usize];
    for entry in set {
        let rule = entry.rule.load(Relaxed);
        if entry.mixed_address.load(Relaxed) ^ rule == address && rule & KNOWN != 0 {
            return unpacked(rule);
        }
    }
    read_and_keep(return_address, set)
}

#[cold]
#[inline(never)]
fn read_and_keep(return_address: usize, set: &[KeptRule; WAYS]) -> UnwindRule {
    // The call itself: the next instruction may belong to another function.
    let rule = packed(read_rule(return_address.wrapping_sub(1)).unwrap_or(UnwindRule::End));
    let unused = set.iter().position(|entry| entry.rule.load(Relaxed) & KNOWN == 0);
    let entry = &set[unused.unwrap_or((return_address >> 4) % WAYS)];
    entry.rule.store(rule, Relaxed);
    entry.mixed_address.store(return_address as u64 ^ rule, Relaxed);
    unpacked(rule)
}

fn packed(rule: UnwindRule) -> u64 {
    match rule {
        UnwindRule::End => KNOWN | END,
        UnwindRule::Caller { from_frame_pointer, distance, saved_frame_pointer } => {
            let saved = saved_frame_pointer.map_or(0, |place| SAVED | u64::from(place as u16) << 16);
            let from = if from_frame_pointer { FROM_FRAME_POINTER } else { 0 };
            KNOWN | from | saved | u64::from(distance as u32) << 32
        }
    }
}

#[inline]
fn unpacked(rule: u64) -> UnwindRule {
    if rule & END != 0 {
        return UnwindRule::End;
    }
    UnwindRule::Caller {
        from_frame_pointer: rule & FROM_FRAME_POINTER != 0,
        distance: (rule >> 32) as u32 as i32,
        saved_frame_pointer: (rule & SAVED != 0).then_some((rule >> 16) as u16 as i16),
    }
}

/// What gimli works with: arrays on the stack, large enough for x86-64's registers.
struct OnStack;

impl UnwindContextStorage<usize> for OnStack {
    type Rules = [(gimli::Register, RegisterRule<usize>); 24];
    type Stack = [UnwindTableRow<usize, OnStack>; 4];
}

fn read_rule(address: usize) -> Option<UnwindRule> {
    let tables = Tables::of(address)?;
    let bases =
        BaseAddresses::default().set_eh_frame_hdr(tables.index.addr()).set_eh_frame(tables.frames.addr());
    let index = EhFrameHdr::new(tables.index.bytes(), NativeEndian).parse(&bases, 8).ok()?;
    let frames = EhFrame::new(tables.frames.bytes(), NativeEndian);
    let mut context = UnwindContext::<usize, OnStack>::new_in();
    let fde = index
        .table()?
        .fde_for_address(
            &frames,
            &bases,
            address as u64,
            |frames: &EhFrame<EndianSlice<'_, NativeEndian>>, bases, at| frames.cie_from_offset(bases, at),
        )
        .ok()?;
    if fde.is_signal_trampoline() {
        return None;
    }
    let row = fde.unwind_info_for_address(&frames, &bases, &mut context, address as u64).ok()?;
    let CfaRule::RegisterAndOffset { register, offset } = *row.cfa() else { return None };
    if !(register == X86_64::RSP || register == X86_64::RBP) {
        return None;
    }
    // The return address of the outermost function is undefined; all others have it where the call put it.
    if row.register(X86_64::RA) != Some(RegisterRule::Offset(-8)) {
        return None;
    }
    let saved_frame_pointer = match row.register(X86_64::RBP) {
        None | Some(RegisterRule::SameValue) => None,
        Some(RegisterRule::Offset(place)) => Some(i16::try_from(place).ok()?),
        Some(_) => return None,
    };
    Some(UnwindRule::Caller {
        from_frame_pointer: register == X86_64::RBP,
        distance: i32::try_from(offset).ok()?,
        saved_frame_pointer,
    })
}

/// Bytes of a segment that is mapped as long as its program or library.
#[derive(Clone, Copy)]
struct Segment {
    start: usize,
    length: usize,
}

impl Segment {
    fn addr(self) -> u64 {
        self.start as u64
    }

    fn contains(self, address: usize) -> bool {
        address.wrapping_sub(self.start) < self.length
    }

    fn from(self, address: usize) -> Option<Segment> {
        self.contains(address).then(|| Segment { start: address, length: self.start + self.length - address })
    }

    fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY: the dynamic linker has mapped the segment for reading. Code that lies on a stack is in use,
        // so nobody unloads it meanwhile.
        unsafe { slice::from_raw_parts(std::ptr::with_exposed_provenance(self.start), self.length) }
    }
}

/// The unwind tables of the program or library that an address is of.
struct Tables {
    index: Segment,
    frames: Segment,
}

impl Tables {
    fn of(address: usize) -> Option<Tables> {
        let mut search = Search { address, found: None };
        // SAFETY: the callback does not unwind, and `search` outlives the call.
        unsafe { libc::dl_iterate_phdr(Some(look_at), (&raw mut search).cast()) };
        search.found
    }
}

struct Search {
    address: usize,
    found: Option<Tables>,
}

/// Looks at one program or library; ends the iteration at the one that holds the address.
unsafe extern "C" fn look_at(info: *mut libc::dl_phdr_info, _: usize, search: *mut c_void) -> c_int {
    // SAFETY: the dynamic linker passes a valid structure, and on our pointer.
    let (info, search) = unsafe { (&*info, &mut *search.cast::<Search>()) };
    if info.dlpi_phdr.is_null() {
        return 0;
    }
    // SAFETY: so many headers are there.
    let headers = unsafe { slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    let base = info.dlpi_addr as usize;
    let segment = |header: &libc::Elf64_Phdr| Segment {
        start: base.wrapping_add(header.p_vaddr as usize),
        length: header.p_memsz as usize,
    };
    let loaded = || headers.iter().filter(|header| header.p_type == libc::PT_LOAD).map(segment);
    if !loaded().any(|segment| segment.contains(search.address)) {
        return 0;
    }
    let index = headers.iter().find(|header| header.p_type == libc::PT_GNU_EH_FRAME).map(segment);
    search.found = index.and_then(|index| {
        let bases = BaseAddresses::default().set_eh_frame_hdr(index.addr());
        let parsed = EhFrameHdr::new(index.bytes(), NativeEndian).parse(&bases, 8).ok()?;
        let gimli::Pointer::Direct(frames) = parsed.eh_frame_ptr() else { return None };
        let frames = loaded().find_map(|segment| segment.from(frames as usize))?;
        Some(Tables { index, frames })
    });
    1
}
