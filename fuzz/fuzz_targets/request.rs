//! Messages from clients.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtm_wire::{Encode, Item, List, Request, varint};
use rtm_wire_fuzz::written_as;

fuzz_target!(|data: &[u8]| {
    let Ok(request) = Request::decode(data) else { return };
    written_as(&request, data);
    match request.1 {
        Request::SubscribeTopic(request) => holds_what_it_says(request.users),
        Request::UnsubscribeTopic(request) => holds_what_it_says(request.users),
        _ => (),
    }
});

/// The list has as many items as it says, and they take the bytes that it says.
fn holds_what_it_says<'a, T: Item<'a>>(list: List<'a, T>) {
    let items = list.iter().map(|item| item.encoded_len()).sum::<usize>();
    assert_eq!(list.iter().count(), list.len());
    assert_eq!(varint::len(list.len() as u64) + items, list.encoded_len());
}
