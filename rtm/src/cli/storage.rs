//! `rtm storage`.

use clap::{Args, Subcommand};

use super::at::Watching;
use super::who::Who;

#[derive(Subcommand)]
pub(crate) enum Storage {
    /// Write items, whether they are there or not
    #[command(after_help = SET)]
    Set(StorageWrite),
    /// Write items that are all there
    Update(StorageWrite),
    /// Remove items that are all there, or the whole set
    #[command(after_help = REMOVE)]
    Remove(StorageRemove),
    /// Print the whole set
    #[command(after_help = GET)]
    Get(StorageGet),
    /// Print the set, and then each change of it
    #[command(after_help = WATCH)]
    Watch(StorageWatch),
}

/// Whose metadata is meant.
#[derive(Args)]
pub(crate) struct Owner {
    /// The message channel; with --stream the stream channel, with --user the user
    pub(crate) name: String,
    /// NAME is a stream channel
    #[arg(long, conflicts_with = "is_user")]
    pub(crate) stream: bool,
    /// NAME is a user
    #[arg(long = "user")]
    pub(crate) is_user: bool,
}

/// What a write expects, and what is kept of it.
#[derive(Args)]
pub(crate) struct Conditions {
    /// Only if each of the items is at this revision; 0: only if none is there
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(i64).range(-1..)
    )]
    pub(crate) revision: Option<i64>,
    /// Only if the set is at this revision; 0: only if it isn't there
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(i64).range(-1..)
    )]
    pub(crate) major: Option<i64>,
    /// Only while you hold this lock of the channel
    #[arg(long, value_name = "LOCK")]
    pub(crate) lock: Option<String>,
    /// Only while this is the lock's token
    #[arg(long, requires = "lock", value_name = "TOKEN")]
    pub(crate) lock_token: Option<u64>,
    /// Say nothing when all has gone well
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Args)]
pub(crate) struct StorageWrite {
    #[command(flatten)]
    pub(crate) owner: Owner,
    /// The items; a key has no `=`
    #[arg(required = true, value_name = "KEY=VALUE")]
    pub(crate) items: Vec<String>,
    /// Keep the time of this write with the items
    #[arg(long)]
    pub(crate) record_time: bool,
    /// Keep who has written them
    #[arg(long)]
    pub(crate) record_author: bool,
    #[command(flatten)]
    pub(crate) conditions: Conditions,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Args)]
pub(crate) struct StorageRemove {
    #[command(flatten)]
    pub(crate) owner: Owner,
    /// The items
    #[arg(value_name = "KEY", required_unless_present = "all")]
    pub(crate) keys: Vec<String>,
    /// The whole set
    #[arg(long, conflicts_with_all = ["keys", "revision"])]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) conditions: Conditions,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Args)]
pub(crate) struct StorageGet {
    #[command(flatten)]
    pub(crate) owner: Owner,
    /// Print an object: kind, name, major_revision, items
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Args)]
pub(crate) struct StorageWatch {
    #[command(flatten)]
    pub(crate) owner: Owner,
    #[command(flatten)]
    pub(crate) watching: Watching,
    /// Print an object a line: change, author, time_ms, major_revision, changed, removed, items
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) who: Who,
}

const SET: &str = "Examples:
  rtm storage set lobby topic=cats color=red --as alice
  rtm storage set lobby round=8 --revision 41 --as alice
  rtm storage set town map=winter --stream --major 0 --as alice
  rtm storage set alice mood=fine --user --as alice

All of the items are written, or none. What is at another revision than was expected fails, with
-12014: get it, and try again.";

const REMOVE: &str = "Examples:
  rtm storage remove lobby topic --as alice
  rtm storage remove lobby --all --as alice";

const GET: &str = "Examples:
  rtm storage get lobby --as bob
  rtm storage get alice --user --as bob --json | jq -r '.items[] | .key + \": \" + .value'

Prints KEY=VALUE lines; the set's revision is told on standard error.";

const WATCH: &str = "Examples:
  rtm storage watch lobby --as bob
  rtm storage watch alice --user --as bob --json --count 1

Prints `snapshot`, `set`, `update` or `remove`, the set's revision and who did it, then what was
written as KEY=VALUE, and the keys of what was removed as -KEY. Tells nobody that you watch.";
