//! Under construction.
#![no_std]
extern crate alloc;

mod error;
mod id;
mod time;
pub mod varint;

pub use error::{DecodeError, Input};
pub use id::{
    ConnectionId, Epoch, LaneId, MessageSeq, OperationId, PacketNumber, PathId, Sequence,
    SessionInstance,
};
pub use time::{Time, UnixTime};
