//! Answers to requests, encoded.

use bytes::Bytes;
use rtm_channel::Refusal;
use rtm_wire::{Encode, ErrorCode, OperationId, Reply, ReplyResult};

/// A positive answer.
pub(crate) fn granted(operation: OperationId, result: ReplyResult<'_>) -> Bytes {
    encode(&Reply { operation, code: ErrorCode::OK, reason: "", result })
}

/// A negative answer; its reason is cut to what the wire takes.
pub(crate) fn refused(operation: OperationId, refusal: &Refusal) -> Bytes {
    let mut end = refusal.reason.len().min(rtm_wire::limits::REASON);
    while !refusal.reason.is_char_boundary(end) {
        end -= 1;
    }
    let reason = &refusal.reason[..end];
    encode(&Reply { operation, code: refusal.code, reason, result: ReplyResult::None })
}

pub(super) fn encode(operation: &impl Encode) -> Bytes {
    let mut message = Vec::with_capacity(operation.encoded_len());
    operation.encode(&mut message);
    message.into()
}
