//! The exports of the WebAssembly module.
//!
//! Owns: how a text and the result cross. Never: frees anything; an instance strips one
//! text and is thrown away.

use crate::strip;

/// Status of a text that was given in another encoding. No [`crate::Reason`] has it.
const NOT_UTF8: u32 = u32::MAX;

/// What `strip` points to: the status (0, or the number of a reason), the byte of a
/// refusal, and the address and length of the stripped text or the parser's message.
static mut RESULT: [u32; 4] = [0; 4];

/// Memory for a text of this many bytes.
#[unsafe(no_mangle)]
extern "C" fn room(length: u32) -> *mut u8 {
    let bytes = vec![0_u8; length as usize];
    Box::leak(bytes.into_boxed_slice()).as_mut_ptr()
}

/// Strips the text at this address, and returns the address of the result.
///
/// # Safety
/// The address and length must be those of one call of [`room`].
#[unsafe(no_mangle)]
unsafe extern "C" fn strip_at(address: *const u8, length: u32) -> *const u32 {
    // SAFETY: the host passes what `room` returned, and that is never freed.
    let bytes = unsafe { std::slice::from_raw_parts(address, length as usize) };
    let (status, at, text) = match std::str::from_utf8(bytes) {
        Err(_) => (NOT_UTF8, 0, String::new()),
        Ok(text) => match strip(text) {
            Ok(stripped) => (0, 0, stripped),
            Err(refusal) => (refusal.reason as u32, refusal.at, refusal.message),
        },
    };
    let text = Box::leak(text.into_boxed_str());
    let result = &raw mut RESULT;
    // SAFETY: a module has one thread, and nothing else refers to the result.
    unsafe { *result = [status, at, text.as_ptr().addr() as u32, text.len() as u32] };
    result.cast()
}
