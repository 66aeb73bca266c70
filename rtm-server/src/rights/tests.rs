use super::*;

fn permission(resource: u16, right: u16, names: &[&str]) -> Permission {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Permission { resource, right, names }
}

fn rights(permissions: &[Permission]) -> Rights {
    Rights::of_token(permissions.iter())
}

#[test]
fn each_kind_and_each_right_has_its_own_names() {
    use ChannelKind::{Message, Stream, User};
    let kinds = [(0, Message), (1, Stream), (4, User)];
    for (resource, listed) in kinds {
        for (right, is_write) in [(0, false), (1, true)] {
            let rights = rights(&[permission(resource, right, &["town"])]);
            for (_, kind) in kinds {
                for name in ["town", "tow", "towns", "Town", "village"] {
                    let is_listed = kind == listed && name == "town";
                    let found = (rights.may_read(kind, name), rights.may_write(kind, name));
                    assert_eq!(found, (is_listed && !is_write, is_listed && is_write), "{name}");
                }
            }
        }
    }
}

#[test]
fn names_that_end_in_an_asterisk_stand_for_all_that_begin_so() {
    let may_read = |listed: &[&str], name| {
        rights(&[permission(0, 0, listed)]).may_read(ChannelKind::Message, name)
    };
    for (listed, name, is_allowed) in [
        (&["room-*"][..], "room-7", true),
        (&["room-*"], "room-", true),
        (&["room-*"], "room", false),
        (&["room-*"], "Room-7", false),
        (&["*"], "anything", true),
        (&["room-", "*"], "anything", true),
        (&["a*b"], "aXb", false),
        (&["a**"], "aX", false),
        (&["b*", "a", "c*"], "cc", true),
        (&["b*", "a", "c*"], "aa", false),
        (&[], "", false),
    ] {
        assert_eq!(may_read(listed, name), is_allowed, "{listed:?} {name}");
    }
}

#[test]
fn what_is_of_no_known_kind_or_right_gives_nothing() {
    let listed = [permission(2, 0, &["*"]), permission(3, 1, &["*"]), permission(0, 2, &["*"])];
    let rights = rights(&listed);
    for kind in [ChannelKind::Message, ChannelKind::Stream, ChannelKind::User] {
        assert!(!rights.may_read(kind, "town") && !rights.may_write(kind, "town"));
    }
    assert!(!Rights::Listed(Arc::default()).may_read(ChannelKind::Unknown(9), "town"));
}

#[test]
fn stream_channels_want_a_token_unless_a_right_stands_for_it() {
    let listed = rights(&[permission(1, 0, &["read*"]), permission(1, 1, &["write"])]);
    let found = |rights: &Rights, name| (rights.may_join(name), rights.may_publish_in_topics(name));
    assert_eq!(found(&Rights::Open, "town"), (true, true));
    assert_eq!(found(&Rights::All, "town"), (false, false));
    assert_eq!(found(&listed, "reads"), (true, false));
    assert_eq!(found(&listed, "write"), (false, true));
    assert_eq!(found(&listed, "town"), (false, false));
}

#[test]
fn a_list_makes_the_same_rights_again() {
    let listed = rights(&[
        permission(0, 0, &["a", "b*"]),
        permission(0, 1, &["a"]),
        permission(1, 1, &["*"]),
        permission(4, 0, &["bob"]),
    ]);
    let list = listed.list().expect("it is one");
    assert_eq!(list.len(), 5);
    assert_eq!(Rights::of_list(list.into_iter()), listed);
    assert_eq!(Rights::of_list([].into_iter()), Rights::Listed(Arc::default()));
    assert_eq!((Rights::All.list(), Rights::Open.list()), (None, None));
}
