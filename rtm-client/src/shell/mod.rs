//! The tokio side: handles that send commands, and the one task that owns the core.
//!
//! ```text
//!   RtmClient, MessageChannel, TopicPublisher …          MessageSubscription, TopicSubscription …
//!      │ commands (bounded)      ▲ answers (oneshot)        ▲ messages (bounded by lane credit)
//!      ▼                         │                          │     │ notices: taken, dropped
//!   ┌─ one task ─────────────────┴──────────────────────────┴─────▼─┐
//!   │  ClientEngine: Core + who waits + where messages go           │
//!   │  rtm_session::driver::drive                                   │
//!   └───────────────────────────── UDP ─────────────────────────────┘
//! ```

mod builder;
mod channel;
mod client;
mod engine;
mod events;
mod history;
mod lock;
mod log_file;
mod merged;
mod presence;
mod publish;
mod queue;
mod settings;
mod shared;
mod sockets;
mod storage;
mod stream;
mod topic;
mod user;

pub use builder::ClientBuilder;
pub use channel::{MessageChannel, MessageSubscription};
pub use client::RtmClient;
pub use events::{ClientEvent, ClientEvents, EventHandlerId};
pub use history::History;
pub use lock::Locks;
pub use merged::{EventSource, MergedEvents, RtmEvent};
pub use presence::Presence;
pub use publish::{PUBLISH_WINDOW_BYTES, PUBLISH_WINDOW_MESSAGE, PendingPublish};
pub use storage::{MetadataSubscription, Storage};
pub use stream::{StreamChannel, StreamEvents};
pub use topic::{TopicPublisher, TopicSubscription};
pub use user::UserChannel;
