//! Positions: `cargo run -p rtm-examples --bin positions -- SERVER APP USER [TOKEN]`.
//!
//! Everybody walks through the stream channel "town", from (0, 0) to (100, 50), and says forty
//! times a second where it is; where the others are is printed. A position is worth nothing once
//! there is a newer one, so the topic is latest-only: on a bad network fewer positions arrive, and
//! always the newest, and who comes later sees at once where everybody is. The end of the input is
//! the end; who has arrived stands still until then.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use rtm_client::{Error, JoinOptions, PublishOptions, Publishers, TopicEvent, TopicOptions};
use rtm_examples::{Arguments, run};
use tokio::io::AsyncReadExt;

/// What a real program would ask a sensor for.
const STEPS: u16 = 100;
const STEP: Duration = Duration::from_millis(25);

#[tokio::main]
async fn main() -> ExitCode {
    run("positions", positions).await
}

async fn positions(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.client()?;
    client.login().await?;
    let town = client.stream_channel("town")?;
    let joined = town.join(JoinOptions::new().token(&arguments.token)).await?;
    let own = town.join_topic("positions", TopicOptions::new().latest_only()).await?;
    let mut others = town.subscribe_topic("positions", Publishers::All).await?;
    eprintln!("you are {} in the town", arguments.user);

    let mut known = BTreeMap::new();
    let mut step = 0;
    let mut ticks = tokio::time::interval(STEP);
    let mut input = tokio::io::stdin();
    let mut byte = [0];
    loop {
        tokio::select! {
            _ = ticks.tick(), if step < STEPS => {
                step += 1;
                // Succeeds at once, also without a connection: then the newest waits for it.
                own.publish(encode(step, step / 2), PublishOptions::new()).await?;
            }
            event = others.recv() => match event {
                Some(TopicEvent::Message(message)) => {
                    if let Some((x, y)) = decode(&message.payload) {
                        println!("{} is at {x} {y}", message.publisher);
                        known.insert(message.publisher.to_string(), (x, y));
                    }
                }
                Some(TopicEvent::Ended(error)) => return Err(error),
                Some(_) => {}
                None => break,
            },
            read = input.read(&mut byte) => if matches!(read, Ok(0) | Err(_)) {
                break;
            },
        }
    }
    eprintln!("{} others were here", known.len());
    // What was said last is with the server before the topic is left.
    own.leave().await?;
    drop(joined);
    client.logout().await
}

/// Four bytes: small messages are what this is for.
fn encode(x: u16, y: u16) -> Vec<u8> {
    [x.to_be_bytes(), y.to_be_bytes()].concat()
}

/// What somebody sends may be anything.
fn decode(payload: &[u8]) -> Option<(u16, u16)> {
    let &[a, b, c, d] = payload else { return None };
    Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}
