//! A model of how deliveries are kept from being lost: producer's message, dispatch, deliver, retry,
//! sweep, queues and table. A checker tries every order of its steps, with every crash, refused call
//! and duplicate that a case allows. `README.md` maps the steps to the code.

mod alone;
mod bucket;
mod case;
mod deliver;
mod delivery;
mod dispatch;
mod model;
mod order;
mod retry;
mod state;
mod step;

pub use alone::Alone;
pub use case::{Case, Without};
pub use model::{ALWAYS, ENDS, OBEYS, ONCE, ONE_SCHEDULE};
