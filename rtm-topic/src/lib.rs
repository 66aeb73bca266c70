//! RTM stream channels and their topics as pure state machines, for both sides of the network.
//!
//! ```text
//!   client                                                 owner (server)
//!  ┌────────────┐ join, join topic, publish, subscribe … ┌─────────────────┐
//!  │ StreamView │ ─────────────────────────────────────► │ StreamAuthority │
//!  │  (mirror)  │ ◄───────────────────────────────────── │     (truth)     │
//!  └────────────┘  who publishes what, messages          └─────────────────┘
//!
//!  stream channel ─┬─ topic "positions" ─┬─ publication of alice: 1, 2, 3 …
//!                  │                     └─ publication of bob:   1, 2 …
//!                  └─ topic "chat" ─────── publication of bob:   1, 2, 3, 4 …
//! ```
//!
//! Members of a stream channel publish in topics and subscribe to publishers of topics; the roles
//! are independent. A publication is one publisher's part in a topic: it has a number, messages
//! counted from 1 without holes, an order, an urgency and a reliability of the publisher's choice,
//! and a lane of its own on the way to each subscriber ([`rtm_wire::Delivery::lane_mode`]). Views
//! drop repeats, and name each message that a subscriber was to get and will not, unless the
//! publisher has chosen that messages may be skipped.
//!
//! Nothing here reads a clock, draws a number, or knows of sockets. See `examples/classroom.rs` for
//! an authority and a view that talk without a network.

mod authority;
mod delivery;
mod limits;
mod name;
mod view;
mod wish;

pub use authority::{Heard, PublicationKey, StreamAuthority, SubscribeOutcome, Topics};
pub use delivery::check_delivery;
pub use limits::TopicLimits;
pub use name::TopicName;
pub use view::{
    Membership, PublicationView, PublisherInfo, PublisherState, StreamView, TopicGap, TopicMissed,
    TopicVerdict,
};
