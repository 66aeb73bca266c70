//! The RTM client SDK: real-time messages, channels and topics over one encrypted session.

mod address;
#[cfg(feature = "unstable-core")]
pub mod core;
#[cfg(not(feature = "unstable-core"))]
#[expect(unreachable_pub, dead_code, reason = "public with the feature unstable-core")]
mod core;
mod error;
mod limits;
mod link;
mod message;
mod options;
mod shell;
mod stream;
mod text;

pub use address::ServerAddress;
pub use error::{Error, ErrorKind};
pub use limits::ServerLimits;
pub use link::{LinkEvent, LinkReason, LinkState, Unrestored};
pub use message::{
    ChannelEvent, ChannelMessage, Gap, Published, TopicEvent, TopicGap, TopicMessage,
};
pub use options::{JoinOptions, PublishOptions, Publishers, SubscribeOptions, TopicOptions};
pub use rtm_wire::{MessageType, Priority, Qos};
pub use shell::{
    ClientBuilder, ClientEvent, ClientEvents, MessageChannel, MessageSubscription,
    PUBLISH_WINDOW_BYTES, PUBLISH_WINDOW_MESSAGE, PendingPublish, RtmClient, StreamChannel,
    StreamEvents, TopicPublisher, TopicSubscription, UserChannel,
};
pub use stream::{FailedUser, Publication, StreamEvent, SubscribedUsers};
pub use text::Text;
