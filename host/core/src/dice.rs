//! A pseudorandom generator that gives the same numbers for the same seed on every
//! machine.
//!
//! Owns: the numbers that recorded data depends on: seeds of scripts, schedules of an
//! exploration, examples of schemas. Never: changes, because recordings would replay
//! differently. Tests use a library instead.
//!
//! `SplitMix64` (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
//! 2014).

/// The odd number nearest to 2^64 divided by the golden ratio.
pub const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A generator.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The generator with this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        finish(self.0)
    }

    /// The next number below `count`; 0 if `count` is 0.
    pub fn below(&mut self, count: u64) -> u64 {
        self.roll() % count.max(1)
    }
}

/// A hash of a number, so that neighbouring numbers give unrelated ones.
#[must_use]
pub fn mix(bits: u64) -> u64 {
    finish(bits.wrapping_add(GOLDEN))
}

/// The generator's finaliser.
#[must_use]
pub fn finish(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_reference() {
        // From the authors' C program, for the seed 1234567.
        let mut dice = Dice::new(1_234_567);
        for expected in [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ] {
            assert_eq!(dice.roll(), expected);
        }
        assert_eq!(Dice::new(7).roll(), mix(7));
        assert_eq!(Dice::new(7).below(0), 0);
    }
}
