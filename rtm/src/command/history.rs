//! `rtm history`: what was stored.

use rtm_client::{HISTORY_COUNT_MAX, HistoryMessages, HistoryOptions, RtmClient};

use crate::cli::{HistoryGet, HistoryOwn, HistoryPart};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::{Printer, Received, is_read};
use crate::visit::visit;

pub(crate) async fn get(arguments: HistoryGet) -> Result<(), Failure> {
    let HistoryGet { channel, part, who } = arguments;
    let client = Connection::find(&who, &[])?.client;
    // The name is checked before anything is sent.
    client.message_channel(&channel)?;
    let printer = Printer::new(&channel, None, part.json);
    visit(&client, print_all(&client, Some(&channel), &part, printer)).await
}

pub(crate) async fn own(arguments: HistoryOwn) -> Result<(), Failure> {
    let HistoryOwn { part, who } = arguments;
    let client = Connection::find(&who, &[])?.client;
    let printer = Printer::new(&who.user, None, part.json);
    visit(&client, print_all(&client, None, &part, printer)).await
}

/// Page by page, until there are enough, no more, or nobody reads them.
async fn print_all(
    client: &RtmClient,
    channel: Option<&str>,
    part: &HistoryPart,
    mut printer: Printer,
) -> Result<(), Failure> {
    let history = client.history();
    let mut options = HistoryOptions::new().oldest_first(part.oldest_first);
    options = part.start.map_or(options.clone(), |start| options.start(start));
    options = part.end.map_or(options.clone(), |end| options.end(end));
    let mut left = part.count.unwrap_or(u64::MAX);
    while left > 0 {
        let count = u32::try_from(left).unwrap_or(u32::MAX).min(HISTORY_COUNT_MAX);
        let options_now = options.clone().message_count(count);
        let HistoryMessages { messages, next, .. } = match channel {
            Some(channel) => history.get_messages(channel, options_now).await?,
            None => history.get_own_messages(options_now).await?,
        };
        left = left.saturating_sub(messages.len() as u64);
        for found in messages {
            printer.print(&Received::from(found.message))?;
        }
        if !is_read(printer.flush())? {
            return Ok(());
        }
        match next {
            Some(next) => options = options.page(next),
            None => return Ok(()),
        }
    }
    Ok(())
}
