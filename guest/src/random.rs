//! `Math.random`: xoshiro256**, its state filled by SplitMix64 from the run's
//! seed, as its authors (Blackman and Vigna) advise.
//!
//! Never asks WASI for randomness, so that a run replays.

use std::cell::Cell;

thread_local! {
    static STATE: Cell<[u64; 4]> = const { Cell::new([1, 2, 3, 4]) };
}

pub(crate) fn seed(seed: u64) {
    let mut counter = seed;
    let state = [(); 4].map(|()| {
        counter = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (counter ^ (counter >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    });
    STATE.set(state);
}

/// From 0 to just under 1, in steps of 2⁻⁵³.
pub(crate) fn random() -> f64 {
    const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
    (next() >> 11) as f64 * STEP
}

fn next() -> u64 {
    let [mut a, mut b, mut c, mut d] = STATE.get();
    let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
    let shifted = b << 17;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = d.rotate_left(45);
    STATE.set([a, b, c, d]);
    result
}
