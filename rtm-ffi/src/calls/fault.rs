//! Faults on purpose, for tests of what comes of them.

use crate::abi::{self, RTM_OK, RtmClient};
use crate::calls::ask;
use crate::failure::guard;

/// Panics: in this call with `place` 0, in the task of a request with 1, in another one with 2.
///
/// # Safety
/// `request` is null, or a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_fault(client: RtmClient, place: u32, request: *mut u64) -> i32 {
    guard(|| {
        assert!(place != 0, "a fault in a call");
        // SAFETY: the caller's promise.
        unsafe {
            ask(client, request, abi::RTM_OPERATION_LOGIN, None, |instance, request| {
                if place == 1 {
                    instance.spawn(async move {
                        let _request = request;
                        panic!("a fault in the task of a request");
                    });
                } else {
                    request.end(Ok(()));
                    instance.spawn(async { panic!("a fault in a task") });
                }
            })
        }?;
        Ok(RTM_OK)
    })
}
