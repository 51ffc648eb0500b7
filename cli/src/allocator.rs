//! Who gives the program its memory.
//!
//! Planning takes and gives back many small pieces, and an ingest gives back on one thread what another took. With
//! glibc's allocator that was a tenth of the CPU time of an account, and twice the memory of an ingest, most of it in arenas
//! of threads that had ended (`bench/blame` has the figures).

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Few arenas, and what is free in them given back after a second: read by jemalloc as it starts. `_RJEM_MALLOC_CONF` in
/// the environment says otherwise.
#[allow(unsafe_code)]
#[unsafe(export_name = "_rjem_malloc_conf")]
#[used]
static CONFIGURATION: Configuration = Configuration(c"narenas:4,dirty_decay_ms:1000".as_ptr());

/// A pointer as C has it, to what never changes.
#[repr(transparent)]
struct Configuration(*const std::ffi::c_char);

#[allow(unsafe_code)]
// SAFETY: nobody writes to a constant string.
unsafe impl Sync for Configuration {}
