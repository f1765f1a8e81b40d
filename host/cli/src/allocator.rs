//! How the C library gives memory back.
//!
//! Owns: one setting, made before the first thread. Never: allocates.

/// Larger pieces are mapped one by one and go back to the system when they are
/// freed. Without it the C library raises that bound to the largest piece that was
/// ever freed, and keeps prompts and answers of megabytes in holes of its heap: a
/// fork took 95 MiB in place of 64. A piece of a journal that is read at once is as
/// large.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED_BYTES_LEAST: i32 = 1024 * 1024;

/// Has large pieces of memory given back as soon as they are freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "only the C library itself can set this")]
pub(crate) fn give_back() {
    // SAFETY: mallopt takes two numbers, is asked by the only thread there is, and
    // says by its result that it did not know the first. Then nothing is changed,
    // and the program works as before.
    let _ = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_BYTES_LEAST) };
}

/// Elsewhere the system's allocator decides by itself.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_back() {}
