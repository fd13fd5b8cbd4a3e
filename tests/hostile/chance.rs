//! Numbers that look random and follow from a seed.

/// SplitMix64, <https://prng.di.unimi.it/splitmix64.c>.
pub struct Chance(u64);

impl Chance {
    /// The numbers of one request. They do not depend on those of other requests, so whichever
    /// worker makes it, the request is the same.
    pub fn of(seed: u64, request: u64) -> Self {
        let mut chance = Self(seed.wrapping_add(request.wrapping_mul(0xd134_2543_de82_ef95)));
        chance.0 = chance.number();
        chance
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when there is none.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % (end.max(1) as u64)) as usize
    }

    /// True once in so many times.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    ///
    /// # Panics
    /// When there are none.
    pub fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        *self.among(all)
    }

    /// The same for what is not copied.
    ///
    /// # Panics
    /// When there are none.
    pub fn among<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// Any bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.number() as u8).collect()
    }
}
