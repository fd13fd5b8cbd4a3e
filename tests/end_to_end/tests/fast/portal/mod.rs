//! The customer portal: links and sessions, what keeps its pages safe, and the platform team's pages.
//! (In a real browser, and over a large log: `slow`.)

mod link;
mod platform;
mod safety;
mod switching;
mod try_out;
