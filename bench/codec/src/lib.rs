//! The same messages for three codecs: RTM's own, protobuf (`prost`) and postcard.
//!
//! Where a choice had to be made, it favours the others: their packets hold one frame, not a list
//! of them; protobuf decodes into a message that is used again, with `Bytes` payloads that share
//! the buffer; postcard borrows text and payloads from it.

pub mod compact;
pub mod proto;
pub mod sample;
