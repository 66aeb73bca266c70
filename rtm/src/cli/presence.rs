//! `rtm presence`.

use clap::{Args, Subcommand};

use super::at::{At, Watching};
use super::who::Who;

#[derive(Subcommand)]
pub(crate) enum Presence {
    /// Be in a channel, show states, and print who comes, goes and shows what
    #[command(after_help = SHOW)]
    Show(Show),
    /// List who is in a channel
    #[command(after_help = WHO)]
    Who(WhoIsThere),
    /// Print what a user shows in a channel
    Get(StateOf),
    /// List the channels that a user is in
    Where(Where),
}

#[derive(Args)]
pub(crate) struct Show {
    #[command(flatten)]
    pub(crate) at: At,
    /// What to show; may be repeated
    #[arg(long = "state", value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub(crate) states: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) watching: Watching,
    /// Print an object a line: change, total, time_ms, joined, left, timed_out, users
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Args)]
pub(crate) struct WhoIsThere {
    #[command(flatten)]
    pub(crate) at: At,
    /// Also tell what they show
    #[arg(long)]
    pub(crate) states: bool,
    /// Ask for so many users at a time [default: what the server gives]
    #[arg(long, value_name = "USERS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) page_size: Option<u64>,
    /// Print an object a line: user, states
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Args)]
pub(crate) struct StateOf {
    #[command(flatten)]
    pub(crate) at: At,
    /// Whose states
    #[arg(value_name = "USER")]
    pub(crate) whose: String,
    /// Print an object: user, states
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Args)]
pub(crate) struct Where {
    /// Whom to find
    #[arg(value_name = "USER")]
    pub(crate) whom: String,
    /// Print an object a line: kind, channel
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) who: Who,
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err("there is no \"=\" in it".to_owned()),
    }
}

const SHOW: &str = "Examples:
  rtm presence show lesson --as alice --state mood=well --state hand=up
  rtm presence show lesson --as bob --json | jq -c .users

States last as long as the command runs.";

const WHO: &str = "Examples:
  rtm presence who lesson --as bob --states
  rtm presence who town --stream --as bob --json | jq -r .user
  rtm presence get lesson alice --as bob
  rtm presence where alice --as bob

Who asks need not be in the channel.";
