//! `smol_wf_fuzz::transcripts` for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| smol_wf_fuzz::transcripts(bytes));
