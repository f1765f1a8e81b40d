//! Makes the C library return freed memory to the system.
//!
//! Owns: one setting, made before the first thread starts. Never: allocates.

/// Blocks of at least this size are mapped separately and returned when freed.
/// Without this setting the C library raises its threshold to the largest block
/// ever freed, and prompts and answers of megabytes stay in holes of the heap: a
/// fork took 95 MiB instead of 64. One read of a journal has this size.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED_BYTES_LEAST: i32 = 1024 * 1024;

/// Returns large blocks to the system as soon as they are freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "only the C library itself can set this")]
pub(crate) fn return_large_blocks() {
    // SAFETY: mallopt takes two numbers and is called by the only thread. If it
    // does not know the first, it returns an error and changes nothing.
    let _ = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_BYTES_LEAST) };
}

/// Elsewhere the system's allocator decides by itself.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn return_large_blocks() {}
