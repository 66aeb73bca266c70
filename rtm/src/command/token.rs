//! `rtm token`.

use crate::cli::Token;
use crate::connection::Mint;
use crate::failure::Failure;

pub(crate) fn run(arguments: &Token) -> Result<(), Failure> {
    let Token { user, channel, expires, app } = arguments;
    let token = Mint::find(app)?.token(user, channel, *expires)?;
    println!("{token}");
    Ok(())
}
