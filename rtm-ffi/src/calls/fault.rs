//! Faults on purpose, for tests of what comes of them.

use crate::abi::{self, RTM_OK, RtmClient};
use crate::calls::ask;
use crate::clients;
use crate::failure::guard;

/// Panics: in this call with `place` 0, in the task of a request with 1, in another one with 2.
///
/// # Safety
/// `request` is null, or a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_fault(client: RtmClient, place: u32, request: *mut u64) -> i32 {
    guard(|| {
        assert!(place != 0, "a fault in a call");
        let instance = clients::get(client)?;
        // SAFETY: the caller's promise.
        let request = unsafe { ask(&instance, request, abi::RTM_OPERATION_LOGIN, None) }?;
        if place == 1 {
            request.run(async { panic!("a fault in the task of a request") }, |_, ()| {});
        } else {
            request.end(Ok(()));
            instance.spawn(async { panic!("a fault in a task") });
        }
        Ok(RTM_OK)
    })
}
