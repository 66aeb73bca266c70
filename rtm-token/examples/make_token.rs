//! Makes a login token: `make_token APP_ID CERTIFICATE USER`.

use std::time::{SystemTime, UNIX_EPOCH};

use rtm_token::{AppId, Certificate, Service, Token};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let mut next = |default: &str| args.next().unwrap_or_else(|| default.to_owned());
    let app_id = AppId::new(&next("970CA35de60c44645bbae8a215061b33"))?;
    let certificate = Certificate::new(&next("5CFd2fd1755d40ecb72977518be15d3b"))?;
    let user = next("alice");
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let token = Token {
        app_id,
        issued_at: u32::try_from(now.as_secs())?,
        expires_in: 3_600,
        salt: 1 + now.subsec_nanos() % 99_999_999,
        services: vec![Service::rtm(&user, 3_600)],
    };
    println!("{}", token.sign(&certificate));
    Ok(())
}
