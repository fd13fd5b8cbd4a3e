//! Makes inputs of other ones.

/// Longer ones are cut.
const MAX_LENGTH: usize = 4096;

/// A source of mutations: the same seed makes the same ones.
pub struct Mutator {
    state: u64,
    tokens: Vec<Vec<u8>>,
}

impl Mutator {
    pub fn new(seed: u64, tokens: Vec<Vec<u8>>) -> Self {
        Self { state: seed, tokens }
    }

    /// One input of the corpus, changed in up to five places.
    pub fn mutate(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = self.one_of(corpus);
        for _ in 0..=self.below(5) {
            self.change(&mut input, corpus);
        }
        input.truncate(MAX_LENGTH);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(input.len() + 1);
        let end = at + self.below((input.len() - at).min(16) + 1);
        match self.below(8) {
            0 => self.flip(input),
            1 => drop(input.drain(at..end)),
            2 => input.insert(at, self.next() as u8),
            // Once more what is there, here or elsewhere.
            3 => {
                let again = input[at..end].to_vec();
                let place = self.below(input.len() + 1);
                input.splice(place..place, again);
            }
            // The beginning of this one, the end of another.
            4 => {
                let other = self.one_of(corpus);
                let from = self.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            // A piece of another one in the middle.
            5 => {
                let other = self.one_of(corpus);
                let from = self.below(other.len() + 1);
                let to = from + self.below((other.len() - from).min(64) + 1);
                input.splice(at..at, other[from..to].iter().copied());
            }
            6 => {
                let token = self.token();
                input.splice(at..end, token);
            }
            _ => {
                let token = self.token();
                input.splice(at..at, token);
            }
        }
    }

    fn flip(&mut self, input: &mut [u8]) {
        let at = self.below(input.len());
        let bit = self.below(8);
        if let Some(byte) = input.get_mut(at) {
            *byte ^= 1 << bit;
        }
    }

    fn one_of(&mut self, all: &[Vec<u8>]) -> Vec<u8> {
        all.get(self.below(all.len())).cloned().unwrap_or_default()
    }

    fn token(&mut self) -> Vec<u8> {
        let at = self.below(self.tokens.len());
        self.tokens.get(at).cloned().unwrap_or_default()
    }

    /// A number below `end`; 0 where there is none.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % (end.max(1) as u64)) as usize
    }

    /// SplitMix64, <https://prng.di.unimi.it/splitmix64.c>.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Reads a dictionary of libFuzzer: a quoted text in each line, with `\"`, `\\` and `\xAB`.
pub fn dictionary(text: &str) -> Vec<Vec<u8>> {
    let quoted = text.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    quoted.map(unescaped).collect()
}

fn unescaped(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        rest = after;
        let byte = match (first, after) {
            (b'\\', [b'x', high, low, tail @ ..]) => {
                rest = tail;
                let digit = |c: u8| char::from(c).to_digit(16).expect("a hexadecimal digit") as u8;
                digit(*high) << 4 | digit(*low)
            }
            (b'\\', [escaped, tail @ ..]) => {
                rest = tail;
                *escaped
            }
            _ => *first,
        };
        bytes.push(byte);
    }
    bytes
}
