//! Patterns: regular expressions of ECMA-262, as JSON Schema has them, without look-around and
//! back-references. They match anywhere in a text, unless they are anchored.
//!
//! A pattern is compiled to a nondeterministic automaton and run on all its states at once. No
//! pattern takes longer than its states times the bytes of the text, there is nothing that grows
//! while it runs, and it stops when the steps are used up. Engines that are quicker on long texts
//! keep caches of many times the automaton's size per pattern and thread.

use regex_automata::nfa::thompson::{BuildError, NFA, State, WhichCaptures};
use regex_automata::util::primitives::StateID;
use regex_automata::util::syntax;

use super::steps::{OutOfSteps, Steps};

/// What ECMA-262 calls white space, in a class.
const SPACE: &str =
    r"\t-\r \u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}";
const WORD: &str = "A-Za-z0-9_";
const DIGIT: &str = "0-9";

/// A compiled pattern.
#[derive(Debug)]
pub struct Pattern {
    /// As the schema has it.
    pub text: Box<str>,
    nfa: NFA,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternFault {
    /// What is wrong with it.
    #[error("{0}")]
    Syntax(String),
    /// It takes more bytes than it may.
    #[error("too large")]
    TooLarge,
}

/// What running a pattern needs; one serves many patterns, one after the other.
#[derive(Debug, Default)]
pub struct Scratch {
    stack: Vec<StateID>,
    now: States,
    next: States,
}

/// A set of states.
#[derive(Debug, Default)]
struct States {
    /// Those that wait for a byte.
    waiting: Vec<StateID>,
    /// The round in which a state was last added, for each.
    added: Vec<u32>,
    round: u32,
}

impl Pattern {
    /// Compiles a pattern to at most `max_bytes`.
    ///
    /// # Errors
    /// When it is none, or becomes too large.
    pub fn compile(text: &str, max_bytes: usize) -> Result<Self, PatternFault> {
        let translated = translate(text);
        let config =
            NFA::config().which_captures(WhichCaptures::None).nfa_size_limit(Some(max_bytes));
        let nfa =
            NFA::compiler().configure(config).build(&translated).map_err(|error| {
                match error.size_limit() {
                    Some(_) => PatternFault::TooLarge,
                    None => PatternFault::Syntax(syntax_error(&translated, &error)),
                }
            })?;
        Ok(Self { text: text.into(), nfa })
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.text.len() + self.nfa.memory_usage()
    }

    /// Whether it matches anywhere in the text.
    ///
    /// # Errors
    /// When the steps are used up.
    pub fn matches(
        &self,
        text: &str,
        scratch: &mut Scratch,
        steps: &mut Steps,
    ) -> Result<bool, OutOfSteps> {
        let text = text.as_bytes();
        let Scratch { stack, now, next } = scratch;
        let states = self.nfa.states().len();
        let anchored = self.nfa.is_always_start_anchored();
        now.clear(states);
        for at in 0..=text.len() {
            if (at == 0 || !anchored)
                && self.enter(self.nfa.start_anchored(), text, at, now, stack, steps)?
            {
                return Ok(true);
            }
            if at == text.len() || (anchored && now.waiting.is_empty()) {
                return Ok(false);
            }
            next.clear(states);
            for id in &now.waiting {
                let to = match self.nfa.state(*id) {
                    State::ByteRange { trans } => trans.matches(text, at).then_some(trans.next),
                    State::Sparse(sparse) => {
                        // Looked through from the first.
                        steps.spend(sparse.transitions.len() as u64 / 16)?;
                        sparse.matches(text, at)
                    }
                    State::Dense(dense) => dense.matches(text, at),
                    _ => None,
                };
                if let Some(to) = to
                    && self.enter(to, text, at + 1, next, stack, steps)?
                {
                    return Ok(true);
                }
            }
            std::mem::swap(now, next);
        }
        Ok(false)
    }

    /// Adds a state and all that it leads to without a byte. Answers whether one of them is a match.
    fn enter(
        &self,
        state: StateID,
        text: &[u8],
        at: usize,
        states: &mut States,
        stack: &mut Vec<StateID>,
        steps: &mut Steps,
    ) -> Result<bool, OutOfSteps> {
        stack.clear();
        stack.push(state);
        steps.spend(1)?;
        while let Some(id) = stack.pop() {
            if !states.add(id) {
                continue;
            }
            let before = stack.len();
            match self.nfa.state(id) {
                State::Match { .. } => return Ok(true),
                State::ByteRange { .. } | State::Sparse(_) | State::Dense(_) => {
                    states.waiting.push(id);
                }
                State::Union { alternates } => stack.extend(alternates.iter()),
                State::BinaryUnion { alt1, alt2 } => stack.extend([alt1, alt2]),
                State::Capture { next, .. } => stack.push(*next),
                State::Look { look, next } => {
                    if self.nfa.look_matcher().matches(*look, text, at) {
                        stack.push(*next);
                    }
                }
                State::Fail => {}
            }
            steps.spend((stack.len() - before) as u64)?;
        }
        Ok(false)
    }
}

impl States {
    fn clear(&mut self, states: usize) {
        self.waiting.clear();
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            self.added.fill(0);
            self.round = 1;
        }
        if self.added.len() < states {
            self.added.resize(states, 0);
        }
    }

    /// Whether the state was not there.
    fn add(&mut self, state: StateID) -> bool {
        std::mem::replace(&mut self.added[state.as_usize()], self.round) != self.round
    }
}

fn syntax_error(translated: &str, error: &BuildError) -> String {
    match syntax::parse(translated) {
        // The last line says what is wrong; those before show where.
        Err(error) => {
            let text = error.to_string();
            let last = text.lines().next_back().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        }
        Ok(_) => error.to_string(),
    }
}

/// Writes a pattern of ECMA-262 so that the engine reads the same in it: `\d`, `\w` and `\s` are
/// ASCII digits, ASCII word characters and ECMA-262's white space, and a class has neither classes
/// nor operators inside.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                escape(&mut chars, false, &mut out);
            }
            '[' => class(&mut chars, &mut out),
            _ => out.push(c),
        }
    }
    out
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Writes what a backslash begins. Answers whether it stands for several characters.
fn escape(chars: &mut Chars, in_class: bool, out: &mut String) -> bool {
    let class = |negated: &str, class: &str| format!("[{negated}{class}]");
    let written = match chars.next() {
        Some('d') => class("", DIGIT),
        Some('D') => class("^", DIGIT),
        Some('w') => class("", WORD),
        Some('W') => class("^", WORD),
        Some('s') => class("", SPACE),
        Some('S') => class("^", SPACE),
        Some(c @ ('p' | 'P')) => format!("\\{c}{}", braces(chars)),
        other => {
            out.push_str(&character(other, chars, in_class));
            return false;
        }
    };
    out.push_str(&written);
    true
}

/// A backslash and what follows it, where that stands for one character or an assertion.
fn character(c: Option<char>, chars: &mut Chars, in_class: bool) -> String {
    let hex = |chars: &mut Chars, digits: usize| -> String {
        if chars.peek() == Some(&'{') {
            return braces(chars);
        }
        (0..digits).map_while(|_| chars.next_if(char::is_ascii_hexdigit)).collect()
    };
    match c {
        None => "\\".to_owned(),
        // A control character, by the letter that is 64 above it.
        Some('c') => match chars.next_if(char::is_ascii_alphabetic) {
            Some(letter) => format!("\\x{{{:x}}}", u32::from(letter) % 32),
            None => "\\c".to_owned(),
        },
        Some('0') => "\\x{0}".to_owned(),
        Some('b') if in_class => "\\x{8}".to_owned(),
        // What they mean to the engine they don't in ECMA-262.
        Some(c @ ('<' | '>')) => c.to_string(),
        Some('a') => "\\c".to_owned(),
        Some('u') => format!("\\u{}", hex(chars, 4)),
        Some('x') => format!("\\x{}", hex(chars, 2)),
        Some(c) => format!("\\{c}"),
    }
}

/// Takes what is in braces, with them.
fn braces(chars: &mut Chars) -> String {
    let mut taken = String::new();
    if chars.peek() == Some(&'{') {
        for c in chars.by_ref() {
            taken.push(c);
            if c == '}' {
                break;
            }
        }
    }
    taken
}

/// Writes a class, whose `[` was read.
fn class(chars: &mut Chars, out: &mut String) {
    /// What a hyphen follows.
    #[derive(PartialEq)]
    enum Before {
        /// Nothing that could begin a range.
        Nothing,
        /// A character, which may begin one.
        Start,
        /// The hyphen of one.
        Hyphen,
    }
    let negated = chars.next_if_eq(&'^').is_some();
    if chars.next_if_eq(&']').is_some() {
        // The engine would take the bracket for a part of the class.
        *out += if negated { r"[\s\S]" } else { r"[^\s\S]" };
        return;
    }
    *out += if negated { "[^" } else { "[" };
    let mut before = Before::Nothing;
    while let Some(c) = chars.next() {
        let several = match c {
            ']' => {
                out.push(']');
                return;
            }
            '-' if before == Before::Start && is_range(chars) => {
                out.push('-');
                before = Before::Hyphen;
                continue;
            }
            '\\' => escape(chars, true, out),
            '[' | '&' | '~' | '-' | '^' => {
                out.push('\\');
                out.push(c);
                false
            }
            _ => {
                out.push(c);
                false
            }
        };
        before = if several || before == Before::Hyphen { Before::Nothing } else { Before::Start };
    }
}

/// Whether what follows a hyphen can end a range.
fn is_range(chars: &Chars) -> bool {
    let mut ahead = chars.clone();
    match ahead.next() {
        None | Some(']') => false,
        Some('\\') => !matches!(ahead.next(), Some('d' | 'D' | 's' | 'S' | 'w' | 'W' | 'p' | 'P')),
        Some(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        let compiled = Pattern::compile(pattern, usize::MAX).expect(pattern);
        let (mut scratch, mut steps) = (Scratch::default(), Steps::new(1_000_000));
        compiled.matches(text, &mut scratch, &mut steps).expect(pattern)
    }

    #[test]
    fn patterns_match_as_in_ecma_262() {
        for (pattern, fits, fits_not) in [
            ("", vec!["", "a"], vec![]),
            ("b", vec!["b", "abc"], vec!["", "ac"]),
            ("^b", vec!["b", "bc"], vec!["ab"]),
            ("b$", vec!["b", "ab"], vec!["ba", "b\n"]),
            ("^(a|bc)+$", vec!["a", "abca"], vec!["", "ab"]),
            ("^a{2,3}$", vec!["aa", "aaa"], vec!["a", "aaaa"]),
            (r"^\d+$", vec!["12"], vec!["1٣", ""]),
            (r"^\D$", vec!["a", "٣"], vec!["1"]),
            (r"^\w+$", vec!["aZ_9"], vec!["é", "-"]),
            (r"^\W$", vec!["é", "-"], vec!["a"]),
            (r"^\s$", vec![" ", "\t", "\u{a0}", "\u{feff}", "\u{2029}"], vec!["a", "\u{180e}"]),
            (r"^\S$", vec!["a"], vec![" ", "\u{feff}"]),
            (r"^[\w-]+$", vec!["a-b_"], vec!["a b"]),
            (r"^[\w-z]+$", vec!["a-z"], vec!["é"]),
            (r"^[a\-z]+$", vec!["a-z"], vec!["b"]),
            (r"^[\p{Lu}-z]+$", vec!["A-z"], vec!["a"]),
            (r"^[\u0061-\x63-e]+$", vec!["b-e"], vec!["d"]),
            (r"^[+--]$", vec!["+", ",", "-"], vec!["."]),
            (r"^[a-c-e]+$", vec!["b-e"], vec!["d"]),
            (r"^[\s\d]+$", vec!["1 2"], vec!["a"]),
            (r"^[^\s\d]+$", vec!["ab"], vec!["a1"]),
            (r"^[[&&~~]+$", vec!["[&~"], vec!["]"]),
            (r"^[^[]$", vec!["a"], vec!["["]),
            (r"^[a^]+$", vec!["^a"], vec!["b"]),
            (r"^[]$", vec![], vec!["", "a"]),
            (r"^[^]$", vec!["a", "\n"], vec!["", "ab"]),
            (r"^\cA[\cJ]$", vec!["\u{1}\n"], vec!["A"]),
            (r"^\0[\b]$", vec!["\0\u{8}"], vec!["0b"]),
            (r"^\<\/\>$", vec!["</>"], vec!["<>"]),
            (r"^\u00e9\u{1f600}$", vec!["é😀"], vec!["e"]),
            (r"^\p{Lu}\p{Script=Greek}$", vec!["Éλ"], vec!["éλ", "Éa"]),
            (r"\bcat\b", vec!["a cat!"], vec!["concat"]),
            ("^.$", vec!["é", "😀"], vec!["", "\n", "ab"]),
            (r"(?<year>\d{4})", vec!["in 2026"], vec!["in 26"]),
        ] {
            for text in fits {
                assert!(matches(pattern, text), "{pattern} {text:?}");
            }
            for text in fits_not {
                assert!(!matches(pattern, text), "{pattern} {text:?}");
            }
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_the_reason() {
        let fault = |pattern: &str| match Pattern::compile(pattern, 1 << 20) {
            Err(PatternFault::Syntax(reason)) => reason,
            other => panic!("{pattern}: {other:?}"),
        };
        assert_eq!(fault("("), "unclosed group");
        assert!(fault("(?=a)").starts_with("look-around"), "{}", fault("(?=a)"));
        assert!(fault(r"(a)\1").starts_with("backreferences"), "{}", fault(r"(a)\1"));
        for pattern in ["[a", "a{3", "*", r"\a", r"\c1", r"\p{Nothing}", "\\", "[z-a]"] {
            fault(pattern);
        }
        let large = Pattern::compile(r"(\w{10}|\p{Greek}{10}){20}", 256 * 1024);
        assert_eq!(large.unwrap_err(), PatternFault::TooLarge);
    }

    /// An engine that tries one way after the other takes exponential time on these.
    #[test]
    fn steps_grow_with_the_text_and_the_pattern_and_end() {
        let steps = |pattern: &str, text: &str| {
            let compiled = Pattern::compile(pattern, 1 << 20).unwrap();
            let mut steps = Steps::new(u64::MAX);
            compiled.matches(text, &mut Scratch::default(), &mut steps).unwrap();
            steps.used()
        };
        for pattern in ["^(a+)+$", "^(a|aa)+$", "^(a|a?)+$", "(a*)*b"] {
            let once = steps(pattern, &format!("{}!", "a".repeat(1_000)));
            let tenfold = steps(pattern, &format!("{}!", "a".repeat(10_000)));
            assert!(tenfold < once * 11, "{pattern}: {once} {tenfold}");
            assert!(tenfold < 300_000, "{pattern}: {tenfold}");
        }
        let compiled = Pattern::compile("^(a+)+$", 1 << 20).unwrap();
        let mut few = Steps::new(1_000);
        let ended = compiled.matches(&"a".repeat(10_000), &mut Scratch::default(), &mut few);
        assert_eq!(ended, Err(OutOfSteps));
    }
}
