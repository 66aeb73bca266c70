//! Events that are told to who is in a channel, whatever they are of.

use super::Core;
use super::command::{Credit, Output};
use crate::channel_id::ChannelId;
use crate::message::ChannelEvent;
use crate::stream::StreamEvent;

/// How an event is told in each kind of channel.
pub(super) type Told<E> = (fn(E) -> ChannelEvent, fn(E) -> StreamEvent);

impl<W> Core<W> {
    /// Gives an event to who is in the channel. Whether it went to a subscription, which takes its
    /// credit.
    pub(super) fn tell<E>(
        &mut self,
        channel: &ChannelId,
        event: E,
        (of_channel, of_stream): Told<E>,
        credit: Option<Credit>,
    ) -> bool {
        let name = channel.channel_name();
        if channel.is_stream() {
            let handle = self.streams.get(name).and_then(|entry| entry.events);
            let output = handle.map(|handle| Output::Stream { handle, event: of_stream(event) });
            self.outputs.extend(output);
            return false;
        }
        let handle = self.channels.get(name).and_then(|entry| entry.handle);
        let output = |handle| Output::Channel { handle, event: of_channel(event), credit };
        let output = handle.map(output);
        let is_told = output.is_some();
        self.outputs.extend(output);
        is_told
    }
}
