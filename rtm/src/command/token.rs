//! `rtm token`.

use rtm_token::{Permission, Service, resource, right};

use crate::cli::{Rights, Token};
use crate::connection::Mint;
use crate::failure::Failure;

pub(crate) fn run(arguments: &Token) -> Result<(), Failure> {
    let Token { user, channel, listen, rights, expires, app } = arguments;
    let mut services = vec![match permissions(rights) {
        Some(permissions) => Service::rtm2(user, *expires, permissions),
        None => Service::rtm(user, *expires),
    }];
    services.extend(channel.iter().map(|channel| Service::rtc(channel, user, *expires)));
    services.extend(listen.iter().map(|it| Service::rtc_subscriber(it, user, *expires)));
    let token = Mint::find(app)?.token(services, *expires)?;
    println!("{token}");
    Ok(())
}

/// What is listed; none if nothing is said.
fn permissions(rights: &Rights) -> Option<Vec<Permission>> {
    let all = [
        (resource::MESSAGE_CHANNELS, right::READ, &rights.read),
        (resource::MESSAGE_CHANNELS, right::WRITE, &rights.write),
        (resource::STREAM_CHANNELS, right::READ, &rights.read_stream),
        (resource::STREAM_CHANNELS, right::WRITE, &rights.write_stream),
        (resource::USERS, right::READ, &rights.read_user),
        (resource::USERS, right::WRITE, &rights.write_user),
    ];
    let listed = all.into_iter().filter(|(_, _, names)| !names.is_empty());
    let permission = |(resource, right, names): (u16, u16, &Vec<String>)| Permission {
        resource,
        right,
        names: names.clone(),
    };
    let permissions: Vec<_> = listed.map(permission).collect();
    (rights.no_rights || !permissions.is_empty()).then_some(permissions)
}
