//! The table of clients, and what lives as long as there are any.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rtm_client::ClientBuilder;

use crate::abi::{RTM_ERROR_IN_CALLBACK, RTM_ERROR_INIT_FAILED};
use crate::dispatcher::{self, Callback, Wake};
use crate::failure::Failure;
use crate::instance::Instance;
use crate::runtime::Runtime;

/// By number.
static CLIENTS: Mutex<Clients> = Mutex::new(Clients { last: 0, live: BTreeMap::new() });

/// Milliseconds for which a client that is destroyed waits for calls that still look at it.
const CALLS_PATIENCE: u32 = 1_000;

/// Held while the first client comes or the last one goes.
static LIFE: Mutex<usize> = Mutex::new(0);

struct Clients {
    last: u64,
    live: BTreeMap<u64, Arc<Instance>>,
}

fn clients() -> MutexGuard<'static, Clients> {
    CLIENTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The client with this number.
pub(crate) fn get(client: u64) -> Result<Arc<Instance>, Failure> {
    let live = clients().live.get(&client).map(Arc::clone);
    live.ok_or_else(|| Failure::released("client", client))
}

/// Makes a client.
pub(crate) fn create(builder: ClientBuilder, bell: Option<Callback<Wake>>) -> Result<u64, Failure> {
    refuse_in_callback("rtm_client_create")?;
    let client = builder.build()?;
    let mut count = LIFE.lock().unwrap_or_else(PoisonError::into_inner);
    if *count == 0 {
        dispatcher::resume().map_err(no_thread)?;
    }
    *count += 1;
    let begun = begin(client, bell);
    if begun.is_err() {
        *count -= 1;
        if *count == 0 {
            dispatcher::stop();
        }
    }
    begun
}

fn begin(client: rtm_client::RtmClient, bell: Option<Callback<Wake>>) -> Result<u64, Failure> {
    let runtime = Runtime::get()?;
    let mut clients = clients();
    clients.last += 1;
    let id = clients.last;
    if let Some(bell) = bell {
        dispatcher::add(id, bell).map_err(no_thread)?;
    }
    clients.live.insert(id, Instance::new(id, client, runtime));
    Ok(id)
}

/// Ends a client. When this returns, no callback of it is called any more; if it was the last one,
/// the library's threads have ended.
#[expect(clippy::disallowed_methods, reason = "a thread of the application's, never a runtime's")]
pub(crate) fn destroy(client: u64) -> Result<(), Failure> {
    refuse_in_callback("rtm_client_destroy")?;
    let instance = clients().live.remove(&client);
    let instance = instance.ok_or_else(|| Failure::released("client", client))?;
    instance.end();
    // Calls that are under way on other threads end soon: who polled has been woken.
    for _ in 0..CALLS_PATIENCE {
        if Arc::strong_count(&instance) == 1 {
            break;
        }
        thread::sleep(Duration::from_millis(1));
    }
    let mut count = LIFE.lock().unwrap_or_else(PoisonError::into_inner);
    drop(instance);
    *count -= 1;
    if *count == 0 {
        dispatcher::stop();
    }
    Ok(())
}

fn refuse_in_callback(call: &str) -> Result<(), Failure> {
    if !dispatcher::is_here() {
        return Ok(());
    }
    let code = RTM_ERROR_IN_CALLBACK;
    let text = format!("{call} would wait for the callback that it is called from [{code}]");
    Err(Failure::new(code, format!("{text}: call it from another thread")))
}

fn no_thread(error: io::Error) -> Failure {
    let code = RTM_ERROR_INIT_FAILED;
    let text = format!("the thread rtm-callback can't be started [{code} INIT_SERVICE_FAILED]");
    Failure::new(code, format!("{text}: {error}"))
}
