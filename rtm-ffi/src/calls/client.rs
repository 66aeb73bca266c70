//! Clients: made, logged in, destroyed.

use std::ptr;
use std::time::Duration;

use rtm_client::{ProtocolType, RtmClient as Client, ServerAddress};

use crate::abi::{self, RTM_OK, RtmBytes, RtmClient, RtmConfig};
use crate::arguments::{self, text};
use crate::calls::ask;
use crate::clients;
use crate::dispatcher::Callback;
use crate::failure::{Failure, guard};

/// Fills in the defaults. `size` is `sizeof (rtm_config)`.
///
/// # Safety
/// `config` is null, or a place for `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_config_init(config: *mut RtmConfig, size: u32) -> i32 {
    guard(|| {
        arguments::check_size("size", size, size_of::<RtmConfig>())?;
        // SAFETY: the caller's promise.
        let config = unsafe { arguments::place("config", config) }?;
        *config = RtmConfig {
            size,
            protocol: abi::RTM_PROTOCOL_TCP_UDP,
            app_id: RtmBytes::EMPTY,
            user_id: RtmBytes::EMPTY,
            server: RtmBytes::EMPTY,
            token: RtmBytes::EMPTY,
            login_timeout_ms: 0,
            reconnect_timeout_ms: 0,
            keep_alive_ms: 0,
            reserved: 0,
            wake: None,
            wake_context: ptr::null_mut(),
        };
        Ok(RTM_OK)
    })
}

/// Makes a client, which does nothing yet. The first one begins the library's threads. Not from a
/// callback.
///
/// # Safety
/// `config` is null or as `rtm_config_init` has made it, with what it points to; `client` is null,
/// or a place for a number. `wake` may be called with `wake_context` on another thread until
/// `rtm_client_destroy` has returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_client_create(
    config: *const RtmConfig,
    client: *mut RtmClient,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promises, here and below.
        let place = unsafe { arguments::place("client", client) }?;
        *place = 0;
        let config = unsafe { arguments::sized("config", config) }?;
        let app_id = unsafe { text("config.app_id", config.app_id) }?;
        let user_id = unsafe { text("config.user_id", config.user_id) }?;
        let server = unsafe { text("config.server", config.server) }?;
        let token = unsafe { text("config.token", config.token) }?;
        let mut builder = Client::builder(app_id, user_id).token(token);
        let server: ServerAddress = server.parse().map_err(Failure::from)?;
        builder = builder.server(server);
        builder = builder.protocol_type(match config.protocol {
            abi::RTM_PROTOCOL_TCP_UDP => ProtocolType::TcpUdp,
            abi::RTM_PROTOCOL_TCP_ONLY => ProtocolType::TcpOnly,
            abi::RTM_PROTOCOL_UDP_ONLY => ProtocolType::UdpOnly,
            other => {
                let wrong = format!("is {other}, not one of RTM_PROTOCOL_…");
                return Err(Failure::argument("config.protocol", wrong));
            }
        });
        if config.login_timeout_ms > 0 {
            let timeout = Duration::from_millis(config.login_timeout_ms.into());
            builder = builder.login_timeout(timeout);
        }
        if config.reconnect_timeout_ms > 0 {
            let timeout = Duration::from_millis(config.reconnect_timeout_ms.into());
            builder = builder.reconnect_timeout(Some(timeout));
        }
        if config.keep_alive_ms > 0 {
            // In whole seconds, the next ones.
            let pause = Duration::from_secs(config.keep_alive_ms.div_ceil(1_000).into());
            builder = builder.heartbeat_interval(pause);
        }
        let context = config.wake_context;
        let bell = config.wake.map(|function| Callback { function, context });
        *place = clients::create(builder, bell)?;
        Ok(RTM_OK)
    })
}

/// Ends a client: its requests get no result any more, and events that were not polled are gone.
/// Returns when its callback has returned, which is never called again; if it was the last client,
/// the library's threads have ended then. Its session ends without a word unless it was logged out.
/// Not from a callback.
#[unsafe(no_mangle)]
pub extern "C" fn rtm_client_destroy(client: RtmClient) -> i32 {
    guard(|| clients::destroy(client).map(|()| RTM_OK))
}

/// Logs in, with this token or, if it is empty, with the configuration's.
///
/// # Safety
/// `token` is readable; `request` is null, or a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_login(client: RtmClient, token: RtmBytes, request: *mut u64) -> i32 {
    guard(|| {
        // SAFETY: the caller's promises, here and below.
        let token = unsafe { text("token", token) }?.to_owned();
        let instance = clients::get(client)?;
        let request = unsafe { ask(&instance, request, abi::RTM_OPERATION_LOGIN, None) }?;
        let client = instance.client.clone();
        let login = async move {
            match token.is_empty() {
                true => client.login().await,
                false => client.login_with_token(token).await,
            }
        };
        request.run(login, |_, ()| {});
        Ok(RTM_OK)
    })
}

/// Logs out: all subscriptions, memberships and publishers end.
///
/// # Safety
/// `request` is null, or a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_logout(client: RtmClient, request: *mut u64) -> i32 {
    guard(|| {
        let instance = clients::get(client)?;
        // SAFETY: the caller's promise.
        let request = unsafe { ask(&instance, request, abi::RTM_OPERATION_LOGOUT, None) }?;
        let client = instance.client.clone();
        request.run(async move { client.logout().await }, |_, ()| {});
        Ok(RTM_OK)
    })
}

/// Tells the client that the device has changed its network, so that it asks at once whether its
/// session still gets through.
#[unsafe(no_mangle)]
pub extern "C" fn rtm_network_changed(client: RtmClient) -> i32 {
    guard(|| {
        clients::get(client)?.client.network_changed();
        Ok(RTM_OK)
    })
}

/// The state of the link now: `RTM_LINK_…`.
///
/// # Safety
/// `state` is null, or a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_link_state(client: RtmClient, state: *mut u32) -> i32 {
    guard(|| {
        let instance = clients::get(client)?;
        // SAFETY: the caller's promise.
        let place = unsafe { arguments::place("state", state) }?;
        *place = instance.client.link_state().number().into();
        Ok(RTM_OK)
    })
}
