//! Watching: events as text, until there are enough.

use crate::failure::{Exit, Failure};
use crate::output::print;
use crate::stop::Stop;

/// Prints the text of each event until there are as many as asked for, they end, nobody reads them
/// any more, or somebody interrupts.
pub(super) async fn print_all(
    mut next: impl AsyncFnMut() -> Result<Option<Vec<u8>>, Failure>,
    count: Option<u64>,
    stop: &mut Stop,
) -> Result<(), Failure> {
    let mut printed = 0;
    while count.is_none_or(|count| printed < count) {
        let text = tokio::select! {
            () = stop.wait() => break,
            text = next() => text?,
        };
        let Some(text) = text else { break };
        if !print(&text)? {
            return Ok(());
        }
        printed += 1;
    }
    if count.is_some_and(|count| printed < count) {
        return Err(Failure::new(Exit::Interrupted, format!("ended after {printed} events")));
    }
    Ok(())
}
