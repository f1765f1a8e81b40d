//! The screen at three sizes, in colour, without colours, and in ASCII.
//!
//! Owns: samples of runs, and pictures of what is drawn of them. Never: a terminal.
