//! What carrying something out gives: what is to be sent, and what is to be kept.

use rtm_channel::{ChannelKey, SubscriberId};

use super::catch_up::Beginning;
use super::command::Output;
use super::histories::Reader;
use crate::store::{Change, Query};

/// Outputs and changes, in order.
///
/// The owner looks at the changes before it lets the outputs go.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) outputs: Vec<Output>,
    pub(super) changes: Vec<Change>,
    /// What the store is to be asked, and for whom.
    pub(super) reads: Vec<(Reader, Query)>,
    /// Who is to get first what it has missed.
    pub(super) beginning: Option<Beginning>,
    /// Sessions that are gone from channels.
    pub(super) lost: Vec<(ChannelKey, SubscriberId)>,
}

impl Outbox {
    /// Something to be sent.
    pub(super) fn push(&mut self, output: Output) {
        self.outputs.push(output);
    }

    /// Something to be kept.
    pub(super) fn keep(&mut self, change: Change) {
        self.changes.push(change);
    }
}

impl Extend<Output> for Outbox {
    fn extend<I: IntoIterator<Item = Output>>(&mut self, outputs: I) {
        self.outputs.extend(outputs);
    }
}
