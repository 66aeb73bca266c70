//! `rtm lock`.

use clap::{Args, Subcommand};

use super::at::{At, Watching};
use super::who::Who;

#[derive(Subcommand)]
pub(crate) enum Lock {
    /// Make a lock that nobody has
    Set(LockSet),
    /// Acquire a lock, print its token, and hold it until Ctrl-C
    #[command(after_help = ACQUIRE)]
    Acquire(LockAcquire),
    /// Give up a lock that was acquired with --keep, within its TTL
    Release(LockOf),
    /// Take a lock from its owner
    Revoke(LockRevoke),
    /// Do away with a lock, whoever has it
    Remove(LockOf),
    /// Print all locks
    #[command(after_help = GET)]
    Get(LockGet),
    /// Print all locks, and then each change of one
    #[command(after_help = WATCH)]
    Watch(LockWatch),
}

/// Which lock is meant.
#[derive(Args)]
pub(crate) struct LockOf {
    #[command(flatten)]
    pub(crate) at: At,
    /// The lock
    pub(crate) lock: String,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Args)]
pub(crate) struct LockSet {
    #[command(flatten)]
    pub(crate) of: LockOf,
    /// How long an owner that is lost keeps it, in seconds; the server brings it to what it allows
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) ttl: u64,
}

#[derive(Args)]
pub(crate) struct LockAcquire {
    #[command(flatten)]
    pub(crate) of: LockOf,
    /// Wait while somebody else has it
    #[arg(long)]
    pub(crate) retry: bool,
    /// Release it after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) hold: Option<u64>,
    /// Don't hold it: leave it to your next command, within its TTL
    #[arg(long, conflicts_with = "hold")]
    pub(crate) keep: bool,
    /// Print an object: name, ttl_s, token
    #[arg(long)]
    pub(crate) json: bool,
    /// Don't say when it is held
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Args)]
pub(crate) struct LockRevoke {
    #[command(flatten)]
    pub(crate) of: LockOf,
    /// The owner that is meant
    #[arg(long, value_name = "USER")]
    pub(crate) owner: String,
}

#[derive(Args)]
pub(crate) struct LockGet {
    #[command(flatten)]
    pub(crate) at: At,
    /// Print an object: kind, channel, locks
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Args)]
pub(crate) struct LockWatch {
    #[command(flatten)]
    pub(crate) at: At,
    #[command(flatten)]
    pub(crate) watching: Watching,
    /// Print an object a line: kind, channel, change, actor, time_ms, locks
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) who: Who,
}

const ACQUIRE: &str = "Examples:
  rtm lock acquire lobby editor --as alice
  rtm lock acquire lobby editor --retry --hold 30 --as bob
  token=$(rtm lock acquire lobby editor --keep --as alice)
  rtm storage set lobby topic=cats --lock editor --lock-token $token --as alice
  rtm lock release lobby editor --as alice

Ctrl-C releases the lock. When it is revoked or removed, or nothing was heard of the server for its
TTL, the command fails. With --keep nobody else gets it before its TTL has passed since your last
command.";

const GET: &str = "Examples:
  rtm lock get lobby --as bob
  rtm lock get town --stream --as bob --json | jq -r '.locks[] | select(.owner) | .name'

Prints a line for each: name, owner (empty if it is free), TTL in seconds and the last token, with
tabs between them.";

const WATCH: &str = "Examples:
  rtm lock watch lobby --as bob
  rtm lock watch lobby --as bob --json --count 1

Prints `snapshot`, `set`, `acquired`, `released`, `expired` or `removed` and who did it, then the
lock as `rtm lock get` does; in a snapshot all of them. Tells nobody that you watch.";
