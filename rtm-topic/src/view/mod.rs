//! The view: what a client knows of a stream channel, a mirror.

mod member;
mod publication;
mod stream;
mod subscription;
mod topics;
mod track;

pub use member::{Membership, PublisherInfo, PublisherState};
pub use publication::{PublicationView, TopicGap, TopicVerdict};
pub use stream::StreamView;
pub use topics::TopicMissed;
