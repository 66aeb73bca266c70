//! Events: polled and freed.

use std::ptr;
use std::time::Duration;

use crate::abi::{RTM_NO_EVENT, RTM_OK, RtmClient, RtmEvent};
use crate::arguments;
use crate::clients;
use crate::event;
use crate::failure::{Failure, guard};

/// Takes the client's next event, and waits for one: so many milliseconds, not at all with 0, for
/// ever with less. `RTM_OK`: `event` is filled in, and to be freed. `RTM_NO_EVENT`: there is none.
/// Any threads may poll; each event goes to one of them.
///
/// # Safety
/// `event` is null, or a place as long as its `size` says, which is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_poll_event(
    client: RtmClient,
    timeout_ms: i32,
    event: *mut RtmEvent,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let size = unsafe { arguments::sized("event", event) }?.size;
        event::check_room()?;
        let instance = clients::get(client)?;
        let patience = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        let polled = instance.queue.poll(patience);
        let polled = polled.map_err(|_| Failure::released("client", client))?;
        let Some(polled) = polled else { return Ok(RTM_NO_EVENT) };
        let view = RtmEvent { size, ..event::lend(polled) };
        // SAFETY: the caller's promise; what is there now needs no drop.
        unsafe { ptr::write(event, view) };
        Ok(RTM_OK)
    })
}

/// Frees what an event points to, and makes it empty. Also after its client was destroyed.
///
/// # Safety
/// `event` is null, or one that `rtm_poll_event` has filled in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_event_free(event: *mut RtmEvent) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let RtmEvent { size, id, .. } = *unsafe { arguments::sized("event", event) }?;
        event::take_back(id)?;
        // SAFETY: the caller's promise.
        unsafe { ptr::write(event, RtmEvent { size, ..RtmEvent::NONE }) };
        Ok(RTM_OK)
    })
}
