//! `smol_wf_fuzz::stream` for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| smol_wf_fuzz::stream(bytes));
