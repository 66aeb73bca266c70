//! A transfer that is as fast as it can be.

use bytes::Bytes;

use crate::Failure;
use crate::clock::now;
use crate::pacer::Pacer;
use crate::work::Work;

/// For clients that block while the peer takes no more: sends until the time is over.
///
/// # Errors
/// What `send` says, or the file can't be written.
pub(crate) fn run(
    work: &Work,
    pacer: Pacer,
    mut send: impl FnMut(Bytes) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let piece = work.bulk_piece(pacer.start_time());
    while now() < pacer.deadline() {
        send(piece.clone())?;
    }
    pacer.run(|_| {})
}
