//! The app of a server without configured apps.

use std::path::Path;

use rtm_token::{AppId, Certificate};
use serde::{Deserialize, Serialize};

use super::{damaged, read, write};
use crate::access::Access;
use crate::error::ServerError;

/// An app that the server has made for itself.
#[derive(Clone, Debug)]
pub struct OwnApp {
    /// Its id.
    pub id: AppId,
    /// What signs its tokens.
    pub certificate: Certificate,
}

impl OwnApp {
    /// Has it served.
    pub fn add_to(&self, access: &mut Access) {
        let id = rtm_channel::AppId::new(self.id.as_str()).expect("32 digits are a name");
        access.insert(id, Some(self.certificate.clone()));
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    app_id: String,
    certificate: String,
}

pub(super) fn load_or_make(path: &Path, fresh: [u8; 32]) -> Result<OwnApp, ServerError> {
    if let Some(text) = read(path)? {
        let text: Text = serde_json::from_str(&text).map_err(|error| damaged(path, error))?;
        let id = AppId::new(&text.app_id).map_err(|error| damaged(path, error))?;
        let certificate =
            Certificate::new(&text.certificate).map_err(|error| damaged(path, error))?;
        return Ok(OwnApp { id, certificate });
    }
    let (id, certificate) = fresh.split_at(16);
    let (app_id, certificate) = (hex(id), hex(certificate));
    let app = OwnApp {
        id: AppId::new(&app_id).expect("16 bytes are 32 digits"),
        certificate: Certificate::new(&certificate).expect("16 bytes are 32 digits"),
    };
    let text =
        serde_json::to_string_pretty(&Text { app_id, certificate }).expect("two strings are JSON");
    write(path, &format!("{text}\n"))?;
    Ok(app)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
