//! The authority: what a stream channel's owner knows, the truth.

mod publish;
mod stream;
mod subscribe;
#[cfg(test)]
mod tests;
mod topic;

pub use stream::{StreamAuthority, Topics};
pub use subscribe::{Heard, SubscribeOutcome};
pub use topic::PublicationKey;
