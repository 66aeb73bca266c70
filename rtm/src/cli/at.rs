//! Where a command is, and for how long it watches.

use clap::Args;
use rtm_client::ChannelId;

use crate::failure::Failure;

/// A message or stream channel.
#[derive(Args)]
pub(crate) struct At {
    /// The message channel; with --stream the stream channel
    pub(crate) channel: String,
    /// CHANNEL is a stream channel
    #[arg(long)]
    pub(crate) stream: bool,
}

impl At {
    /// The channel; its name is checked before anything is sent.
    pub(crate) fn id(&self) -> Result<ChannelId, Failure> {
        let make = if self.stream { ChannelId::stream } else { ChannelId::message };
        Ok(make(&self.channel)?)
    }
}

/// How long a command watches, and what it says of that.
#[derive(Args)]
pub(crate) struct Watching {
    /// End after so many events, of which all that is there is the first
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Don't say when watching has begun
    #[arg(long, short)]
    pub(crate) quiet: bool,
}
