//! Crockford base32 of a UUID, as the TypeID specification (0.3) writes it: 26 characters,
//! lower case, sorting like the 128 bits they stand for.

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Length of an encoded UUID, in characters.
pub const LENGTH: usize = 26;

/// Writes 128 bits as 26 characters, the most significant first.
pub fn encode(value: u128) -> String {
    (0..LENGTH)
        .rev()
        .map(|place| {
            let digit = (value >> (place * 5)) & 31;
            char::from(ALPHABET[digit as usize])
        })
        .collect()
}

/// Reads 26 characters back; `None` for any other length, character or a value over 128 bits.
pub fn decode(text: &str) -> Option<u128> {
    let bytes = text.as_bytes();
    // 26 characters carry 130 bits: the first one may use only three of its five.
    if bytes.len() != LENGTH || bytes[0] > b'7' {
        return None;
    }
    bytes.iter().try_fold(0u128, |value, byte| {
        let digit = ALPHABET.iter().position(|letter| letter == byte)?;
        Some((value << 5) | digit as u128)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn agrees_with_the_specifications_vectors() {
        // https://github.com/jetify-com/typeid/blob/main/spec/valid.yml
        assert_eq!(encode(0), "00000000000000000000000000");
        assert_eq!(encode(u128::MAX), "7zzzzzzzzzzzzzzzzzzzzzzzzz");
        assert_eq!(encode(0x0110_c853_1d09_52d8_d73e_1194_e95b_5f19), "0123456789abcdefghjkmnpqrs");
        assert_eq!(decode("8zzzzzzzzzzzzzzzzzzzzzzzzz"), None);
        assert_eq!(decode("0123456789ABCDEFGHJKMNPQRS"), None);
    }

    proptest! {
        #[test]
        fn reads_back_what_it_wrote_and_keeps_the_order(a: u128, b: u128) {
            prop_assert_eq!(decode(&encode(a)), Some(a));
            prop_assert_eq!(a.cmp(&b), encode(a).cmp(&encode(b)));
        }
    }
}
