//! What was just done, said on the page that comes after it. The address carries only which of
//! these it is: nobody can make a page of ours say something else.

use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::session::Visitor;

/// Something that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Done {
    Added,
    Saved,
    SavedWithoutHeaders,
    Deleted,
    SwitchedOn,
    SwitchedOff,
    Rotated,
    Replayed,
    #[serde(other)]
    Other,
}

impl Done {
    /// Its name in an address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Saved => "saved",
            Self::SavedWithoutHeaders => "saved-without-headers",
            Self::Deleted => "deleted",
            Self::SwitchedOn => "switched-on",
            Self::SwitchedOff => "switched-off",
            Self::Rotated => "rotated",
            Self::Replayed => "replayed",
            Self::Other => "other",
        }
    }
}

/// Says it, if there is anything to say.
pub fn of(done: Option<Done>, visitor: &Visitor) -> Markup {
    let one = visitor.words().endpoint_first();
    let text = match done {
        None | Some(Done::Other) => return html! {},
        Some(Done::Added) => {
            format!("{one} added. Copy its secret into your receiver, then send it a test event.")
        }
        Some(Done::Saved) => "Saved. New events are sent accordingly within a second.".to_owned(),
        Some(Done::SavedWithoutHeaders) => {
            "Saved. Headers whose values are not shown were removed: they were set for the host of the \
             URL before. Set them again, if this host is to get them."
                .to_owned()
        }
        Some(Done::Deleted) => format!("{one} deleted."),
        Some(Done::SwitchedOn) => {
            format!("{one} switched on. What it missed can be sent again, under “Send again”.")
        }
        Some(Done::SwitchedOff) => format!("{one} switched off. It gets no deliveries."),
        Some(Done::Rotated) => "There is a new secret. Copy it into your receiver now.".to_owned(),
        Some(Done::Replayed) => "Sent once more. The attempt is in the log in a moment.".to_owned(),
    };
    let class = if done == Some(Done::SavedWithoutHeaders) { "note warn" } else { "note good" };
    html! { div class=(class) role="status" { div { (text) } } }
}
