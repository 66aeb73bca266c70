//! Where servers are (RTM 2.x: `areaCode`).

use std::ops::BitOr;

/// A set of areas, as in RTM 2.x.
///
/// A server of one's own is where its owner has put it, so that only [`GLOBAL`](Self::GLOBAL)
/// means something here; name servers near your users by
/// [`server`](crate::ClientBuilder::server) instead.
///
/// ```
/// use rtm_client::AreaCode;
///
/// assert_eq!(AreaCode::GLOBAL.number(), 0xffff_ffff);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AreaCode(u32);

impl AreaCode {
    /// Everywhere. The default.
    pub const GLOBAL: Self = Self(0xffff_ffff);
    /// Mainland China.
    pub const CHINA: Self = Self(1);
    /// North America.
    pub const NORTH_AMERICA: Self = Self(2);
    /// Europe.
    pub const EUROPE: Self = Self(4);
    /// Asia without mainland China.
    pub const ASIA: Self = Self(8);
    /// Japan.
    pub const JAPAN: Self = Self(0x10);
    /// India.
    pub const INDIA: Self = Self(0x20);

    /// The number that RTM 2.x gives it.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl Default for AreaCode {
    fn default() -> Self {
        Self::GLOBAL
    }
}

impl BitOr for AreaCode {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
