//! The bytes of RTM: packets, session frames and operations, and nothing else.
//!
//! This crate is the only place that knows how anything looks on the wire. It has no IO, no clock,
//! no randomness and no policy, needs `alloc` but not `std`, and stands alone: take it to speak
//! RTM from your own transport, to dissect captures, or to write another implementation against
//! the same vectors.
//!
//! ```text
//!  datagram ─ Packet ┬ Initial, Resume / Reply ─ (Noise) ─ Hello / Welcome handshake
//!                    ├ Retry, KeyHint, Reset, Versions, NoTicket          stateless answers
//!                    └ Data ─ (AEAD) ─ Frame Frame Frame …                after it
//!                                        └ Message ┬ Request              client → server
//!                                                  └ ServerOperation      server → client
//! ```
//!
//! Everything is parsed by nom from a slice, borrows from it, and has exactly one encoding, which
//! is written to a buffer of the caller's without an allocation. Frames are cut out by length
//! before they are looked into; unknown frames, operations and numbers survive a round trip. Each
//! length is checked before anything is reserved.
//!
//! ```
//! use rtm_wire::{Encode, Frame, Frames, LaneId, LaneMode, Message, MessageSeq};
//!
//! let message = Message {
//!     lane: LaneId(3),
//!     mode: LaneMode::RELIABLE_ORDERED,
//!     seq: MessageSeq(7),
//!     fragment: None,
//!     deadline_ms: None,
//!     payload: b"hello",
//! };
//! let mut packet = Vec::with_capacity(message.encoded_len());
//! message.encode(&mut packet);
//! assert_eq!(packet, b"\x04\x08\x03\x01\x07hello");
//!
//! let frames: Result<Vec<_>, _> = Frames::new(&packet).collect();
//! assert_eq!(frames, Ok(vec![Frame::Message(message)]));
//! ```
//!
//! `docs/protocol.md` specifies every byte; files cite its sections.
#![no_std]

extern crate alloc;

mod code;
mod delivery;
mod encode;
mod error;
mod frame;
mod handshake;
mod id;
mod kind;
pub mod limits;
mod list;
mod operation;
mod packet;
mod parse;
#[cfg(test)]
mod testing;
mod time;
pub mod varint;

pub use code::ErrorCode;
pub use delivery::Delivery;
pub use encode::Encode;
pub use error::{DecodeError, Input};
pub use frame::{
    Ack, AckRanges, Close, CloseCode, Fragment, Frame, Frames, LaneClose, LaneCredit, LaneMode,
    Message, NewConnectionId, Padding, Parity, PathChallenge, PathResponse, Ping,
    RetireConnectionId, Skip, Ticket,
};
pub use handshake::{
    Accepted, EarlyMessages, Hello, Resumption, Right, SealedTicket, TicketContents, TicketState,
    TransportParams, Welcome,
};
pub use id::{
    ConnectionId, Epoch, LaneId, LockToken, MessageSeq, OperationId, PacketNumber, PathId,
    Revision, Sequence, SessionInstance,
};
pub use kind::{
    ChannelKind, Cipher, LimitKind, LockChange, MessageType, PresenceChange, Priority, Qos,
    QueuePolicy, Reach, Reliability, StorageChange, TokenChange, TopicChange,
};
pub use list::{EncodedList, Item, List};
pub use operation::{
    AcquireLock, Acquired, Bound, ChannelRef, Event, Expected, FailedUser, GetLocks, GetMessages,
    GetMetadata, GetOnlineUsers, GetStates, GetUserChannels, HeardUser, ItemRemoval, ItemWrite,
    Join, JoinTopic, Leave, LeaveTopic, Limit, Liveness, Lock, LockEvent, Login, Logout,
    MessageEvent, Messages, Metadata, MetadataItem, MetadataOptions, MetadataWrite, OnlineFlags,
    OnlineUsers, Position, PositionEvent, PresenceEvent, PresentUser, Publish, PublishFlags,
    PublishTopic, Published, Publisher, Receipt, ReleaseLock, RemoveLock, RemoveMetadata,
    RemoveStates, RenewToken, Reply, ReplyResult, Request, RequestError, RevokeLock,
    ServerOperation, SetLock, SetMetadata, SetStates, State, StorageEvent, Stored, StoredMessage,
    Subscribe, SubscribeOptions, SubscribeTopic, SubscribeUserMetadata, TokenEvent, TopicEvent,
    TopicMessageEvent, TopicUsers, UnderLock, Unsubscribe, UnsubscribeTopic,
    UnsubscribeUserMetadata, UpdateMetadata, UserChannels, UserPublished, shared,
};
pub use packet::{
    DataHeader, Initial, KeyHint, KeyId, NoTicket, Packet, Reply as ReplyPacket, Reset, ResetToken,
    Resume, Retry, TruncatedNumber, Versions,
};
pub use time::{Time, UnixTime};

/// The wire version that this crate speaks.
pub const VERSION: u8 = 1;
