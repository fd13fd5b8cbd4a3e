//! A delivery: its item, and all that is on its way for it.

use crate::state::ATTEMPTS;

/// The most messages and invocations that one delivery has at a time.
const TOKENS: usize = 12;

/// What a message tells of its past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Past {
    None,
    /// `check`: it may have been sent before.
    Check,
    /// `again`: it was received before.
    Again,
}

/// A message of the deliveries queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Message {
    pub attempt: u8,
    pub past: Past,
}

impl Message {
    pub fn first(check: bool) -> Self {
        Self { attempt: 1, past: if check { Past::Check } else { Past::None } }
    }

    pub fn next(self) -> Self {
        Self { attempt: self.attempt + 1, past: Past::None }
    }

    /// It was not deleted. Of the last attempt nobody asks for its past: it is read in any case, and
    /// nothing follows it.
    pub fn back(self) -> Self {
        let past = if self.attempt < ATTEMPTS { Past::Again } else { Past::None };
        Self { past, ..self }
    }

    /// Whether what is on record is read: `Received::has_history`.
    pub fn reads(self) -> bool {
        self.attempt > 1 || self.past != Past::None
    }
}

/// The way to the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Road {
    Queue,
    /// By a row in this bucket.
    Row(u8),
}

/// A delivery's item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Record {
    None,
    /// The last attempt made, and how the next one comes.
    Retrying(u8, Road),
    Delivered,
    Failed,
    Cancelled,
    /// One of the last three, and nothing can happen to it any more.
    Settled,
}

impl Record {
    pub fn is_over(self) -> bool {
        !matches!(self, Self::None | Self::Retrying(..))
    }
}

/// The call that an invocation makes next for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Puts the item, and the row if the next attempt comes by one.
    Write(Record),
    /// Puts a row once more.
    WriteRow(u8),
    /// Sends the next attempt, or makes sure of its bucket's schedule.
    Wake(Road),
}

/// How the invocation ends for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fate {
    Deleted,
    /// A call was refused: the message is reported as failed.
    ComesBack,
    /// The invocation will end before it can delete the message.
    Dies,
}

/// Something under way for a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Token {
    Waiting(Message),
    Taken(Message, Stage, Fate),
    /// No token; last, so that sorting moves these to the end.
    Nothing,
}

/// A delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Delivery {
    pub record: Record,
    /// Sorted: their order says nothing.
    tokens: [Token; TOKENS],
}

impl Delivery {
    pub const NEW: Self = Self { record: Record::None, tokens: [Token::Nothing; TOKENS] };
    pub const SETTLED: Self = Self { record: Record::Settled, ..Self::NEW };

    pub fn tokens(&self) -> impl Iterator<Item = Token> + '_ {
        self.tokens.iter().copied().take_while(|token| *token != Token::Nothing)
    }

    pub fn is_idle(&self) -> bool {
        self.tokens[0] == Token::Nothing
    }

    pub fn send(&mut self, message: Message) {
        self.replace(Token::Nothing, Token::Waiting(message));
    }

    pub fn replace(&mut self, old: Token, new: Token) {
        let place = self.tokens.iter().position(|token| *token == old);
        // A model that outgrows its bounds must not pass for one that was checked.
        let place = place.expect("a delivery has at most TOKENS tokens");
        self.tokens[place] = new;
        self.tokens.sort_unstable();
    }

    /// The delivery with its buckets renamed.
    pub fn in_buckets(mut self, name: impl Fn(u8) -> u8) -> Self {
        if self.is_idle() && !matches!(self.record, Record::Retrying(..)) {
            return self;
        }
        let road = |road| match road {
            Road::Row(bucket) => Road::Row(name(bucket)),
            Road::Queue => Road::Queue,
        };
        let record = |record| match record {
            Record::Retrying(attempt, way) => Record::Retrying(attempt, road(way)),
            other => other,
        };
        self.record = record(self.record);
        for token in &mut self.tokens {
            if let Token::Taken(_, stage, _) = token {
                *stage = match *stage {
                    Stage::Write(written) => Stage::Write(record(written)),
                    Stage::WriteRow(bucket) => Stage::WriteRow(name(bucket)),
                    Stage::Wake(way) => Stage::Wake(road(way)),
                };
            }
        }
        self.tokens.sort_unstable();
        self
    }

    /// Whether a bucket matters to it.
    pub fn names(&self, bucket: u8) -> bool {
        let row = Road::Row(bucket);
        let retrying = |record| matches!(record, Record::Retrying(_, road) if road == row);
        retrying(self.record)
            || self.tokens().any(|token| match token {
                Token::Taken(_, Stage::Write(record), _) => retrying(record),
                Token::Taken(_, Stage::WriteRow(of), _) => of == bucket,
                Token::Taken(_, Stage::Wake(road), _) => road == row,
                Token::Waiting(_) | Token::Nothing => false,
            })
    }
}

impl Stage {
    /// Whether it has to do with a bucket.
    pub fn is_of_a_row(self) -> bool {
        match self {
            Self::Write(Record::Retrying(_, road)) | Self::Wake(road) => road != Road::Queue,
            Self::WriteRow(_) => true,
            Self::Write(_) => false,
        }
    }
}
