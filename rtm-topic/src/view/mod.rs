//! The view: what a client knows of a stream channel, a mirror.

mod publication;
mod stream;

pub use publication::{PublicationView, TopicGap, TopicVerdict};
pub use stream::{Membership, PublisherInfo, PublisherState, StreamView};
