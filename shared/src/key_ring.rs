//! The values of the deployment key: one, or two while it is being rotated. Each has a number, which
//! stands beside what it sealed.
//!
//! A rotation goes from one value to two and back: the new one is announced, so that every process can
//! open what it will seal; it takes over; and when nothing is sealed with the former one any more, that
//! is dropped.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sealing::{NotSealed, SealingKey};

/// Characters that a value has at least: 32 random ones are 190 bits and more.
const MIN_LENGTH: usize = 32;
/// The number of a value that stands alone, as a text: that of every deployment that never rotated.
pub const FIRST: KeyNumber = 1;

/// Number of a value, from 1; the newest has the highest.
pub type KeyNumber = u32;

/// The values, and which of them seals. Shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRing {
    /// By their numbers, as texts; never empty.
    keys: BTreeMap<KeyNumber, String>,
    sealing: KeyNumber,
    /// When the last step of a rotation was taken; `None` before the first rotation.
    changed_at: Option<Timestamp>,
}

/// How far a rotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// None is under way: there is one value.
    Settled,
    /// There is a new value, and nothing is sealed with it yet.
    Announced,
    /// The new value seals. The former one opens what it sealed.
    TakenOver,
}

/// A text that holds no values. What it holds instead is not said, since it may be secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyRing {
    #[error("has fewer than {MIN_LENGTH} characters")]
    Short,
    #[error("begins with a brace, and is not the JSON that posthorn writes (line {0}, column {1})")]
    Malformed(usize, usize),
    #[error("says that key {0} seals, and does not have it")]
    Missing(KeyNumber),
}

/// Why a text can't be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CantOpen {
    /// It may be newer than what this process knows, or was dropped.
    #[error("sealed with key {0} of the deployment key, which is not there")]
    UnknownKey(KeyNumber),
    #[error(transparent)]
    NotSealed(#[from] NotSealed),
}

/// How values are kept once there has been a rotation.
#[derive(Serialize, Deserialize)]
struct Kept {
    sealing: KeyNumber,
    changed_at: Timestamp,
    keys: BTreeMap<KeyNumber, String>,
}

impl KeyRing {
    /// Reads what is kept: a single value as it is, or the JSON of [`Self::to_text`].
    ///
    /// # Errors
    /// When a value is shorter than 32 characters, or the JSON is something else.
    pub fn parse(text: &str) -> Result<Self, InvalidKeyRing> {
        let text = text.trim();
        let ring = if text.starts_with('{') {
            // serde's own message may quote a value.
            let malformed = |e: serde_json::Error| InvalidKeyRing::Malformed(e.line(), e.column());
            let Kept { sealing, changed_at, keys } =
                serde_json::from_str(text).map_err(malformed)?;
            Self { keys, sealing, changed_at: Some(changed_at) }
        } else {
            let keys = BTreeMap::from([(FIRST, text.to_owned())]);
            Self { keys, sealing: FIRST, changed_at: None }
        };
        if ring.keys.values().any(|value| value.len() < MIN_LENGTH) {
            return Err(InvalidKeyRing::Short);
        }
        if !ring.keys.contains_key(&ring.sealing) {
            return Err(InvalidKeyRing::Missing(ring.sealing));
        }
        Ok(ring)
    }

    /// The text to keep.
    pub fn to_text(&self) -> String {
        let Some(changed_at) = self.changed_at else {
            return self.keys.values().next().cloned().unwrap_or_default();
        };
        let kept = Kept { sealing: self.sealing, changed_at, keys: self.keys.clone() };
        // Numbers, a time and texts: nothing that JSON does not have.
        serde_json::to_string(&kept).unwrap_or_default()
    }

    /// How far a rotation is.
    pub fn stage(&self) -> Stage {
        match self.keys.len() {
            1 => Stage::Settled,
            _ if self.sealing < self.newest() => Stage::Announced,
            _ => Stage::TakenOver,
        }
    }

    /// The value that seals.
    pub fn sealing(&self) -> KeyNumber {
        self.sealing
    }

    /// Whether there is a value of this number.
    pub fn has(&self, number: KeyNumber) -> bool {
        self.keys.contains_key(&number)
    }

    /// The newest value.
    pub fn newest(&self) -> KeyNumber {
        self.keys.keys().next_back().copied().unwrap_or(FIRST)
    }

    /// The values that do not seal any more.
    pub fn former(&self) -> impl Iterator<Item = KeyNumber> {
        self.keys.keys().copied().filter(|number| *number < self.sealing)
    }

    /// When the last step of a rotation was taken; `None` before the first rotation.
    pub fn changed_at(&self) -> Option<Timestamp> {
        self.changed_at
    }

    /// With a new value, which does not seal yet.
    ///
    /// # Errors
    /// When the value is too short.
    pub fn announcing(&self, value: &str, now: Timestamp) -> Result<Self, InvalidKeyRing> {
        if value.len() < MIN_LENGTH {
            return Err(InvalidKeyRing::Short);
        }
        let mut ring = self.changed(now);
        ring.keys.insert(self.newest().saturating_add(1), value.to_owned());
        Ok(ring)
    }

    /// With the newest value sealing.
    pub fn taken_over(&self, now: Timestamp) -> Self {
        Self { sealing: self.newest(), ..self.changed(now) }
    }

    /// Without the values that do not seal any more.
    pub fn without_former(&self, now: Timestamp) -> Self {
        let mut ring = self.changed(now);
        ring.keys.retain(|number, _| *number >= self.sealing);
        ring
    }

    fn changed(&self, now: Timestamp) -> Self {
        Self { changed_at: Some(now), ..self.clone() }
    }

    /// Seals a text by the value that seals, bound to `context`; answers its number, too. `random` has
    /// to be fresh every time.
    pub fn seal(&self, text: &str, context: &str, random: u128) -> (KeyNumber, String) {
        let value = self.keys.get(&self.sealing).map(String::as_str).unwrap_or_default();
        (self.sealing, derived(value).seal(text, context, random))
    }

    /// Opens what the value of this number sealed for `context`.
    ///
    /// # Errors
    /// When there is no such value; when another one sealed it, or for another context, or it was changed.
    pub fn open(&self, number: KeyNumber, sealed: &str, context: &str) -> Result<String, CantOpen> {
        let value = self.keys.get(&number).ok_or(CantOpen::UnknownKey(number))?;
        Ok(derived(value).open(sealed, context)?)
    }
}

fn derived(value: &str) -> SealingKey {
    SealingKey::derive(value.as_bytes(), "table")
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn value(letter: char) -> String {
        letter.to_string().repeat(52)
    }

    #[test]
    fn a_rotation_goes_from_one_value_to_two_and_back() {
        let one = KeyRing::parse(&format!("{}\n", value('a'))).unwrap();
        assert_eq!((one.stage(), one.sealing(), one.to_text()), (Stage::Settled, 1, value('a')));
        let (number, by_the_first) = one.seal("whsec_1", "here", 7);
        assert_eq!(number, 1);

        let announced = one.announcing(&value('b'), NOW).unwrap();
        assert_eq!((announced.stage(), announced.sealing()), (Stage::Announced, 1));
        assert_eq!(announced.former().count(), 0);
        let both = announced.taken_over(NOW);
        assert_eq!((both.stage(), both.sealing(), both.newest()), (Stage::TakenOver, 2, 2));
        assert_eq!(both.former().collect::<Vec<_>>(), [1]);
        let (number, by_the_second) = both.seal("whsec_1", "here", 7);
        assert_eq!(number, 2);
        // Whoever knows of the announcement opens both.
        for ring in [&announced, &both] {
            assert_eq!(ring.open(1, &by_the_first, "here").as_deref(), Ok("whsec_1"));
            assert_eq!(ring.open(2, &by_the_second, "here").as_deref(), Ok("whsec_1"));
        }
        assert_eq!(one.open(2, &by_the_second, "here"), Err(CantOpen::UnknownKey(2)));
        assert_eq!(both.open(1, &by_the_second, "here"), Err(CantOpen::NotSealed(NotSealed)));

        let finished = both.without_former(NOW);
        assert_eq!((finished.stage(), finished.sealing()), (Stage::Settled, 2));
        assert_eq!(finished.open(1, &by_the_first, "here"), Err(CantOpen::UnknownKey(1)));
        assert_eq!(finished.open(2, &by_the_second, "here").as_deref(), Ok("whsec_1"));
        assert_eq!(finished.announcing(&value('c'), NOW).unwrap().newest(), 3);
    }

    #[test]
    fn every_stage_is_read_as_it_was_written() {
        let one = KeyRing::parse(&value('a')).unwrap();
        let announced = one.announcing(&value('b'), NOW).unwrap();
        let both = announced.taken_over(NOW);
        for ring in [&one, &announced, &both, &both.without_former(NOW)] {
            assert_eq!(KeyRing::parse(&ring.to_text()).as_ref(), Ok(ring));
        }
        // What operators write by hand, as docs/OPERATING.md shows it.
        let text = r#"{"sealing":2,"changed_at":"2026-12-01T10:00:00Z","keys":{"1":"A","2":"B"}}"#;
        let text = text.replace("\"A\"", &format!("{:?}", value('a')));
        let by_hand = KeyRing::parse(&text.replace("\"B\"", &format!("{:?}", value('b')))).unwrap();
        assert_eq!((by_hand.stage(), by_hand.sealing()), (Stage::TakenOver, 2));
    }

    #[test]
    fn what_holds_no_values_is_refused_and_not_shown() {
        assert_eq!(KeyRing::parse("short"), Err(InvalidKeyRing::Short));
        assert_eq!(KeyRing::parse(""), Err(InvalidKeyRing::Short));
        let one = KeyRing::parse(&value('a')).unwrap();
        assert_eq!(one.announcing("short", NOW), Err(InvalidKeyRing::Short));
        let missing = one.announcing(&value('b'), NOW).unwrap().to_text();
        let missing = missing.replace(r#""sealing":1"#, r#""sealing":3"#);
        assert_eq!(KeyRing::parse(&missing), Err(InvalidKeyRing::Missing(3)));
        let secret = value('x');
        let error = KeyRing::parse(&format!(r#"{{"sealing":"{secret}"}}"#)).unwrap_err();
        assert!(matches!(error, InvalidKeyRing::Malformed(1, _)), "{error}");
        assert!(!error.to_string().contains(&secret), "{error}");
        assert_eq!(format!("{one:?}"), "***");
    }
}
