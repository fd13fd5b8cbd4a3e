//! What a request's cookie leads to: the gate looks, pages take what it found.

use http::request::Parts;

use super::trouble::Trouble;

/// `P` is somebody while the session lasts; `O` what is known of one that is over.
#[derive(Clone)]
pub enum Found<P, O> {
    Present(Box<P>),
    Over(O),
    Nobody,
    /// The table did not answer.
    Unclear(String),
}

impl<P, O> Found<P, O>
where
    P: Clone + Send + Sync + 'static,
    O: Clone + Send + Sync + 'static,
{
    /// What the gate has found.
    pub fn in_request(parts: &Parts) -> Self {
        parts.extensions.get::<Self>().cloned().unwrap_or(Self::Nobody)
    }

    /// Who is there.
    ///
    /// # Errors
    /// Why nobody is.
    pub fn present(self) -> Result<P, Trouble> {
        match self {
            Self::Present(person) => Ok(*person),
            Self::Over(_) => Err(Trouble::SessionOver),
            Self::Nobody => Err(Trouble::NoSession),
            Self::Unclear(reason) => Err(Trouble::Unavailable(reason)),
        }
    }
}
