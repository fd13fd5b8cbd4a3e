//! The steps.

use crate::delivery::{Message, Stage, Token};

/// What dispatch does with one message of the events queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dispatched {
    pub event: usize,
    /// The message had come back.
    pub again: bool,
    pub stored: bool,
    /// A bit for each endpoint that a message is sent to.
    pub sent: u8,
}

/// What deliver makes of one message of the deliveries queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    pub delivery: usize,
    pub message: Message,
    /// An attempt was made.
    pub attempted: bool,
    /// What it does next; `None`: nothing.
    pub stage: Option<Stage>,
}

/// An entry of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Item,
    Row,
    /// A message or a schedule.
    WakeUp,
}

/// Who calls retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    Schedule,
    Sweep,
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Stores the event, sends its messages, deletes the event's message.
    Dispatch(Dispatched),
    /// The same, and a call was refused.
    DispatchRefused(Dispatched),
    /// The same with a batch, and it ends on the way.
    DispatchCrash(Dispatched, Option<Dispatched>),
    /// Takes a message, reads what is on record, makes the attempt.
    Take(Taken),
    /// The same with a batch that will not come to its end.
    TakeAndCrash(Taken, Option<Taken>),
    /// Makes the next call.
    Go(usize, Token),
    /// Makes it, and this entry is refused.
    Refused(usize, Token, Entry),
    /// Ends. These entries of the call were written.
    Crash(usize, Token, Option<Entry>),
    /// The bucket's time comes.
    Begin(usize),
    /// Another delivery, with a row in the same bucket, makes sure of the bucket's schedule.
    OtherSchedules(usize),
    /// Sends a bucket's rows and marks it as done.
    Retry(usize, Caller),
    /// The same, and the schedule will call once more.
    RetryTwice(usize),
    /// Sends rows of these deliveries, and ends before it is done.
    RetryCrash(u8),
    /// The same because of a call that is refused.
    RetryRefused(u8),
    /// The endpoint is switched off, or on again.
    Switch(usize),
    /// The event's message is there twice.
    EventTwice(usize),
    /// No step: what follows is looked at for this delivery alone.
    Follow(usize),
    /// The delivery's message is there twice.
    MessageTwice(usize, Message),
}
